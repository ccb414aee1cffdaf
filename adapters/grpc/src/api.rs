//! Thin clients of an executor, for the command line: submit a task, manage performers.

mod probe;

use std::fmt;
use std::time::Duration;

use hourglass_core::Secret;
use hourglass_core::service::{AuthProof, Challenge, SignedResult};
use hourglass_core::task::RawSubmission;
use thiserror::Error;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Response, Status};

use crate::proto::admin::performer_upgrade_service_client::PerformerUpgradeServiceClient;
use crate::proto::admin::{AbortUpgradeRequest, PromotePerformerRequest};
use crate::proto::common::AuthSignature;
use crate::proto::v1::executor_management_service_client::ExecutorManagementServiceClient;
use crate::proto::v1::executor_service_client::ExecutorServiceClient;
use crate::proto::v1::{
    DeployArtifactRequest, DeployArtifactResponse, GetChallengeTokenRequest, ListPerformersRequest, Performer,
    RemovePerformerRequest,
};
use crate::server::REASON_KEY;

/// How an executor is reached.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// `host:port`, or a URL with `http` or `https`.
    pub address: String,
    /// TLS; needed for `https`.
    pub tls: Option<ApiTls>,
    /// How long connecting may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long a call may take. Default 15 min, which a deployment may need.
    pub call_timeout: Duration,
}

/// Whom to trust and who to be.
#[derive(Clone)]
pub struct ApiTls {
    /// The authorities that the executor's certificate may come from, PEM.
    pub ca: Vec<u8>,
    /// Certificate and key for mTLS, PEM.
    pub identity: Option<(Vec<u8>, Secret<Vec<u8>>)>,
    /// The name that the certificate must carry, where it is not the host of the address.
    pub server_name: Option<String>,
}

impl fmt::Debug for ApiTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl ApiOptions {
    /// Plaintext to an address, with default times.
    pub fn new(address: impl Into<String>) -> Self {
        let (connect_timeout, call_timeout) = (Duration::from_secs(5), Duration::from_secs(15 * 60));
        Self { address: address.into(), tls: None, connect_timeout, call_timeout }
    }
}

/// Why an executor did not do as asked.
#[derive(Debug, Error)]
pub enum ApiError {
    /// It cannot be reached that way.
    #[error("cannot reach an executor at {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
    /// The call is plaintext and the listener uses TLS.
    #[error(
        "the executor at {address} uses TLS, and the call does not: name the authority of its certificate with --tls-ca"
    )]
    TlsExpected {
        /// Where.
        address: String,
    },
    /// The call uses TLS and the listener does not.
    #[error("the executor at {address} does not use TLS, and the call does: leave out --tls-ca")]
    TlsNotOffered {
        /// Where.
        address: String,
    },
    /// It refused.
    #[error("{message} ({code:?}{})", reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default())]
    Refused {
        /// The gRPC code.
        code: Code,
        /// The executor's stable reason, if it gave one.
        reason: Option<String>,
        /// Its words.
        message: String,
    },
}

impl From<Status> for ApiError {
    fn from(status: Status) -> Self {
        let reason = status.metadata().get(REASON_KEY).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // A connection that broke under the call has no status of the executor's; gRPC calls that UNAVAILABLE.
        let broke = status.code() == Code::Unknown && std::error::Error::source(&status).is_some();
        let code = if broke { Code::Unavailable } else { status.code() };
        Self::Refused { code, reason, message: status.message().to_owned() }
    }
}

impl ApiError {
    /// The executor's stable reason, or ours.
    pub fn reason(&self) -> &str {
        match self {
            Self::Connect { .. } => "ExecutorUnreachable",
            Self::TlsExpected { .. } => "TlsExpected",
            Self::TlsNotOffered { .. } => "TlsNotOffered",
            Self::Refused { reason, .. } => reason.as_deref().unwrap_or("Refused"),
        }
    }

    /// Whether a retry of the same may succeed.
    pub fn retryable(&self) -> bool {
        use Code::{DeadlineExceeded, Internal, ResourceExhausted, Unavailable};
        match self {
            Self::Connect { .. } => true,
            Self::TlsExpected { .. } | Self::TlsNotOffered { .. } => false,
            // Our client's word for a connection that was cut before the request was on its way; the known aggregator's is
            // UNAVAILABLE. An executor never answers so.
            Self::Refused { code: Code::Cancelled, reason: None, .. } => true,
            Self::Refused { code, .. } => matches!(code, Unavailable | DeadlineExceeded | ResourceExhausted | Internal),
        }
    }
}

/// An executor that can be called.
#[derive(Clone)]
pub struct ExecutorApi {
    channel: Channel,
    address: String,
    tls: bool,
    call_timeout: Duration,
}

