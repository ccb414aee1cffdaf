use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::{NonZeroU64, NonZeroU128};

use async_trait::async_trait;
use hourglass_core::TraceContext;
use hourglass_core::service::{Origin, SignedResult, TaskApi, TaskError};
use hourglass_core::task::{RawSubmission, TaskId};
use tracing::Instrument;

/// Gives every submission its correlation id: a span with `task_id` and `trace_id` around all that is logged about it,
/// and a `traceparent` of its own for the performer.
///
/// A task that goes on after its caller has left keeps the span where the spawner keeps spans, as
/// `hourglass_runtime::Supervisor` does.
#[derive(Debug, Clone)]
pub struct TracedTasks<T> {
    inner: T,
}

impl<T: TaskApi> TracedTasks<T> {
    /// Traces what goes to `inner`.
    pub const fn new(inner: T) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<T: TaskApi> TaskApi for TracedTasks<T> {
    async fn submit(&self, submission: RawSubmission, origin: Origin) -> Result<SignedResult, TaskError> {
        let context = of_request(origin.traceparent);
        // The text is a stranger's and may be of any size: only what is an id gets into the log.
        let task_id = submission.task_id.parse::<TaskId>().map_or_else(|_| "malformed".into(), |id| id.to_string());
        // Of the highest level, so that a log of errors alone still says which task they belong to.
        let span = tracing::error_span!("task", %task_id, trace_id = %context.trace_id());
        let origin = Origin { traceparent: Some(context), ..origin };
        self.inner.submit(submission, origin).instrument(span).await
    }
}

/// The context of a request: a child of what it brought; a trace of its own where it brought nothing that can be read,
/// as the recommendation says.
fn of_request(parent: Option<TraceContext>) -> TraceContext {
    let span_id = random_id();
    let trace_id = || NonZeroU128::from(random_id()) | u128::from(random_id().get()) << 64;
    parent.map_or_else(|| TraceContext::root(trace_id(), span_id), |parent| parent.child(span_id))
}

/// An id that nobody else is likely to have.
///
/// Ids of traces need to differ, not to be secret: the randomly keyed hasher of the standard library does, and unlike
/// the system's random source it cannot fail.
fn random_id() -> NonZeroU64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(0);
    NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use super::*;
    use crate::logs::tests::captured_json;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<Origin>>);

    #[async_trait]
    impl TaskApi for Recorder {
        async fn submit(&self, _: RawSubmission, origin: Origin) -> Result<SignedResult, TaskError> {
            tracing::error!("at work");
            self.0.lock().unwrap().push(origin);
            Err(TaskError::ShuttingDown)
        }
    }

    fn submit(level: &str, task_id: &str, traceparent: Option<TraceContext>) -> (Vec<serde_json::Value>, Origin) {
        let tasks = TracedTasks::new(Recorder::default());
        let submission = RawSubmission { task_id: task_id.into(), ..RawSubmission::default() };
        let origin = Origin { traceparent, ..Origin::default() };
        let lines = captured_json(level, |_| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(tasks.submit(submission, origin)).unwrap_err();
        });
        let origin = tasks.inner.0.lock().unwrap()[0].clone();
        (lines, origin)
    }

    #[test]
    fn one_correlation_id_from_the_request_to_the_performer() {
        let parent: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        let upper = format!("0x{}", "AB".repeat(32));
        let (lines, origin) = submit("error", &upper, Some(parent));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["task_id"], upper.to_lowercase());
        assert_eq!(lines[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        let passed_on = origin.traceparent.unwrap();
        assert_eq!(passed_on.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(passed_on.span_id(), "00f067aa0ba902b7");
    }

    #[test]
    fn a_strangers_text_does_not_reach_the_log() {
        let (lines, origin) = submit("info", "0x\ninjected", None);
        assert_eq!(lines[0]["task_id"], "malformed");
        assert_eq!(lines[0]["trace_id"].as_str().map(str::len), Some(32));
        assert!(!format!("{lines:?}{origin:?}").contains("injected"));
    }

    #[test]
    fn ids_differ() {
        let roots: HashSet<_> = (0..1000).map(|_| of_request(None).trace_id()).collect();
        assert_eq!(roots.len(), 1000);
    }
}
