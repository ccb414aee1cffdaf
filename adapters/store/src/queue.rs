//! The bounded queue before the writer thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Work for one thread that takes everything waiting at once. What waits is bounded by its weight.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    room: Arc<Semaphore>,
    capacity: u32,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<Entry<T>>,
    nudged: bool,
    closed: bool,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    weight: u32,
    _room: OwnedSemaphorePermit,
}

/// What [`Queue::take`] found.
#[derive(Debug)]
pub(crate) enum Taken<T> {
    /// At least one item, in order.
    Items(Vec<T>),
    /// Nothing came in time, or somebody nudged.
    Nothing,
    /// It is closed and everything has been taken.
    Closed,
}

impl<T> Queue<T> {
    /// A queue that holds items of at most `capacity` weight together, or one heavier one.
    pub(crate) fn new(capacity: u32) -> Self {
        let capacity = capacity.max(1);
        let state = State { waiting: VecDeque::new(), nudged: false, closed: false };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            room: Arc::new(Semaphore::new(capacity as usize)),
            capacity,
        }
    }

    /// Adds an item once there is room. Gives it back where the queue is closed.
    pub(crate) async fn push(&self, item: T, weight: u32) -> Result<(), T> {
        let weight = weight.clamp(1, self.capacity);
        // Where there is room, never wait: a caller that is polled has its item in the queue.
        let room = match Arc::clone(&self.room).try_acquire_many_owned(weight) {
            Ok(room) => room,
            Err(_) => match Arc::clone(&self.room).acquire_many_owned(weight).await {
                Ok(room) => room,
                Err(_) => return Err(item),
            },
        };
        self.insert(Entry { item, weight, _room: room })
    }

    /// Adds an item if there is room now.
    pub(crate) fn try_push(&self, item: T) -> Result<(), T> {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else { return Err(item) };
        self.insert(Entry { item, weight: 1, _room: room })
    }

    /// Wakes the taker although nothing waits.
    pub(crate) fn nudge(&self) {
        self.state().nudged = true;
        self.changed.notify_one();
    }

    /// Nothing more is accepted.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.room.close();
        self.changed.notify_one();
    }

    /// Takes everything that waits, up to `max_items` and about `max_weight`; waits up to `patience` for the first.
    pub(crate) fn take(&self, max_items: usize, max_weight: u32, patience: Duration) -> Taken<T> {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if std::mem::take(&mut state.nudged) || left.is_zero() {
                return Taken::Nothing;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (mut items, mut weight) = (Vec::new(), 0_u32);
        while let Some(entry) = state.waiting.pop_front() {
            weight = weight.saturating_add(entry.weight);
            items.push(entry.item);
            if items.len() >= max_items || weight >= max_weight {
                break;
            }
        }
        Taken::Items(items)
    }

    fn insert(&self, entry: Entry<T>) -> Result<(), T> {
        let mut state = self.state();
        if state.closed {
            return Err(entry.item);
        }
        state.waiting.push_back(entry);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