impl ExecutorApi {
    /// Connects.
    ///
    /// # Errors
    /// [`ApiError::Connect`], [`ApiError::TlsNotOffered`]. That TLS is expected comes out with the first call.
    pub async fn connect(options: ApiOptions) -> Result<Self, ApiError> {
        let ApiOptions { address, tls, connect_timeout, call_timeout } = options;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = if address.contains("://") { address.clone() } else { format!("{scheme}://{address}") };
        let failed = |source| ApiError::Connect { address: address.clone(), source };
        let uses_tls = tls.is_some();
        let mut endpoint = Endpoint::from_shared(url).map_err(failed)?.connect_timeout(connect_timeout);
        if let Some(tls) = tls {
            let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(tls.ca));
            if let Some((certificate, key)) = tls.identity {
                config = config.identity(Identity::from_pem(certificate, key.expose()));
            }
            if let Some(name) = tls.server_name {
                config = config.domain_name(name);
            }
            endpoint = endpoint.tls_config(config).map_err(failed)?;
        }
        match endpoint.connect().await {
            Ok(channel) => Ok(Self { channel, address, tls: uses_tls, call_timeout }),
            Err(source) => Err(mismatch(&address, uses_tls).await.unwrap_or_else(|| failed(source))),
        }
    }

    /// The answer of a call; where the connection broke under it, it is looked whether the two sides speak the same.
    async fn answered<T>(&self, outcome: Result<Response<T>, Status>) -> Result<T, ApiError> {
        let status = match outcome {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        // A status of the executor's own has no source.
        let broke = std::error::Error::source(&status).is_some();
        let explained = if broke { mismatch(&self.address, self.tls).await } else { None };
        Err(explained.unwrap_or_else(|| status.into()))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.call_timeout);
        request
    }

    /// Submits a task and returns the answer as it came: nothing of it is verified here.
    ///
    /// # Errors
    /// [`ApiError::Refused`].
    pub async fn submit(&self, submission: RawSubmission) -> Result<SignedResult, ApiError> {
        let mut client = ExecutorServiceClient::new(self.channel.clone());
        let answer = self.answered(client.submit_task(self.request(submission.into())).await).await?;
        Ok(answer.into())
    }

    fn management(&self) -> ExecutorManagementServiceClient<Channel> {
        ExecutorManagementServiceClient::new(self.channel.clone())
    }

    /// Asks for a challenge to sign.
    ///
    /// # Errors
    /// [`ApiError::Refused`]; UNIMPLEMENTED where the executor asks for no authentication.
    pub async fn challenge(&self, operator_address: impl Into<String>) -> Result<Challenge, ApiError> {
        let message = GetChallengeTokenRequest { operator_address: operator_address.into() };
        let answer = self.answered(self.management().get_challenge_token(self.request(message)).await).await?;
        Ok(Challenge { token: answer.challenge_token, expires_at: answer.expires_at })
    }

    /// Deploys an artifact; returns when it serves.
    ///
    /// # Errors
    /// [`ApiError::Refused`].
    pub async fn deploy(
        &self,
        mut request: DeployArtifactRequest,
        proof: Option<AuthProof>,
    ) -> Result<DeployArtifactResponse, ApiError> {
        request.auth = auth(proof);
        self.answered(self.management().deploy_artifact(self.request(request)).await).await
    }

    /// Lists performers; an empty address lists those of every AVS.
    ///
    /// # Errors
    /// [`ApiError::Refused`].
    pub async fn list(
        &self,
        avs_address: impl Into<String>,
        proof: Option<AuthProof>,
    ) -> Result<Vec<Performer>, ApiError> {
        let message = ListPerformersRequest { avs_address: avs_address.into(), auth: auth(proof) };
        Ok(self.answered(self.management().list_performers(self.request(message)).await).await?.performers)
    }

    /// Removes a performer; returns the executor's words.
    ///
    /// # Errors
    /// [`ApiError::Refused`].
    pub async fn remove(&self, performer_id: impl Into<String>, proof: Option<AuthProof>) -> Result<String, ApiError> {
        let message = RemovePerformerRequest { performer_id: performer_id.into(), auth: auth(proof) };
        Ok(self.answered(self.management().remove_performer(self.request(message)).await).await?.message)
    }

    /// Lets the revision that is ready and waits take over; returns the executor's words when it serves.
    ///
    /// # Errors
    /// [`ApiError::Refused`]; FAILED_PRECONDITION where nothing waits or what waits is not ready.
    pub async fn promote(&self, performer_id: impl Into<String>, proof: Option<AuthProof>) -> Result<String, ApiError> {
        let message = PromotePerformerRequest { performer_id: performer_id.into(), auth: auth(proof) };
        Ok(self.answered(self.upgrades().promote_performer(self.request(message)).await).await?.message)
    }

    /// Calls an upgrade off; returns the executor's words.
    ///
    /// # Errors
    /// [`ApiError::Refused`]; FAILED_PRECONDITION where none is under way.
    pub async fn abort(&self, performer_id: impl Into<String>, proof: Option<AuthProof>) -> Result<String, ApiError> {
        let message = AbortUpgradeRequest { performer_id: performer_id.into(), auth: auth(proof) };
        Ok(self.answered(self.upgrades().abort_upgrade(self.request(message)).await).await?.message)
    }

    fn upgrades(&self) -> PerformerUpgradeServiceClient<Channel> {
        PerformerUpgradeServiceClient::new(self.channel.clone())
    }
}

/// Whether one side uses TLS and the other does not, as far as the listener shows it.
async fn mismatch(address: &str, tls: bool) -> Option<ApiError> {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    let address = address.to_owned();
    match tls {
        false => probe::speaks_tls(authority).await.then_some(ApiError::TlsExpected { address }),
        true => probe::speaks_plaintext(authority).await.then_some(ApiError::TlsNotOffered { address }),
    }
}

fn auth(proof: Option<AuthProof>) -> Option<AuthSignature> {
    proof.map(|proof| AuthSignature { challenge_token: proof.challenge_token, signature: proof.signature })
}
