//! Plays the aggregator: signs tasks, sends them as the known aggregator does, verifies what comes back.

use std::sync::Arc;
use std::time::Duration;

use hourglass_core::ports::{Mandate, PublicKey, ResultSigner, SignatureVerifier as _};
use hourglass_core::service::SignedResult;
use hourglass_core::task::{
    Certificate, RawSubmission, TASK_VERSION, TaskId, TaskSubmission, auth_message, message_hash, submission_message,
};
use hourglass_core::{Address, keccak256};
use hourglass_grpc::api::{ApiError, ApiOptions, ExecutorApi};
use hourglass_keys::CurveVerifier;
use thiserror::Error;

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
#[derive(Debug, Clone, PartialEq, Eq, Error)]
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
    ) -> anyhow::Result<RawSubmission> {
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
        let Some(signer) = &self.signer else { return Ok(raw) };
        let parsed = TaskSubmission::parse(raw.clone())?;
        let signature = signer.sign_message(&submission_message(&parsed, &self.operator)).await?;
        Ok(RawSubmission { signature, ..raw })
    }
}

/// Sends a task as the known aggregator does: a new connection for each attempt, 10 s each, again on the codes that it
/// retries, `attempts` times in all.
///
/// # Errors
/// What the last attempt ended with.
pub async fn send(executor: &ApiOptions, submission: &RawSubmission, attempts: u32) -> Result<SignedResult, SendError> {
    let mut pause = Duration::from_millis(50);
    let mut attempt = 1;
    loop {
        let error = match tokio::time::timeout(ATTEMPT, once(executor, submission.clone())).await {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(error)) if !error.retryable() => return Err(SendError::Answer(error)),
            Ok(Err(error)) => SendError::Answer(error),
            Err(_) => SendError::NoAnswer,
        };
        if attempt >= attempts {
            return Err(error);
        }
        attempt += 1;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

async fn once(executor: &ApiOptions, submission: RawSubmission) -> Result<SignedResult, ApiError> {
    ExecutorApi::connect(executor.clone()).await?.submit(submission).await
}

/// Why a task got no answer.
#[derive(Debug, Error)]
pub enum SendError {
    /// The executor refused or could not be reached.
    #[error(transparent)]
    Answer(#[from] ApiError),
    /// It did not answer.
    #[error("the executor did not answer within 10 s")]
    NoAnswer,
}

/// Checks every field and both signatures of an answer, as whoever pays for it does.
///
/// # Errors
/// The first field that is not what it must be.
pub fn verify(
    verifier: &CurveVerifier,
    expected: &Expected,
    submission: &RawSubmission,
    result: &SignedResult,
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
    let auth = auth_message(&task_id, &avs, &expected.operator, submission.operator_set_id, &result.result_signature);
    verifier
        .verify(&expected.key, &keccak256(auth), &result.auth_signature)
        .map_err(|e| invalid("auth_signature")(e.to_string()))
}
