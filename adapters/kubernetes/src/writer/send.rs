use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kube::Client;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::failure::WriteFailure;
use super::hook::{WriteHook, WriteMetrics, WriteOutcome};
use super::write::Write;
use crate::connection::send;
use crate::lease::Term;
use crate::pace::Backoff;

/// How writes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// Writes under way at once.
    pub concurrency: usize,
    /// How long one sending may take.
    pub timeout: Duration,
    /// How often a write is sent where the API server does not answer or has too much to do; then it is the caller's
    /// turn to come back.
    pub attempts: u32,
    /// A server that asks to be left alone for longer than this is left alone by the caller.
    pub longest_wait: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { concurrency: 32, timeout: Duration::from_secs(10), attempts: 4, longest_wait: Duration::from_secs(5) }
    }
}

/// Sends writes.
pub struct Writer {
    client: Client,
    turns: Semaphore,
    options: WriterOptions,
    metrics: Arc<dyn WriteMetrics>,
    hook: Arc<dyn WriteHook>,
}

impl Writer {
    /// A writer that shows its writes to these.
    pub fn new(
        client: Client,
        options: WriterOptions,
        metrics: Arc<dyn WriteMetrics>,
        hook: Arc<dyn WriteHook>,
    ) -> Self {
        Self { client, turns: Semaphore::new(options.concurrency), options, metrics, hook }
    }

    /// Writes, as long as `term` runs, and returns the answer's body: the object as it is now, as a rule.
    ///
    /// # Errors
    /// [`WriteFailure`].
    pub async fn write(&self, term: &Term, write: &Write) -> Result<Bytes, WriteFailure> {
        // The semaphore is never closed. The turn is held over repetitions: they are what a busy server asks for.
        let _turn = self.turns.acquire().await;
        term.check()?;
        self.hook.before(write).await;
        let began = Instant::now();
        let mut attempts = 0;
        let written = self.attempts(term, write, &mut attempts).await;
        self.hook.after(write, written.as_ref().map(|_| ())).await;
        let outcome = written.as_ref().map_or_else(WriteFailure::reason, |_| "ok");
        let (kind, verb, took) = (write.resource.kind, write.verb(), began.elapsed());
        self.metrics.written(WriteOutcome { kind, verb, outcome, took, attempts });
        tracing::debug!(key = %write.key, kind, verb, outcome, ?took, attempts, "written");
        written
    }

    /// Waits until no write is under way.
    pub async fn idle(&self) {
        let all = u32::try_from(self.options.concurrency).unwrap_or(u32::MAX);
        drop(self.turns.acquire_many(all).await);
    }

    async fn attempts(&self, term: &Term, write: &Write, attempts: &mut u32) -> Result<Bytes, WriteFailure> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        loop {
            // Also before each repetition, and never beyond the term: what is under way when it ends could be carried
            // out when somebody else leads already.
            let timeout = self.options.timeout.min(term.remaining()?);
            *attempts += 1;
            let failure = match send(&self.client, &write.call(timeout)).await {
                Ok(reply) => return Ok(reply.body),
                Err(failure) => failure,
            };
            let asked = failure.retry_after();
            let failure = WriteFailure::of(failure);
            let again = matches!(failure, WriteFailure::Unavailable(_)) && *attempts < self.options.attempts;
            let pause = backoff.failed();
            let pause = asked.map_or(pause, |asked| asked.max(pause));
            if !again || pause > self.options.longest_wait {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }
}
