//! Plays the aggregator and the operator over the wire.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use hourglass_core::keccak256;
use hourglass_core::ports::ResultSigner as _;
use hourglass_core::service::{AuthProof, SignedResult};
use hourglass_core::task::{RawSubmission, TaskId, challenge_message};
use hourglass_executor::aggregator::{send, verify};
use hourglass_grpc::api::{ApiError, ExecutorApi};
use hourglass_grpc::proto::v1::{DeployArtifactRequest, DeployArtifactResponse, Performer, PerformerEnv};
use hourglass_keys::{CurveVerifier, EcdsaSigner};
use sha2::{Digest as _, Sha256};
use tonic::Code;

use crate::binaries::Binaries;
use crate::running::site::{Avs, Site};

/// One for the process: it keeps prepared keys.
static VERIFIER: LazyLock<CurveVerifier> = LazyLock::new(CurveVerifier::new);

/// A refusal as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// The executor's stable reason.
    pub reason: String,
    /// Its words.
    pub message: String,
}

/// A task id that is the hash of a label.
pub fn task_id(label: &str) -> TaskId {
    TaskId::new(*keccak256(label).as_bytes())
}

/// Now, as a reference timestamp.
pub fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

/// A signed submission of an AVS's aggregator, its id the hash of a label.
///
/// # Errors
/// Where it cannot be signed.
pub async fn submission(site: &Site, avs: &Avs, label: &str, payload: &[u8]) -> Result<RawSubmission> {
    site.aggregator(avs).submission(task_id(label), payload.to_vec(), now(), 0).await
}

/// A connection of its own.
///
/// # Errors
/// Where nobody listens.
pub async fn connect(site: &Site) -> Result<ExecutorApi> {
    Ok(ExecutorApi::connect(site.endpoint()).await?)
}

/// Submits as the known aggregator does, with its six attempts, and verifies every field and both signatures.
///
/// # Errors
/// The last refusal, or what does not hold.
pub async fn answered(site: &Site, avs: &Avs, submission: &RawSubmission) -> Result<SignedResult> {
    let result = send(&site.endpoint(), submission, 6).await?;
    verified(site, avs, submission, &result)?;
    Ok(result)
}

/// Whether an answer is what the contract says it is.
///
/// # Errors
/// The first field that is not.
pub fn verified(site: &Site, avs: &Avs, submission: &RawSubmission, result: &SignedResult) -> Result<()> {
    Ok(verify(&VERIFIER, &site.expected(avs), submission, result)?)
}

/// Submits once, and expects a refusal.
///
/// # Errors
/// Where it is answered, or the executor cannot be reached.
pub async fn refused(api: &ExecutorApi, submission: RawSubmission) -> Result<Refusal> {
    match api.submit(submission).await {
        Ok(result) => anyhow::bail!("answered: {result:?}"),
        Err(error) => refusal(error),
    }
}

/// The refusal that an error is.
///
/// # Errors
/// Where there was no answer at all.
pub fn refusal(error: ApiError) -> Result<Refusal> {
    match error {
        ApiError::Refused { code, reason, message } => {
            Ok(Refusal { code, reason: reason.unwrap_or_default(), message })
        }
        error => Err(error.into()),
    }
}

/// Answers a fresh challenge with the operator's ECDSA key.
///
/// # Errors
/// Where there is none to be had.
pub async fn proof(site: &Site, api: &ExecutorApi) -> Result<AuthProof> {
    let challenge = api.challenge(site.operator().checksummed()).await?;
    ensure!(challenge.token.len() == 64, "the token is '{}'", challenge.token);
    let signer = EcdsaSigner::new(site.operator_ecdsa.clone());
    let signature = signer.sign_message(challenge_message(&challenge.token).as_bytes()).await?;
    Ok(AuthProof { challenge_token: challenge.token, signature })
}

/// A request that deploys the sample performer with these variables more.
///
/// # Errors
/// Where its program cannot be read.
pub fn artifact(avs: &Avs, env: &[(&str, &str)]) -> Result<DeployArtifactRequest> {
    let performer = &Binaries::get()?.performer;
    static DIGEST: LazyLock<Result<String, String>> = LazyLock::new(|| {
        let program = Binaries::get().map_err(|error| error.to_string())?.performer.clone();
        let bytes = std::fs::read(program).map_err(|error| error.to_string())?;
        Ok(format!("sha256:{}", const_hex::encode(Sha256::digest(bytes))))
    });
    let digest = DIGEST.clone().map_err(anyhow::Error::msg)?;
    Ok(DeployArtifactRequest {
        avs_address: avs.address.to_string(),
        digest,
        registry_url: format!("file://{}", performer.display()),
        env: env.iter().map(variable).collect(),
        ..DeployArtifactRequest::default()
    })
}

/// A request that deploys an image by its digest with these variables more.
pub fn image(avs: &Avs, repository: &str, digest: &str, env: &[(&str, &str)]) -> DeployArtifactRequest {
    DeployArtifactRequest {
        avs_address: avs.address.to_string(),
        digest: digest.to_owned(),
        registry_url: repository.to_owned(),
        env: env.iter().map(variable).collect(),
        ..DeployArtifactRequest::default()
    }
}

fn variable((name, value): &(&str, &str)) -> PerformerEnv {
    PerformerEnv { name: (*name).into(), value: (*value).into(), ..PerformerEnv::default() }
}

/// Carries out a deployment, authenticated.
///
/// # Errors
/// What the executor refuses.
pub async fn deploy_this(
    site: &Site,
    api: &ExecutorApi,
    request: DeployArtifactRequest,
) -> Result<DeployArtifactResponse, Refusal> {
    let unproven =
        |error: anyhow::Error| Refusal { code: Code::Unknown, reason: String::new(), message: error.to_string() };
    let proof = proof(site, api).await.map_err(unproven)?;
    match api.deploy(request, Some(proof)).await {
        Ok(deployed) => Ok(deployed),
        Err(error) => Err(refusal(error).unwrap_or_else(unproven)),
    }
}

/// Deploys the sample performer with these variables more, authenticated.
///
/// # Errors
/// What the executor refuses.
pub async fn deploy(site: &Site, api: &ExecutorApi, avs: &Avs, env: &[(&str, &str)]) -> Result<DeployArtifactResponse> {
    let proof = proof(site, api).await?;
    Ok(api.deploy(artifact(avs, env)?, Some(proof)).await?)
}

/// The performers, authenticated.
///
/// # Errors
/// What the executor refuses.
pub async fn performers(site: &Site, api: &ExecutorApi) -> Result<Vec<Performer>> {
    let proof = proof(site, api).await?;
    Ok(api.list("", Some(proof)).await?)
}

/// The process id of the instance that serves an AVS.
///
/// # Errors
/// Where none does.
pub async fn serving_pid(site: &Site, api: &ExecutorApi, avs: &Avs) -> Result<i32> {
    let performers = performers(site, api).await?;
    let address = avs.address.to_string();
    let serving = performers.iter().find(|p| p.avs_address == address && p.status == "InService");
    serving.with_context(|| format!("nothing serves: {performers:?}"))?.container_id.parse().context("its process id")
}

/// How long a call of a test may take.
pub const CALL: Duration = Duration::from_secs(60);
