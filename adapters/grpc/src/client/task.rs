use std::sync::Arc;

use hourglass_core::TraceContext;
use hourglass_core::ports::{CallError, TaskCall};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Code;

use crate::client::target::TargetConnections;
use crate::client::unary::{CallHeaders, UnaryError, unary};
use crate::proto::performer::{TaskRequest, TaskResponse};

const EXECUTE: &str = "/eigenlayer.hourglass.v1.performer.PerformerService/ExecuteTask";

/// How one attempt on one target ended.
pub(crate) enum Attempt {
    /// For good, well or badly.
    Ended(Result<Vec<u8>, CallError>),
    /// The task has certainly not run there.
    NotRun(String),
    /// The target is alive and did not want it now; the task has not run.
    Refused(String),
    /// The connection broke; the task may have run.
    MayHaveRun(String),
}

/// How following a call ended.
enum Watched<T> {
    Answered(T),
    DeadlineMet,
    Abandoned,
}

/// What is sent, made once for all attempts.
pub(crate) struct Sending {
    message: TaskRequest,
    traceparent: Option<TraceContext>,
    pub(crate) deadline: std::time::Duration,
    pub(crate) until: Instant,
    pub(crate) idempotent: bool,
}

impl Sending {
    pub(crate) fn new(call: TaskCall) -> Self {
        let message = TaskRequest { task_id: call.task_id.to_string().into_bytes(), payload: call.payload };
        // A deadline beyond what the clock can hold is as good as thirty years.
        let now = Instant::now();
        let until = now.checked_add(call.deadline).unwrap_or(now + std::time::Duration::from_secs(86_400 * 365 * 30));
        Self { message, traceparent: call.traceparent, deadline: call.deadline, until, idempotent: call.idempotent }
    }

    /// Sends the task to a target and waits for its answer until the deadline.
    pub(crate) async fn attempt(&self, target: &Arc<TargetConnections>) -> Attempt {
        let uri = match target.uri(EXECUTE) {
            Ok(uri) => uri,
            Err(reason) => return Attempt::NotRun(reason),
        };
        let lease = match timeout_at(self.until, target.lease(false)).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(reason)) => {
                target.observed(Err(reason.clone()));
                target.kick.notify_one();
                return Attempt::NotRun(reason);
            }
            Err(_) => return Attempt::NotRun(format!("no connection to {} until the deadline", target.endpoint)),
        };
        let timeout = self.until.saturating_duration_since(Instant::now());
        let headers = CallHeaders { timeout, traceparent: self.traceparent };
        let limit = target.context.options.max_answer_bytes;
        let mut sender = lease.0.sender();
        let call = unary(&mut sender, uri, &self.message, headers, limit);
        let answer = match self.watched(target, call).await {
            Watched::Answered(answer) => answer,
            Watched::DeadlineMet => {
                target.kick.notify_one();
                return Attempt::Ended(Err(CallError::Deadline(self.deadline)));
            }
            Watched::Abandoned => {
                return Attempt::MayHaveRun(format!("{} stopped answering its health checks", target.endpoint));
            }
        };
        let error = match answer {
            Ok(answer) => return Attempt::Ended(self.accept(answer)),
            Err(error) => error,
        };
        target.kick.notify_one();
        match error {
            UnaryError::NotProcessed(reason) => {
                lease.0.retire();
                Attempt::NotRun(reason)
            }
            UnaryError::Refused(reason) => Attempt::Refused(reason),
            UnaryError::Broken(reason) => {
                lease.0.retire();
                target.context.metrics.connection_error(&target.performer);
                Attempt::MayHaveRun(reason)
            }
            UnaryError::TooLarge => {
                Attempt::Ended(Err(CallError::TooLarge { limit: target.context.options.max_answer_bytes }))
            }
            UnaryError::Invalid(problem) => Attempt::Ended(Err(CallError::Invalid(problem))),
            UnaryError::Status { code: Code::DeadlineExceeded | Code::Cancelled, .. } => {
                Attempt::Ended(Err(CallError::Deadline(self.deadline)))
            }
            UnaryError::Status { code, message } => {
                Attempt::Ended(Err(CallError::Performer { code: code_name(code), message }))
            }
        }
    }

    /// Follows a call. One that takes long asks for a health check once, and goes on; if the target turns out to hang,
    /// a task that may run twice is given up there, so that another instance can have it.
    async fn watched<T>(&self, target: &TargetConnections, call: impl Future<Output = T>) -> Watched<T> {
        let mut call = std::pin::pin!(timeout_at(self.until, call));
        let watched = |answer: Result<T, _>| answer.map_or(Watched::DeadlineMet, Watched::Answered);
        tokio::select! {
            biased;
            answer = call.as_mut() => return watched(answer),
            () = sleep(target.context.options.slow_threshold) => target.kick.notify_one(),
        }
        if !self.idempotent {
            return watched(call.await);
        }
        let mut changed = target.context.changed.subscribe();
        while target.ready() {
            tokio::select! {
                biased;
                answer = call.as_mut() => return watched(answer),
                _ = changed.changed() => {}
            }
        }
        Watched::Abandoned
    }

    fn accept(&self, answer: TaskResponse) -> Result<Vec<u8>, CallError> {
        // Performers of the earlier executor may leave the id out; another task's answer must never be signed as ours.
        if answer.task_id.is_empty() || answer.task_id.eq_ignore_ascii_case(&self.message.task_id) {
            Ok(answer.result)
        } else {
            let theirs: String = String::from_utf8_lossy(&answer.task_id).chars().take(80).collect();
            Err(CallError::Invalid(format!("it answers task '{}'", theirs.escape_default())))
        }
    }
}

/// The name that the gRPC specification gives a code.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
