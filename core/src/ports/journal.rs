use async_trait::async_trait;
use thiserror::Error;

use crate::address::Address;
use crate::task::{TaskId, TaskRecord};

/// The durable memory of what was answered (`architecture.md`, a task's way).
///
/// It may be shared by several executors that sign with one key.
#[async_trait]
pub trait TaskJournal: Send + Sync + 'static {
    /// The record of a task, if there is one.
    async fn find(&self, task: &TaskId) -> Result<Option<TaskRecord>, JournalError>;

    /// Records an answer. The first writer wins: the returned record is the one that stands, whoever wrote it, and it
    /// is durable when this returns. Nothing may be signed before, and nothing but what the returned record says.
    async fn record(&self, record: TaskRecord) -> Result<TaskRecord, JournalError>;

    /// The reference timestamp below which no task of this operator set is signed any more unless its record is still
    /// there: records older than the retention, or what another host may have signed before an import.
    async fn floor(&self, avs: &Address, operator_set_id: u32) -> Result<u32, JournalError>;

    /// Whether records can be written now: part of readiness.
    async fn check(&self) -> Result<(), JournalError>;
}

/// Why the journal could not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalError {
    /// It cannot be written or read now (a full disk, a lost database). It recovers by itself when the cause is gone.
    #[error("the task journal is not available: {message}")]
    Unavailable {
        /// What was seen and what to change.
        message: String,
    },
    /// The task is below the floor: what was once signed for it is not known any more.
    #[error(
        "reference timestamp {reference_timestamp} is below the journal's floor {floor}: too old to be signed safely"
    )]
    BelowFloor {
        /// Of the task.
        reference_timestamp: u32,
        /// Of its operator set.
        floor: u32,
    },
    /// It is damaged or not ours, and will not be touched.
    #[error("the task journal cannot be used: {message}")]
    Unusable {
        /// What was seen and what to do.
        message: String,
    },
}

impl JournalError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "JournalUnavailable",
            Self::BelowFloor { .. } => "BelowJournalFloor",
            Self::Unusable { .. } => "JournalUnusable",
        }
    }

    /// Whether trying the same again may help.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
