use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hourglass_core::ports::Spawner;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::Instrument;

/// Runs every spawned task of a process, so that none of them can end in silence.
///
/// - A *job* ends by itself. Its panic is logged with its name and counted; nothing else falls with it.
/// - A *service* must live as long as the process. Its end, by return or by panic, resolves [`Supervisor::failed`],
///   on which the binary exits non-zero. After [`Supervisor::stop`] the end of a service is what was asked for.
///
/// Both run in the tracing span in which they were spawned, so that what a task logs stays with the task.
/// Clones share everything.
#[derive(Clone)]
pub struct Supervisor {
    handle: Handle,
    shared: Arc<Shared>,
}

struct Shared {
    failure: watch::Sender<Option<ServiceFailure>>,
    stopping: watch::Sender<bool>,
    /// Running jobs by name; a watch sends the sum, so that a drain waits without polling.
    jobs: Mutex<BTreeMap<&'static str, usize>>,
    running: watch::Sender<usize>,
    panics: AtomicU64,
}

/// A service ended although it must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFailure {
    /// Which service.
    pub service: &'static str,
    /// How it ended.
    pub cause: FailureCause,
}

/// How a service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureCause {
    /// It returned.
    Ended,
    /// It panicked, saying this.
    Panicked(String),
}

impl fmt::Display for ServiceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            FailureCause::Ended => {
                write!(f, "service '{}' ended although it must run as long as the process", self.service)
            }
            FailureCause::Panicked(message) => write!(f, "service '{}' panicked: {message}", self.service),
        }
    }
}

impl std::error::Error for ServiceFailure {}

/// Jobs that had not ended by a deadline: how many of each name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillRunning(pub BTreeMap<&'static str, usize>);

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jobs: Vec<_> = self.0.iter().map(|(name, count)| format!("{count} × {name}")).collect();
        write!(f, "still running at the deadline: {}", jobs.join(", "))
    }
}

impl std::error::Error for StillRunning {}

impl Supervisor {
    /// A supervisor that spawns on this runtime.
    pub fn new(handle: Handle) -> Self {
        let shared = Shared {
            failure: watch::Sender::new(None),
            stopping: watch::Sender::new(false),
            jobs: Mutex::default(),
            running: watch::Sender::new(0),
            panics: AtomicU64::new(0),
        };
        Self { handle, shared: Arc::new(shared) }
    }

    /// A supervisor that spawns on the runtime of the caller.
    ///
    /// # Panics
    /// Outside a tokio runtime, as [`Handle::current`] does.
    pub fn current() -> Self {
        Self::new(Handle::current())
    }

    /// Resolves when a service has ended although it must not, with the first such failure; never otherwise.
    pub fn failed(&self) -> impl Future<Output = ServiceFailure> + Send + 'static {
        let mut failures = self.shared.failure.subscribe();
        async move {
            let failure = failures.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
            match failure {
                Some(failure) => failure,
                // Every supervisor is gone, and with it whatever could still fail.
                None => std::future::pending().await,
            }
        }
    }

    /// Ends every service at its next await point; from now on their ends are no failures, and new services are not
    /// started. Jobs go on: see [`Self::drained`].
    pub fn stop(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// Waits until no job runs, at most until the deadline.
    ///
    /// # Errors
    /// [`StillRunning`], naming what had not ended.
    pub async fn drained(&self, deadline: Duration) -> Result<(), StillRunning> {
        let mut running = self.shared.running.subscribe();
        let drained = tokio::time::timeout(deadline, running.wait_for(|count| *count == 0)).await;
        match drained {
            Ok(_) => Ok(()),
            Err(_) => Err(StillRunning(self.shared.jobs().clone())),
        }
    }

    /// Panics of jobs and services since the start.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// Jobs that run now.
    pub fn running(&self) -> usize {
        *self.shared.running.borrow()
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("running", &self.running()).field("panics", &self.panics()).finish()
    }
}

impl Shared {
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_panic(&self, kind: &str, name: &str, payload: &(dyn Any + Send)) -> String {
        self.panics.fetch_add(1, Ordering::Relaxed);
        let message = panic_message(payload);
        tracing::error!(kind, name, panic = %message, "a spawned task panicked: this is a defect");
        message
    }
}

/// Counts a job from its spawning to its end, also when the runtime drops it unfinished.
struct Running {
    shared: Arc<Shared>,
    name: &'static str,
}

impl Running {
    fn new(shared: Arc<Shared>, name: &'static str) -> Self {
        *shared.jobs().entry(name).or_default() += 1;
        shared.running.send_modify(|count| *count += 1);
        Self { shared, name }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut jobs = self.shared.jobs();
        if let Some(count) = jobs.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                jobs.remove(self.name);
            }
        }
        drop(jobs);
        self.shared.running.send_modify(|count| *count -= 1);
    }
}

