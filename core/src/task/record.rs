use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address::Address;
use crate::digest::Digest;
use crate::task::{Certificate, TaskId};
use crate::time::Timestamp;

/// The one durable fact about a task: what was asked, what was answered, what is signed.
///
/// It is recorded before any key is used, the first writer wins, and every signature is made from the record, so that
/// no task ever has two different signed results (`architecture.md`, a task's way).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// The task.
    pub task_id: TaskId,
    /// [`crate::task::TaskSubmission::request_digest`] of the submission that was answered.
    pub request_digest: Digest,
    /// For which AVS.
    pub avs: Address,
    /// For which of its operator sets.
    pub operator_set_id: u32,
    /// Of the operator table.
    pub reference_timestamp: u32,
    /// What is signed.
    pub certificate: Certificate,
    /// What the performer answered.
    #[serde(with = "const_hex::serde")]
    pub output: Vec<u8>,
    /// When it was recorded, by our clock.
    pub recorded_at: Timestamp,
}

/// A known task was submitted again with other content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("task {task_id} was already submitted with other content; a task id names one request for ever")]
pub struct Conflict {
    /// The task.
    pub task_id: TaskId,
}

impl TaskRecord {
    /// Whether this record answers a request with that digest.
    ///
    /// # Errors
    /// [`Conflict`] where it does not.
    pub fn answers(&self, request_digest: &Digest) -> Result<(), Conflict> {
        if self.request_digest == *request_digest { Ok(()) } else { Err(Conflict { task_id: self.task_id }) }
    }
}
