use thiserror::Error;

use crate::address::Address;
use crate::digest::{Digest, keccak256};
use crate::task::message::word;
use crate::task::{TaskId, submission_message};

/// The only version of the task protocol.
pub const TASK_VERSION: u32 = 1;

/// Aggregators refuse an output of this size or more (1.5 MiB); so does the executor, before it signs.
pub const MAX_OUTPUT_BYTES: usize = 1_572_864;

/// The fields of `TaskSubmission` as the wire carries them, nothing believed yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawSubmission {
    /// `0x` and 64 hexadecimal digits.
    pub task_id: String,
    /// Who claims to submit.
    pub aggregator_address: String,
    /// For which AVS.
    pub avs_address: String,
    /// What the performer is to work on.
    pub payload: Vec<u8>,
    /// The aggregator's, over [`submission_message`].
    pub signature: Vec<u8>,
    /// Of the executor operator set.
    pub operator_set_id: u32,
    /// Of the operator table, seconds since the epoch.
    pub reference_timestamp: u32,
    /// Whom the aggregator means.
    pub executor_address: String,
    /// Where historical reads run; 0 is the latest block.
    pub task_block_number: u64,
    /// Of the protocol.
    pub version: u32,
}

/// A submission whose fields have the right form. Whether it is *genuine* is decided later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSubmission {
    /// The identity of the task.
    pub task_id: TaskId,
    /// The text that the request named it by: the answer repeats it byte for byte.
    pub task_id_text: String,
    /// Who claims to submit.
    pub aggregator: Address,
    /// For which AVS.
    pub avs: Address,
    /// What the performer is to work on.
    pub payload: Vec<u8>,
    /// Empty only where unsigned tasks are permitted.
    pub signature: Vec<u8>,
    /// Of the executor operator set.
    pub operator_set_id: u32,
    /// Of the operator table, seconds since the epoch.
    pub reference_timestamp: u32,
    /// Whom the aggregator means.
    pub executor: Address,
    /// Where historical reads run; 0 is the latest block.
    pub task_block_number: u64,
}

/// A field that does not have its form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// The name of the field on the wire.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl FieldError {
    fn new(field: &'static str, problem: impl ToString) -> Self {
        Self { field, problem: problem.to_string() }
    }
}

impl TaskSubmission {
    /// Reads every field; the version first, since the meaning of the others depends on it.
    ///
    /// # Errors
    /// The first field that does not have its form.
    pub fn parse(raw: RawSubmission) -> Result<Self, FieldError> {
        if raw.version != TASK_VERSION {
            return Err(FieldError::new(
                "version",
                format!("{} is not supported, expected {TASK_VERSION}", raw.version),
            ));
        }
        Ok(Self {
            task_id: raw.task_id.parse().map_err(|e| FieldError::new("task_id", e))?,
            aggregator: address("aggregator_address", &raw.aggregator_address)?,
            avs: address("avs_address", &raw.avs_address)?,
            executor: address("executor_address", &raw.executor_address)?,
            task_id_text: raw.task_id,
            payload: raw.payload,
            signature: raw.signature,
            operator_set_id: raw.operator_set_id,
            reference_timestamp: raw.reference_timestamp,
            task_block_number: raw.task_block_number,
        })
    }

    /// Identifies the content of a request, its signature apart: the same task with another digest is a conflict.
    pub fn request_digest(&self) -> Digest {
        let mut bytes = Vec::with_capacity(288);
        bytes.extend_from_slice(&submission_message(self, &self.executor));
        bytes.extend_from_slice(&word(self.aggregator.as_bytes()));
        bytes.extend_from_slice(&word(&TASK_VERSION.to_be_bytes()));
        keccak256(bytes)
    }
}

fn address(field: &'static str, text: &str) -> Result<Address, FieldError> {
    let address: Address = text.parse().map_err(|e| FieldError::new(field, e))?;
    if address.is_zero() {
        return Err(FieldError::new(field, "the zero address names nobody"));
    }
    Ok(address)
}
