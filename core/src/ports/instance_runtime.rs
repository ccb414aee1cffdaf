use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::lifecycle::{Instance, StartInstance};
use crate::performer::{InstanceName, PerformerName};
use crate::ports::Changes;

/// Runs and observes instances: containers, pods, local processes.
///
/// Every method is idempotent and may be retried after an unknown outcome.
#[async_trait]
pub trait InstanceRuntime: Send + Sync + 'static {
    /// Every instance that bears the name of this performer, ended ones included, foreign ones marked as such.
    ///
    /// `health`, `routed` and `in_flight` are filled in only where [`RuntimeCapabilities::reports_health`] says so.
    async fn observe(&self, performer: &PerformerName) -> Result<Vec<Instance>, RuntimeError>;

    /// The performers of which anything of ours is there: how instances are found again after a restart.
    async fn performers(&self) -> Result<Vec<PerformerName>, RuntimeError>;

    /// Tells when the instances of a performer may have changed.
    fn watch(&self) -> Changes<PerformerName>;

    /// Creates and starts an instance. One of that name that is already there, in whatever state, is left alone and
    /// is no error. Returns once the platform has taken the request; what becomes of it is observed.
    async fn start(&self, request: &StartInstance) -> Result<(), RuntimeError>;

    /// Asks an instance to end, kills it after `grace`, and removes its remains. One that is not there is no error.
    /// Returns once the platform has taken the request. A foreign instance is never touched.
    async fn stop(&self, name: &InstanceName, grace: Duration) -> Result<(), RuntimeError>;

    /// What this runtime can do.
    fn capabilities(&self) -> RuntimeCapabilities;
}

/// What a runtime can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuntimeCapabilities {
    /// Whether it checks health itself (a kubelet does). Where not, the manager asks the performer client.
    pub reports_health: bool,
    /// Whether resource limits are enforced.
    pub enforces_limits: bool,
}

/// Why a runtime could not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuntimeError {
    /// The platform cannot be reached or does not answer; nothing is known about the outcome.
    #[error("{platform} does not answer: {message}")]
    Unavailable {
        /// Which platform.
        platform: &'static str,
        /// What was seen.
        message: String,
    },
    /// The platform refuses this instance; trying again without a change is pointless.
    #[error("{message}")]
    Refused {
        /// Stable, in CamelCase, such as `ImageNotFound`.
        reason: &'static str,
        /// In the platform's words, and what to change.
        message: String,
    },
    /// The platform failed at it; trying again may help.
    #[error("{message}")]
    Failed {
        /// Stable, in CamelCase, such as `ImagePullFailed`.
        reason: &'static str,
        /// In the platform's words, and what to change.
        message: String,
    },
}

impl RuntimeError {
    /// Stable reason: condition reason, event reason and metric label.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "RuntimeUnavailable",
            Self::Refused { reason, .. } | Self::Failed { reason, .. } => reason,
        }
    }

    /// Whether trying the same again may help.
    pub const fn retryable(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}
