//! Plays the aggregator: signs tasks, sends them as the known aggregator does, verifies what comes back.

use std::sync::Arc;
use std::time::Duration;

use hourglass_core::ports::{Mandate, PublicKey, ResultSigner, SignatureVerifier as _};
use hourglass_core::task::{
    Certificate, RawSubmission, TASK_VERSION, TaskId, TaskSubmission, auth_message, message_hash, submission_message,
};
use hourglass_core::{Address, keccak256};
use hourglass_grpc::proto::v1;
use hourglass_grpc::proto::v1::executor_service_client::ExecutorServiceClient;
use hourglass_keys::CurveVerifier;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// How long one attempt may take, as with the known aggregator (`contract.md` §1).
const ATTEMPT: Duration = Duration::from_secs(10);

/// An aggregator of one AVS.
#[derive(Clone)]
pub struct Aggregator {
    /// Who it says it is.
    pub address: Address,
    /// Its key; `None` sends unsigned tasks, which only a development executor takes.
    pub signer: Option<Arc<dyn ResultSigner>>,
    /// For which AVS.
    pub avs: Address,
    /// For which executor operator set.
    pub operator_set_id: u32,
    /// Whose executor is meant.
    pub operator: Address,
}

/// What the answers of an operator must be signed with.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// The operator.
    pub operator: Address,
    /// Its key on the curve of the operator set.
    pub key: PublicKey,
    /// The curve, and for ECDSA the domain.
    pub mandate: Mandate,
}

/// Why an answer is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Unverified {
    /// Which field of the answer.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Aggregator {
    /// A signed submission, ready to be sent.
    ///
    /// # Errors
    /// Where the signer fails.
    pub async fn submission(
        &self,
        task_id: TaskId,
        payload: Vec<u8>,
        reference_timestamp: u32,
        task_block_number: u64,
    ) -> anyhow::Result<v1::TaskSubmission> {
        let raw = RawSubmission {
            task_id: task_id.to_string(),
            aggregator_address: self.address.checksummed(),
            avs_address: self.avs.to_string(),
            payload,
            signature: Vec::new(),
            operator_set_id: self.operator_set_id,
            reference_timestamp,
            executor_address: self.operator.to_string(),
            task_block_number,
            version: TASK_VERSION,
        };
        let parsed = TaskSubmission::parse(raw.clone())?;
        let signature = match &self.signer {
            Some(signer) => signer.sign_message(&submission_message(&parsed, &self.operator)).await?,
            None => Vec::new(),
        };
        Ok(v1::TaskSubmission {
            task_id: raw.task_id,
            aggregator_address: raw.aggregator_address,
            avs_address: raw.avs_address,
            payload: raw.payload,
            signature,
            operator_set_id: raw.operator_set_id,
            reference_timestamp: raw.reference_timestamp,
            executor_address: raw.executor_address,
            task_block_number: raw.task_block_number,
            version: raw.version,
        })
    }
}

/// Whether the known aggregator tries again after such an answer.
pub fn retries(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Internal)
}

/// Sends a task as the known aggregator does: a new connection for each attempt, 10 s each, `attempts` of them on the
/// codes that it retries.
///
/// # Errors
/// The last attempt's status.
pub async fn send(
    endpoint: &Endpoint,
    submission: &v1::TaskSubmission,
    attempts: u32,
) -> Result<v1::TaskResult, Status> {
    let mut pause = Duration::from_millis(50);
    let mut last = Status::unavailable("no attempt was made");
    for attempt in 0..attempts.max(1) {
        if attempt > 0 {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        match tokio::time::timeout(ATTEMPT, once(endpoint, submission.clone())).await {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(status)) if !retries(status.code()) => return Err(status),
            Ok(Err(status)) => last = status,
            Err(_) => last = Status::deadline_exceeded("no answer within 10 s"),
        }
    }
    Err(last)
}

async fn once(endpoint: &Endpoint, submission: v1::TaskSubmission) -> Result<v1::TaskResult, Status> {
    let channel: Channel = endpoint.connect().await.map_err(|error| Status::unavailable(chain(&error)))?;
    let mut client = ExecutorServiceClient::new(channel).max_decoding_message_size(16 << 20);
    client.submit_task(submission).await.map(tonic::Response::into_inner)
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Checks every field and both signatures of an answer, as whoever pays for it does.
///
/// # Errors
/// The first field that is not what it must be.
pub fn verify(
    verifier: &CurveVerifier,
    expected: &Expected,
    submission: &v1::TaskSubmission,
    result: &v1::TaskResult,
) -> Result<(), Unverified> {
    let fail = |field, problem: String| Err(Unverified { field, problem });
    let differs = |have: &str, want: &str| format!("'{have}' instead of '{want}'");
    if result.task_id != submission.task_id {
        return fail("task_id", differs(&result.task_id, &submission.task_id));
    }
    let operator = expected.operator.checksummed();
    if result.operator_address != operator {
        return fail("operator_address", differs(&result.operator_address, &operator));
    }
    if result.avs_address != submission.avs_address.to_lowercase() {
        return fail("avs_address", differs(&result.avs_address, &submission.avs_address.to_lowercase()));
    }
    if result.operator_set_id != submission.operator_set_id {
        return fail(
            "operator_set_id",
            differs(&result.operator_set_id.to_string(), &submission.operator_set_id.to_string()),
        );
    }
    if result.version != TASK_VERSION {
        return fail("version", differs(&result.version.to_string(), "1"));
    }
    let invalid = |field| move |problem: String| Unverified { field, problem };
    let task_id: TaskId = result.task_id.parse().map_err(|e| invalid("task_id")(format!("{e}")))?;
    let avs: Address = result.avs_address.parse().map_err(|e| invalid("avs_address")(format!("{e}")))?;

    let hash = message_hash(&task_id, &result.output);
    let certificate = match expected.mandate {
        Mandate::Ecdsa(domain) => Certificate::ecdsa(domain, submission.reference_timestamp, &hash),
        Mandate::Bn254 => Certificate::bn254(submission.reference_timestamp, &hash),
    };
    verifier
        .verify_certificate(&expected.key, &certificate, &result.result_signature)
        .map_err(|e| invalid("result_signature")(e.to_string()))?;
    let auth =
        auth_message(&task_id, &avs, &expected.operator, submission.operator_set_id, &result.result_signature);
    verifier
        .verify(&expected.key, &keccak256(auth), &result.auth_signature)
        .map_err(|e| invalid("auth_signature")(e.to_string()))
}
