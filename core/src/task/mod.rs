//! What a task is: its fields, its identity, the bytes that are signed about it, and when two submissions conflict.

mod certificate;
mod id;
mod message;
mod record;
mod submission;

pub use certificate::{Certificate, EcdsaDomain};
pub use id::{TaskId, TaskIdError};
pub use message::{
    AUTH_MESSAGE_LEN, SUBMISSION_MESSAGE_LEN, auth_message, challenge_message, message_hash, submission_message,
};
pub use record::{Conflict, TaskRecord};
pub use submission::{FieldError, MAX_OUTPUT_BYTES, RawSubmission, TASK_VERSION, TaskSubmission};
