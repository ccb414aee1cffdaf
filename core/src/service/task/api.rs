use std::net::IpAddr;

use async_trait::async_trait;

use crate::TraceContext;
use crate::service::TaskError;
use crate::task::RawSubmission;

/// Where a submission came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The address of the peer; `None` where it has none (a Unix socket, a test).
    pub peer: Option<IpAddr>,
    /// W3C `traceparent` of the request, passed on to the performer.
    pub traceparent: Option<TraceContext>,
}

/// An answer, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedResult {
    /// Byte for byte the request's.
    pub task_id: String,
    /// EIP-55.
    pub operator_address: String,
    /// The performer's.
    pub output: Vec<u8>,
    /// Over the certificate.
    pub result_signature: Vec<u8>,
    /// Lower case.
    pub avs_address: String,
    /// The request's.
    pub operator_set_id: u32,
    /// Over the authentication message, with the same key.
    pub auth_signature: Vec<u8>,
    /// Of the protocol.
    pub version: u32,
}

/// Answers tasks.
#[async_trait]
pub trait TaskApi: Send + Sync + 'static {
    /// Checks a submission, runs it, records it, signs it.
    ///
    /// The task runs detached: dropping the returned future does not stop it, and submitting it again finds it.
    async fn submit(&self, submission: RawSubmission, origin: Origin) -> Result<SignedResult, TaskError>;
}
