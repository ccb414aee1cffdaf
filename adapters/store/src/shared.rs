//! What the writer thread and everybody else see of an open store.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hourglass_core::ports::JournalError;
use redb::Database;
use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::options::Options;
use crate::queue::Queue;
use crate::recent::Recent;
use crate::tables::OperatorSet;
use crate::transaction::{Done, Write};
use crate::transfer::ImportJob;

/// A success this young answers [`Shared::check`] without another write.
const FRESH: Duration = Duration::from_secs(10);

/// Work for the writer thread.
pub(crate) enum Job {
    Write { write: Write, reply: oneshot::Sender<Result<Done, JournalError>> },
    Import(Box<ImportJob>),
}

/// Told of commits: how long each took, and how many task records it made durable, or that it failed.
pub(crate) type CommitObserver = Box<dyn Fn(Duration, Option<usize>) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) queue: Queue<Job>,
    pub(crate) options: Options,
    /// For messages.
    pub(crate) name: String,
    state: RwLock<State>,
    floors: RwLock<HashMap<OperatorSet, u32>>,
    recent: Mutex<Recent>,
    last_success: Mutex<Option<Instant>>,
    /// A reader saw the database fail: the writer opens it again.
    suspect: AtomicBool,
    pub(crate) observer: OnceLock<CommitObserver>,
}

/// Whether there is a database now.
#[derive(Debug)]
pub(crate) enum State {
    Open(Arc<Database>),
    Down(StoreError),
}

impl Shared {
    pub(crate) fn new(name: String, options: Options) -> Self {
        Self {
            // In KiB, so that the largest capacity fits the count of a semaphore.
            queue: Queue::new((options.queue_bytes >> 10).max(1)),
            name,
            state: RwLock::new(State::Down(StoreError::unavailable("it is not open yet"))),
            floors: RwLock::default(),
            recent: Mutex::new(Recent::new(options.recent_bytes)),
            last_success: Mutex::new(None),
            suspect: AtomicBool::new(false),
            observer: OnceLock::new(),
            options,
        }
    }

    /// Reads, without waiting for writes. A failure has the writer open the database again.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let database = match &*state {
            State::Open(database) => database,
            State::Down(error) => return Err(error.clone()),
        };
        guarded(|| read(database)).inspect_err(|error| {
            // Damage does not go away by opening it again, and concerns only what lies on that page.
            if error.retryable() {
                self.suspect.store(true, Ordering::SeqCst);
                self.queue.nudge();
            }
        })
    }

    /// The database, for reading longer than [`Self::read`] should.
    pub(crate) fn database(&self) -> Result<Arc<Database>, StoreError> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(database) => Ok(Arc::clone(database)),
            State::Down(error) => Err(error.clone()),
        }
    }

    /// Waits for the readers inside [`Self::read`], then drops what was there.
    pub(crate) fn set_state(&self, new: State) {
        let old = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *state, new)
        };
        drop(old);
    }

    pub(crate) fn take_suspicion(&self) -> bool {
        self.suspect.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn floor(&self, set: OperatorSet) -> u32 {
        self.floors.read().unwrap_or_else(PoisonError::into_inner).get(&set).copied().unwrap_or_default()
    }

    pub(crate) fn floors(&self) -> HashMap<OperatorSet, u32> {
        self.floors.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Only what is durable.
    pub(crate) fn set_floors(&self, floors: impl IntoIterator<Item = (OperatorSet, u32)>) {
        self.floors.write().unwrap_or_else(PoisonError::into_inner).extend(floors);
    }

    pub(crate) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_success(&self) {
        *self.last_success.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Has the writer do something and waits until it is durable.
    pub(crate) async fn write(&self, write: Write) -> Result<Done, JournalError> {
        let attempt = async {
            let (reply, outcome) = oneshot::channel();
            let weight = write.weight();
            if self.queue.push(Job::Write { write, reply }, weight).await.is_err() {
                return Err(closed());
            }
            outcome.await.unwrap_or_else(|_| Err(closed()))
        };
        let patience = self.options.write_timeout;
        tokio::time::timeout(patience, attempt).await.unwrap_or_else(|_| {
            let message = format!(
                "the disk of {} has not confirmed a write within {} ms: it is too slow or hangs",
                self.name,
                patience.as_millis()
            );
            Err(JournalError::Unavailable { message })
        })
    }

    /// Whether records can be written now. Writes something, unless it has just been seen.
    pub(crate) async fn check(&self) -> Result<(), JournalError> {
        self.database()?;
        let last = *self.last_success.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < FRESH) {
            return Ok(());
        }
        self.write(Write::Probe).await.map(drop)
    }
}

pub(crate) fn closed() -> JournalError {
    JournalError::Unavailable { message: "the store is closed: the executor is shutting down".into() }
}

/// Runs database code. It asserts what a damaged file may break; such a panic is an error like any other, after which
/// the database is opened again.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(StoreError::from),
        Err(_) => Err(StoreError::unavailable("the database code failed an assertion: the file may be damaged")),
    }
}