impl Spawner for Supervisor {
    fn spawn(&self, name: &'static str, job: BoxFuture<'static, ()>) {
        let running = Running::new(self.shared.clone(), name);
        let supervised = async move {
            let running = running;
            if let Err(payload) = AssertUnwindSafe(job).catch_unwind().await {
                running.shared.count_panic("job", name, &*payload);
            }
        };
        self.handle.spawn(supervised.in_current_span());
    }

    fn spawn_service(&self, name: &'static str, service: BoxFuture<'static, ()>) {
        let shared = self.shared.clone();
        let mut stopping = shared.stopping.subscribe();
        let supervised = async move {
            let ended = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => return,
                ended = AssertUnwindSafe(service).catch_unwind() => ended,
            };
            if *shared.stopping.borrow() {
                return;
            }
            let cause = match ended {
                Ok(()) => FailureCause::Ended,
                Err(payload) => FailureCause::Panicked(shared.count_panic("service", name, &*payload)),
            };
            let failure = ServiceFailure { service: name, cause };
            tracing::error!(service = name, %failure, "a service ended: the process cannot go on");
            // The first failure is the cause; what falls after it is most likely a consequence.
            shared.failure.send_if_modified(|slot| {
                let first = slot.is_none();
                slot.get_or_insert(failure);
                first
            });
        };
        self.handle.spawn(supervised.in_current_span());
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(no message)").to_owned()
}

#[cfg(test)]
mod tests {
    use futures_util::future::{pending, poll_immediate};
    use tokio::sync::oneshot;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    async fn within<F: Future>(future: F) -> F::Output {
        tokio::time::timeout(LIMIT, future).await.expect("not within the deadline")
    }

    #[tokio::test]
    async fn a_panicking_job_is_counted_and_harms_nothing_else() {
        let supervisor = Supervisor::current();
        let (tell, told) = oneshot::channel();
        supervisor.spawn("bad", Box::pin(async { panic!("of course") }));
        supervisor.spawn("good", Box::pin(async { tell.send(7).unwrap() }));
        assert_eq!(within(told).await, Ok(7));
        supervisor.drained(LIMIT).await.unwrap();
        assert_eq!(supervisor.panics(), 1);
        assert_eq!(poll_immediate(Box::pin(supervisor.failed())).await, None);
    }

    #[tokio::test]
    async fn the_end_of_a_service_is_a_failure() {
        let supervisor = Supervisor::current();
        supervisor.spawn_service("server", Box::pin(async {}));
        let failure = within(supervisor.failed()).await;
        assert_eq!(failure, ServiceFailure { service: "server", cause: FailureCause::Ended });
        assert_eq!(supervisor.panics(), 0);
    }

    #[tokio::test]
    async fn the_panic_of_a_service_is_a_failure_and_the_first_one_stands() {
        let supervisor = Supervisor::current();
        supervisor.spawn_service("watcher", Box::pin(async { panic!("lost {}", 3) }));
        let failure = within(supervisor.failed()).await;
        assert_eq!(failure.cause, FailureCause::Panicked("lost 3".into()));
        supervisor.spawn_service("later", Box::pin(async {}));
        tokio::task::yield_now().await;
        assert_eq!(within(supervisor.failed()).await, failure);
        assert_eq!(supervisor.panics(), 1);
    }

    #[tokio::test]
    async fn stopping_ends_services_without_failure() {
        let supervisor = Supervisor::current();
        let (alive, dropped) = oneshot::channel::<()>();
        supervisor.spawn_service(
            "server",
            Box::pin(async {
                let _alive = alive;
                pending::<()>().await;
            }),
        );
        supervisor.stop();
        assert!(within(dropped).await.is_err(), "the service still holds its end");
        assert_eq!(poll_immediate(Box::pin(supervisor.failed())).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn draining_waits_for_jobs_and_names_what_is_left() {
        let supervisor = Supervisor::current();
        let (finish, finished) = oneshot::channel::<()>();
        supervisor.spawn("task", Box::pin(async { drop(finished.await) }));
        assert_eq!(supervisor.running(), 1);
        let left = supervisor.drained(Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(left.to_string(), "still running at the deadline: 1 × task");
        finish.send(()).unwrap();
        supervisor.drained(Duration::from_secs(5)).await.unwrap();
        assert_eq!(supervisor.running(), 0);
    }

    #[test]
    fn jobs_that_a_runtime_drops_are_not_counted_as_running() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let supervisor = Supervisor::new(runtime.handle().clone());
        supervisor.spawn("stuck", Box::pin(pending()));
        assert_eq!(supervisor.running(), 1);
        drop(runtime);
        assert_eq!(supervisor.running(), 0);
    }
}
