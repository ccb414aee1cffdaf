//! What the tests stand on: waiting with deadlines, a clock and a spawner, the executor's core scripted, performers.

mod executor;
mod performer;
mod raw;

use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use hourglass_core::Timestamp;
use hourglass_core::ports::{Clock, Spawner};

pub(crate) use executor::{Management, Running, Tasks, result, start, submission};
pub(crate) use performer::{Behaviour, OUT_OF_ROTATION, Performer, Seen};
pub(crate) use raw::{Http2, frame, grpc_frame, headers_frame};

/// Nothing in these tests takes so long unless something is wrong.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = tokio::time::Instant::now() + LONG;
    while !holds() {
        assert!(tokio::time::Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a future.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.unwrap_or_else(|_| panic!("took too long: {what}"))
}

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

pub(crate) struct TokioSpawner;

impl Spawner for TokioSpawner {
    fn spawn(&self, _: &'static str, job: BoxFuture<'static, ()>) {
        tokio::spawn(job);
    }

    fn spawn_service(&self, _: &'static str, service: BoxFuture<'static, ()>) {
        tokio::spawn(service);
    }
}

pub(crate) fn clock_and_spawner() -> (Arc<dyn Clock>, Arc<dyn Spawner>) {
    (Arc::new(SystemClock), Arc::new(TokioSpawner))
}
