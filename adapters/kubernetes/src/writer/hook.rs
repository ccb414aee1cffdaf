use std::time::Duration;

use async_trait::async_trait;

use super::failure::WriteFailure;
use super::write::Write;

/// Sees every write, for tests that kill, delay and count.
#[async_trait]
pub trait WriteHook: Send + Sync + 'static {
    /// Right before it is sent for the first time. Whoever does not return here has killed the process as far as the
    /// API server can tell.
    async fn before(&self, write: &Write);

    /// Right after its answer, before anything is made of it.
    async fn after(&self, write: &Write, outcome: Result<(), &WriteFailure>);
}

/// Sees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHook;

#[async_trait]
impl WriteHook for NoHook {
    async fn before(&self, _: &Write) {}

    async fn after(&self, _: &Write, _: Result<(), &WriteFailure>) {}
}

/// How a write ended, as metrics tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOutcome {
    /// Of which kind the object is.
    pub kind: &'static str,
    /// How it was written.
    pub verb: &'static str,
    /// `ok`, or a failure's reason.
    pub outcome: &'static str,
    /// From the first sending to the last answer.
    pub took: Duration,
    /// How often it was sent.
    pub attempts: u32,
}

/// Takes measurements of writes.
pub trait WriteMetrics: Send + Sync + 'static {
    /// Takes one.
    fn written(&self, outcome: WriteOutcome);
}
