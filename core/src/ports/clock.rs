use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::time::Timestamp;

/// The time, and waiting for it to pass.
pub trait Clock: Send + Sync + 'static {
    /// Wall-clock time. It may jump in either direction.
    fn now(&self) -> Timestamp;

    /// Resolves after `duration` of *monotonic* time: a wall clock that jumps neither shortens nor stretches it.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Runs work detached from whoever asked for it.
///
/// Every spawned task is supervised: a panic in it is never silent.
pub trait Spawner: Send + Sync + 'static {
    /// Runs a job that ends by itself. `name` is for people.
    fn spawn(&self, name: &'static str, job: BoxFuture<'static, ()>);

    /// Runs something that must never end while the process lives; its end ends the process with an error.
    fn spawn_service(&self, name: &'static str, service: BoxFuture<'static, ()>);
}
