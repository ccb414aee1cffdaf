use async_trait::async_trait;
use thiserror::Error;

use crate::lifecycle::PerformerRecord;
use crate::performer::PerformerName;

/// Where performers are kept over restarts. Every write is durable when it returns.
#[async_trait]
pub trait PerformerStore: Send + Sync + 'static {
    /// Every performer.
    async fn load(&self) -> Result<Vec<PerformerRecord>, StoreError>;

    /// Writes a performer whole.
    async fn save(&self, record: &PerformerRecord) -> Result<(), StoreError>;

    /// Forgets a performer. One that is not there is no error.
    async fn delete(&self, name: &PerformerName) -> Result<(), StoreError>;
}

/// Why the store could not do as asked. It recovers by itself when the cause is gone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the performer store is not available: {message}")]
pub struct StoreError {
    /// What was seen and what to change.
    pub message: String,
}
