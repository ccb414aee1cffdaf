use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::TraceContext;
use crate::lifecycle::Health;
use crate::performer::{Endpoint, InstanceName, PerformerName};
use crate::ports::Changes;
use crate::task::TaskId;

/// Talks to performers: sends them tasks, watches their health.
#[async_trait]
pub trait PerformerClient: Send + Sync + 'static {
    /// Replaces the targets of a performer. Every target is connected to and health-checked; only routed ones get
    /// tasks. A target that is gone keeps its running calls until they end. An empty list forgets the performer.
    fn set_targets(&self, performer: &PerformerName, targets: Vec<Target>);

    /// What is known of the targets of a performer.
    fn targets(&self, performer: &PerformerName) -> Vec<TargetState>;

    /// Tells when the health or the load of a performer's targets has changed.
    fn watch(&self) -> Changes<PerformerName>;

    /// Runs a task on the least loaded routed target that is healthy, waiting for one until the deadline.
    ///
    /// A task that *may* have run is not sent again unless [`TaskCall::idempotent`].
    async fn execute(&self, performer: &PerformerName, call: TaskCall) -> Result<Vec<u8>, CallError>;
}

/// An instance to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which instance.
    pub instance: InstanceName,
    /// Where it serves.
    pub endpoint: Endpoint,
    /// Whether tasks go to it.
    pub routed: bool,
}

/// What is known of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetState {
    /// Which instance.
    pub instance: InstanceName,
    /// Whether tasks go to it.
    pub routed: bool,
    /// What its last health check said.
    pub health: Health,
    /// Tasks that it has not answered yet.
    pub in_flight: u32,
}

/// A task for a performer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCall {
    /// The task; sent as the ASCII bytes of its text.
    pub task_id: TaskId,
    /// What to work on.
    pub payload: Vec<u8>,
    /// How long the whole call may take.
    pub deadline: Duration,
    /// Whether running it twice is harmless.
    pub idempotent: bool,
    /// W3C `traceparent` to pass on.
    pub traceparent: Option<TraceContext>,
}

/// Why a performer gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// No healthy target until the deadline; the task has not run.
    #[error("no instance of performer {performer} is ready: {detail}")]
    NotReady {
        /// Which performer.
        performer: PerformerName,
        /// What the last health check or connection attempt said.
        detail: String,
    },
    /// It did not answer in time; the task may have run.
    #[error("the performer did not answer within {0:?}")]
    Deadline(Duration),
    /// The connection broke; the task may have run.
    #[error("the connection to the performer broke: {0}")]
    Broken(String),
    /// The performer answered with an error of its own.
    #[error("the performer refused the task: {code}: {message}")]
    Performer {
        /// Name of the gRPC status code, as in `INVALID_ARGUMENT`.
        code: &'static str,
        /// The performer's words.
        message: String,
    },
    /// Its answer is larger than is read.
    #[error("the performer's answer is larger than {limit} bytes")]
    TooLarge {
        /// How much is read.
        limit: usize,
    },
    /// Its answer is not usable: another task's, or no answer of the protocol.
    #[error("the performer's answer is not usable: {0}")]
    Invalid(String),
}

impl CallError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotReady { .. } => "PerformerNotReady",
            Self::Deadline(_) => "PerformerDeadline",
            Self::Broken(_) => "PerformerConnectionBroken",
            Self::Performer { .. } => "PerformerError",
            Self::TooLarge { .. } => "OutputTooLarge",
            Self::Invalid(_) => "PerformerAnswerInvalid",
        }
    }
}
