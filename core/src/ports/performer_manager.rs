use std::collections::BTreeMap;

use async_trait::async_trait;
use thiserror::Error;

use crate::lifecycle::{Good, Instance, Intent, PerformerStatus, Waiting};
use crate::performer::{Image, PerformerName, Revision};
use crate::ports::{Changes, StoreError};

/// Keeps performers as they are wanted, however they are run.
#[async_trait]
pub trait PerformerManager: Send + Sync + 'static {
    /// Wants a performer so from now on. Durable when it returns; what becomes of it is seen in [`Self::list`].
    async fn apply(&self, intent: Intent) -> Result<(), ManagerError>;

    /// Wants a performer so from now on, where what was wanted until now is still `expected`; else `false`, and nothing
    /// has changed. For whoever decides by what it has read: somebody else may have decided meanwhile.
    async fn apply_if(&self, expected: &Intent, intent: Intent) -> Result<bool, ManagerError>;

    /// Wants a performer gone: drained, stopped, forgotten. One that is not there is no error.
    async fn remove(&self, name: &PerformerName) -> Result<(), ManagerError>;

    /// Every performer as it is now.
    async fn list(&self) -> Result<Vec<PerformerView>, ManagerError>;

    /// Tells when a performer's view may have changed.
    fn watch(&self) -> Changes<PerformerName>;
}

/// A performer as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformerView {
    /// What is wanted.
    pub intent: Intent,
    /// What users see.
    pub status: PerformerStatus,
    /// Why nothing more happens, if so.
    pub waiting: Option<Waiting>,
    /// Its instances.
    pub instances: Vec<Instance>,
    /// What was last switched to, whole: what an upgrade that is called off goes back to.
    pub good: Option<Good>,
    /// The images of its revisions, of those on their way out too, as far as they are known.
    pub artifacts: BTreeMap<Revision, Image>,
}

/// Why a performer could not be managed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManagerError {
    /// The request could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are already as many performers as allowed.
    #[error(
        "this executor may run {limit} performers and already does: raise performer_config.max_performers or remove one"
    )]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The platform does not answer.
    #[error("performers cannot be managed now: {0}")]
    Unavailable(String),
}

impl ManagerError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Store(_) => "StoreUnavailable",
            Self::TooMany { .. } => "TooManyPerformers",
            Self::Unavailable(_) => "ManagerUnavailable",
        }
    }
}
