use futures_util::FutureExt as _;
use tracing::debug;

use crate::TraceContext;
use crate::ports::{CallError, JournalError, Mandate, TaskCall};
use crate::service::TaskError;
use crate::service::task::intake::Admitted;
use crate::service::task::service::Inner;
use crate::task::{Certificate, MAX_OUTPUT_BYTES, TaskRecord, auth_message, message_hash};

/// What was answered, signed; the same for everybody who asked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) output: Vec<u8>,
    pub(super) result_signature: Vec<u8>,
    pub(super) auth_signature: Vec<u8>,
    /// Whether a performer ran for it, or its record was there already.
    pub(super) executed: bool,
}

impl Inner {
    /// Answers a genuine submission: from the journal where it is known, else by running it.
    pub(super) async fn answer(
        &self,
        admitted: Admitted,
        traceparent: Option<TraceContext>,
    ) -> Result<Answer, TaskError> {
        let Admitted { submission, claim, tasks } = admitted;
        let request_digest = submission.request_digest();
        if let Some(record) = self.ports.journal.find(&submission.task_id).await? {
            record.answers(&request_digest)?;
            return self.sign(record, false).await;
        }
        let floor = self.ports.journal.floor(&submission.avs, submission.operator_set_id).await?;
        if submission.reference_timestamp < floor {
            let reference_timestamp = submission.reference_timestamp;
            return Err(JournalError::BelowFloor { reference_timestamp, floor }.into());
        }
        // Without a key for it, running it would only waste the performer's work.
        let mandate = self.ports.authority.mandate(&claim).await?;
        let curve = mandate.curve();
        self.signers.get(curve).ok_or(TaskError::NoKey { curve })?;

        let place = self.admission.enter(&submission.avs, &tasks).map_err(|limit| TaskError::QueueFull { limit })?;
        let entered = self.ports.clock.now();
        let slot = {
            let mut timeout = self.ports.clock.sleep(tasks.deadline).fuse();
            let mut slot = std::pin::pin!(place.slot().fuse());
            futures_util::select_biased! {
                slot = slot => slot,
                () = timeout => return Err(CallError::Deadline(tasks.deadline).into()),
            }
        };
        let waited = self.ports.clock.now().since(entered).min(tasks.deadline);
        let call = TaskCall {
            task_id: submission.task_id,
            payload: submission.payload,
            deadline: tasks.deadline.saturating_sub(waited),
            idempotent: tasks.idempotent,
            traceparent,
        };
        let output = self.ports.client.execute(&tasks.performer, call).await?;
        drop((slot, place));
        if output.len() >= MAX_OUTPUT_BYTES {
            return Err(TaskError::OutputTooLarge { size: output.len() });
        }

        let hash = message_hash(&submission.task_id, &output);
        let certificate = match mandate {
            Mandate::Ecdsa(domain) => Certificate::ecdsa(domain, submission.reference_timestamp, &hash),
            Mandate::Bn254 => Certificate::bn254(submission.reference_timestamp, &hash),
        };
        let ours = TaskRecord {
            task_id: submission.task_id,
            request_digest,
            avs: submission.avs,
            operator_set_id: submission.operator_set_id,
            reference_timestamp: submission.reference_timestamp,
            certificate,
            output,
            recorded_at: self.ports.clock.now(),
        };
        // Another executor with the same key may have been first: what stands is what is signed.
        let standing = self.ports.journal.record(ours).await?;
        standing.answers(&request_digest)?;
        debug!(task_id = %standing.task_id, "recorded");
        self.sign(standing, true).await
    }

    /// Signs what a record says. Deterministic, so that every repetition gives the same bytes.
    async fn sign(&self, record: TaskRecord, executed: bool) -> Result<Answer, TaskError> {
        let curve = record.certificate.curve();
        let signer = self.signers.get(curve).ok_or(TaskError::NoKey { curve })?;
        let result_signature = signer.sign_certificate(&record.certificate).await?;
        let message =
            auth_message(&record.task_id, &record.avs, &self.operator, record.operator_set_id, &result_signature);
        let auth_signature = signer.sign_message(&message).await?;
        Ok(Answer { output: record.output, result_signature, auth_signature, executed })
    }
}
