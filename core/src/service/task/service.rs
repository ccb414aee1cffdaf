use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use tracing::{Instrument as _, debug, info, warn};

use crate::address::Address;
use crate::ports::{
    Clock, PerformerClient, SignatureVerifier, Spawner, TaskAuthority, TaskJournal, TaskMetrics, TaskOutcome,
};
use crate::service::TaskError;
use crate::service::task::admission::Admission;
use crate::service::task::answer::Answer;
use crate::service::task::ration::FailureRation;
use crate::service::task::running::{Entry, Running};
use crate::service::task::{Origin, SignedResult, Signers, TaskApi, TaskSettings};
use crate::task::{RawSubmission, TASK_VERSION};

/// What a [`TaskService`] works with.
#[derive(Clone)]
pub struct TaskPorts {
    /// Remembers answers.
    pub journal: Arc<dyn TaskJournal>,
    /// Says who may submit and how to sign.
    pub authority: Arc<dyn TaskAuthority>,
    /// Checks aggregators' signatures.
    pub verifier: Arc<dyn SignatureVerifier>,
    /// Runs tasks.
    pub client: Arc<dyn PerformerClient>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Detached work.
    pub spawner: Arc<dyn Spawner>,
    /// Measurements.
    pub metrics: Arc<dyn TaskMetrics>,
}

/// Answers tasks: genuine ones, once each, with signatures that never contradict each other.
///
/// Guarantees, whatever is killed or lost in between (`architecture.md`, a task's way):
/// - nothing of a submission that is not genuine reaches the journal, a performer or a key;
/// - a task runs at most once at a time in this process, and has one recorded answer for ever;
/// - every signature is made from the record that stands, after it is durable.
#[derive(Clone)]
pub struct TaskService {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) operator: Address,
    pub(super) signers: Signers,
    pub(super) ports: TaskPorts,
    pub(super) ration: FailureRation,
    pub(super) admission: Admission,
    settings: RwLock<Arc<TaskSettings>>,
    running: Running<Answer>,
}

impl TaskService {
    /// A service for this operator. `operator` is whom aggregators address, not necessarily the address of a key.
    pub fn new(operator: Address, signers: Signers, ports: TaskPorts, settings: TaskSettings) -> Self {
        if settings.permit_unsigned {
            warn!(
                "development is enabled: tasks without a signature are accepted and signed. Never use this key in earnest"
            );
        }
        Self {
            inner: Arc::new(Inner {
                operator,
                signers,
                ration: FailureRation::default(),
                admission: Admission::new(ports.metrics.clone()),
                ports,
                settings: RwLock::new(Arc::new(settings)),
                running: Running::new(),
            }),
        }
    }

    /// Replaces the settings. Tasks that are running keep those they began with.
    pub fn reconfigure(&self, settings: TaskSettings) {
        *self.inner.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Tasks that are running or queued now.
    pub fn in_flight(&self) -> usize {
        self.inner.running.len()
    }

    /// Waits until nothing runs, at most `deadline`; says how many tasks still do.
    pub async fn idle(&self, deadline: Duration) -> usize {
        let clock = &self.inner.ports.clock;
        let mut waited = Duration::ZERO;
        let step = Duration::from_millis(20);
        while self.in_flight() > 0 && waited < deadline {
            clock.sleep(step).await;
            waited += step;
        }
        self.in_flight()
    }
}

#[async_trait]
impl TaskApi for TaskService {
    async fn submit(&self, raw: RawSubmission, origin: Origin) -> Result<SignedResult, TaskError> {
        let inner = &self.inner;
        let started = inner.ports.clock.now();
        let served = raw.avs_address.parse().ok().filter(|avs| inner.settings().avs.contains_key(avs));
        let result = self.submit_inner(raw, origin).await;
        let took = inner.ports.clock.now().since(started);
        let outcome = match &result {
            Ok((_, outcome)) => *outcome,
            Err(error) if error.kind().retryable() => TaskOutcome::Failed(error.reason()),
            Err(error) => TaskOutcome::Refused(error.reason()),
        };
        inner.ports.metrics.finished(served.as_ref(), outcome, took);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok((_, outcome)) => info!(?outcome, took_ms, "answered"),
            // A stranger can send as many of these as he likes.
            Err(error) if served.is_none() => debug!(reason = error.reason(), %error, "refused"),
            Err(error) => warn!(reason = error.reason(), %error, took_ms, "not answered"),
        }
        result.map(|(result, _)| result)
    }
}

impl TaskService {
    async fn submit_inner(&self, raw: RawSubmission, origin: Origin) -> Result<(SignedResult, TaskOutcome), TaskError> {
        let inner = &self.inner;
        let settings = inner.settings();
        let admitted = inner.admit(raw, &settings, origin.peer).await?;
        let submission = &admitted.submission;
        let (task_id, task_id_text) = (submission.task_id, submission.task_id_text.clone());
        let (avs, operator_set_id) = (submission.avs, submission.operator_set_id);

        let (joined, outcome) = match inner.running.enter(task_id, submission.request_digest())? {
            Entry::Joined(outcome) => (true, outcome),
            Entry::Begun(finish, outcome) => {
                let job = inner.clone();
                let run = async move {
                    let answer = job.answer(admitted, origin.traceparent).await.map(Arc::new);
                    finish.with(answer);
                };
                inner.ports.spawner.spawn("task", Box::pin(run.in_current_span()));
                (false, outcome)
            }
        };
        let patience = inner.ports.clock.sleep(settings.wait);
        let answer = match select(outcome, patience).await {
            Either::Left((outcome, _)) => outcome.map_err(|_| TaskError::Lost)??,
            Either::Right(_) => return Err(TaskError::StillRunning),
        };
        let outcome = match (joined, answer.executed) {
            (true, _) => TaskOutcome::Joined,
            (false, true) => TaskOutcome::Executed,
            (false, false) => TaskOutcome::Replayed,
        };
        let result = SignedResult {
            task_id: task_id_text,
            operator_address: inner.operator.checksummed(),
            output: answer.output.clone(),
            result_signature: answer.result_signature.clone(),
            avs_address: avs.to_string(),
            operator_set_id,
            auth_signature: answer.auth_signature.clone(),
            version: TASK_VERSION,
        };
        Ok((result, outcome))
    }
}

impl Inner {
    fn settings(&self) -> Arc<TaskSettings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
