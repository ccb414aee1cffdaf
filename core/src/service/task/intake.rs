use std::net::IpAddr;

use tracing::warn;

use crate::digest::keccak256;
use crate::ports::TaskClaim;
use crate::service::TaskError;
use crate::service::task::service::Inner;
use crate::service::task::{AvsTasks, TaskSettings};
use crate::task::{FieldError, RawSubmission, TASK_VERSION, TaskSubmission, submission_message};

/// A genuine submission, and how it is to be run.
pub(super) struct Admitted {
    pub(super) submission: TaskSubmission,
    pub(super) claim: TaskClaim,
    pub(super) tasks: AvsTasks,
}

impl Inner {
    /// Decides whether a submission is genuine, the cheapest check first. Touches no journal, performer or key.
    pub(super) async fn admit(
        &self,
        mut raw: RawSubmission,
        settings: &TaskSettings,
        peer: Option<IpAddr>,
    ) -> Result<Admitted, TaskError> {
        if settings.permit_unsigned {
            self.fill_in(&mut raw, settings);
        }
        let submission = TaskSubmission::parse(raw)?;
        let (size, limit) = (submission.payload.len() as u64, settings.max_payload_bytes);
        if size > limit {
            // The transport's own limit has room for everything else in a request, and so for a little more than this.
            let problem = format!("it has {size} bytes, and server.max_payload_bytes permits {limit}");
            return Err(FieldError { field: "payload", problem }.into());
        }
        if submission.executor != self.operator {
            return Err(TaskError::WrongExecutor { claimed: submission.executor, ours: self.operator });
        }
        let unknown = || crate::ports::AuthorityError::UnknownAvs(submission.avs);
        let tasks = settings.avs.get(&submission.avs).ok_or_else(unknown)?.clone();
        let claim = TaskClaim {
            avs: submission.avs,
            operator_set_id: submission.operator_set_id,
            aggregator: submission.aggregator,
            reference_timestamp: submission.reference_timestamp,
            task_block_number: submission.task_block_number,
        };
        if settings.permit_unsigned && submission.signature.is_empty() {
            warn!(task_id = %submission.task_id, "development: running a task that nobody has signed");
            return Ok(Admitted { submission, claim, tasks });
        }
        let key = self.ports.authority.aggregator_key(&claim).await?;
        let (limit, now) = (settings.failures_per_minute, self.ports.clock.now());
        if let Some(retry_after_secs) = self.ration.exhausted(peer, limit, now) {
            return Err(TaskError::PeerRationed { retry_after_secs });
        }
        // Over *our* address: what was signed for another operator does not verify here.
        let digest = keccak256(submission_message(&submission, &self.operator));
        self.ports.verifier.verify(&key, &digest, &submission.signature).map_err(|error| {
            self.ration.failed(peer, limit, now);
            TaskError::Signature(error)
        })?;
        Ok(Admitted { submission, claim, tasks })
    }

    /// Development only: a task typed by hand lacks what an aggregator would have put there.
    fn fill_in(&self, raw: &mut RawSubmission, settings: &TaskSettings) {
        let before = raw.clone();
        if raw.version == 0 {
            raw.version = TASK_VERSION;
        }
        if raw.executor_address.is_empty() {
            raw.executor_address = self.operator.to_string();
        }
        if raw.aggregator_address.is_empty() {
            raw.aggregator_address = self.operator.to_string();
        }
        let avs = raw.avs_address.parse().ok().and_then(|avs| settings.avs.get(&avs));
        if let (0, Some(set)) = (raw.operator_set_id, avs.and_then(|avs| avs.default_operator_set)) {
            raw.operator_set_id = set;
        }
        if *raw != before {
            warn!(
                task_id = raw.task_id,
                "development: filled in what the task lacks (executor, aggregator, set, version)"
            );
        }
    }
}
