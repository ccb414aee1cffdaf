use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::ports::Clock;
use crate::time::Timestamp;

/// A clock whose time passes only when told to, or when a [`Simulation`](crate::testing::Simulation) has nothing else
/// to do. Sleeps resolve in the order of their deadlines; those with the same deadline in the order they were made.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    wall: Timestamp,
    elapsed: Duration,
    sleeps: u64,
    sleepers: BTreeMap<(Duration, u64), Option<Waker>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for VirtualClock {
    /// Begins at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(Timestamp::from_secs(1_767_225_600))
    }
}

impl VirtualClock {
    /// A clock that begins at this time.
    pub fn new(wall: Timestamp) -> Self {
        let state = State { wall, elapsed: Duration::ZERO, sleeps: 0, sleepers: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Monotonic time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        lock(&self.state).elapsed
    }

    /// Lets `duration` pass, on the wall too, and wakes every sleep that is due.
    pub fn advance(&self, duration: Duration) {
        let due = {
            let mut state = lock(&self.state);
            state.elapsed += duration;
            state.wall = state.wall + duration;
            let now = state.elapsed;
            let due = state.sleepers.range_mut(..=(now, u64::MAX));
            due.filter_map(|(_, waker)| waker.take()).collect::<Vec<_>>()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Sets the wall clock, forwards or backwards; no monotonic time passes.
    pub fn jump(&self, to: Timestamp) {
        lock(&self.state).wall = to;
    }

    /// How long until the next sleep is due; `None` where nobody sleeps.
    pub fn next_due(&self) -> Option<Duration> {
        let state = lock(&self.state);
        state.sleepers.keys().next().map(|(deadline, _)| deadline.saturating_sub(state.elapsed))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        lock(&self.state).wall
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut state = lock(&self.state);
        let key = (state.elapsed.saturating_add(duration), state.sleeps);
        state.sleeps += 1;
        state.sleepers.insert(key, None);
        Box::pin(Sleep { state: Arc::clone(&self.state), key })
    }
}

struct Sleep {
    state: Arc<Mutex<State>>,
    key: (Duration, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.elapsed >= self.key.0 {
            state.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let forgotten = lock(&self.state).sleepers.remove(&self.key);
        drop(forgotten);
    }
}
