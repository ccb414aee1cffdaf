use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::Shared;

use crate::digest::Digest;
use crate::service::TaskError;
use crate::task::{Conflict, TaskId};

/// What one detached job answers to everybody who waits for it.
pub(super) type Outcome<T> = Result<Arc<T>, TaskError>;

/// The tasks that are running now: each at most once, however often it is submitted.
#[derive(Debug)]
pub(super) struct Running<T> {
    jobs: Arc<Mutex<HashMap<TaskId, Job<T>>>>,
}

#[derive(Debug)]
struct Job<T> {
    request_digest: Digest,
    outcome: Shared<oneshot::Receiver<Outcome<T>>>,
}

/// Where a submission stands.
pub(super) enum Entry<T> {
    /// It is the first: the caller must run it and [`Finish`] it.
    Begun(Finish<T>, Shared<oneshot::Receiver<Outcome<T>>>),
    /// It is running already.
    Joined(Shared<oneshot::Receiver<Outcome<T>>>),
}

/// Ends a job. Dropped without an outcome (a panic), those who wait learn that it was lost.
pub(super) struct Finish<T> {
    jobs: Arc<Mutex<HashMap<TaskId, Job<T>>>>,
    task: TaskId,
    outcome: Option<oneshot::Sender<Outcome<T>>>,
}

impl<T> Running<T> {
    pub(super) fn new() -> Self {
        Self { jobs: Arc::default() }
    }

    /// Joins the running job of a task, or begins one. Exactly one caller begins.
    pub(super) fn enter(&self, task: TaskId, request_digest: Digest) -> Result<Entry<T>, Conflict> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = jobs.get(&task) {
            if job.request_digest != request_digest {
                return Err(Conflict { task_id: task });
            }
            return Ok(Entry::Joined(job.outcome.clone()));
        }
        let (sender, receiver) = oneshot::channel();
        let outcome = receiver.shared();
        jobs.insert(task, Job { request_digest, outcome: outcome.clone() });
        Ok(Entry::Begun(Finish { jobs: self.jobs.clone(), task, outcome: Some(sender) }, outcome))
    }

    /// How many are running.
    pub(super) fn len(&self) -> usize {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl<T> Finish<T> {
    /// Answers everybody who waits.
    pub(super) fn with(mut self, outcome: Outcome<T>) {
        // Out of the map first: whoever submits from here on begins anew and finds the journal's record.
        self.leave();
        if let Some(sender) = self.outcome.take() {
            let _nobody_waits = sender.send(outcome);
        }
    }

    fn leave(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.task);
    }
}

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        if self.outcome.is_some() {
            self.leave();
        }
    }
}
