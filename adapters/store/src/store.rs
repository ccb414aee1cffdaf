use std::fmt;
use std::io::{BufRead, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use hourglass_core::ports::JournalError;
use hourglass_core::task::{TaskId, TaskRecord};
use hourglass_core::{Address, Timestamp};
use redb::Database;

use crate::directory::Directory;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::journal::{RedbJournal, read_record};
use crate::medium::{FileMedium, Medium};
use crate::options::Options;
use crate::performers::RedbPerformerStore;
use crate::shared::{Shared, guarded};
use crate::statistics::{Statistics, collect};
use crate::transaction;
use crate::transfer::{ExportSummary, ImportSummary, TransferError, export, import, visit_tasks};
use crate::writer::{self, Clock};

/// An open store: its directory is locked, and its writer thread runs, until it is closed or dropped.
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    writer: Option<JoinHandle<Result<(), StoreError>>>,
    size: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    created: bool,
    /// Released last, when the writer has closed the database.
    _directory: Option<Directory>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in a directory, or makes a new one where the directory is missing or has none.
    ///
    /// Blocks for a fraction of a second: the file is never walked, however large it is and however it was closed.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it; [`StoreError::Unusable`] where what is there is torn,
    /// foreign or newer, in which case nothing in it is replaced; [`StoreError::Unavailable`] where the disk does not let us.
    pub fn open(directory: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let directory = Directory::lock(directory.as_ref())?;
        let created = directory.prepare(|path| {
            guarded(|| {
                let database = Database::create(path)?;
                transaction::initialise(&database)?;
                Ok(database.close()?)
            })
            .map_err(|error| StoreError::unavailable(format!("cannot make {}: {error}", path.display())))
        })?;
        let path = directory.database();
        let medium = Box::new(FileMedium { path: path.clone() });
        let mut store = Self::start(medium, options, Box::new(wall_clock))?;
        directory.mark()?;
        store.size = Box::new(move || FileMedium { path: path.clone() }.size());
        store.created = created;
        store._directory = Some(directory);
        Ok(store)
    }

    /// Opens what lies on a medium, which has been initialised.
    pub(crate) fn start(medium: Box<dyn Medium>, options: Options, clock: Clock) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::new(medium.name(), options));
        let engine = Engine::open(medium, Arc::clone(&shared))?;
        let theirs = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer::run(theirs, engine, clock))
            .map_err(|e| StoreError::unavailable(format!("cannot start the writer thread: {e}")))?;
        Ok(Self { shared, writer: Some(writer), size: Box::new(|| None), created: false, _directory: None })
    }

    /// Whether [`Self::open`] made a new store: tasks that were answered before are not known to it.
    pub const fn created(&self) -> bool {
        self.created
    }

    /// Has `observer` told of every commit with task records: how long it took, and how many it made durable, or `None`
    /// where it failed. It is called on the writer's thread and must not block. Only the first observer is kept.
    pub fn on_commit(&self, observer: impl Fn(Duration, Option<usize>) + Send + Sync + 'static) {
        let _kept = self.shared.observer.set(Box::new(observer));
    }

    /// The task journal.
    pub fn journal(&self) -> Arc<RedbJournal> {
        Arc::new(RedbJournal { shared: Arc::clone(&self.shared) })
    }

    /// The performer store.
    pub fn performers(&self) -> Arc<RedbPerformerStore> {
        Arc::new(RedbPerformerStore { shared: Arc::clone(&self.shared) })
    }

    /// The record of one task. Blocks.
    ///
    /// # Errors
    /// As [`hourglass_core::ports::TaskJournal::find`].
    pub fn show(&self, task: &TaskId) -> Result<Option<TaskRecord>, JournalError> {
        read_record(&self.shared, task)
    }

    /// Shows every record to `visit`, ordered by task, as they are now, until it breaks. Blocks.
    ///
    /// # Errors
    /// Where the database cannot be read, or a record is damaged.
    pub fn visit(&self, visit: impl FnMut(TaskRecord) -> ControlFlow<()>) -> Result<(), StoreError> {
        visit_tasks(&self.shared, visit)
    }

    /// What the journal holds. Blocks: reads an index of 68 bytes for each task.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn statistics(&self) -> Result<Statistics, StoreError> {
        self.shared.read(|database| collect(database, (self.size)()))
    }

    /// Writes the whole journal, as it is now, as versioned JSON lines. Blocks.
    ///
    /// Whoever moves a key to another host stops signing on this one *before* the export.
    ///
    /// # Errors
    /// Where the database cannot be read or `out` not be written.
    pub fn export(&self, operator: &Address, now: Timestamp, out: impl Write) -> Result<ExportSummary, TransferError> {
        export(&self.shared, operator, now, out)
    }

    /// Merges an export of the same operator into this journal, all of it or, on any error, nothing. Blocks; must not
    /// be called on a thread of an async runtime.
    ///
    /// The floor of each operator set becomes the highest of its own, the exported one and the highest imported
    /// reference timestamp: below it, only what is on record is signed.
    ///
    /// # Errors
    /// [`TransferError`]: the file is not whole, of another operator, or contradicts a record that is here.
    pub fn import(
        &self,
        operator: &Address,
        input: impl BufRead + Send + 'static,
    ) -> Result<ImportSummary, TransferError> {
        import(&self.shared, *operator, Box::new(input))
    }

    /// Makes everything durable that was accepted, closes the database, and unlocks the directory.
    ///
    /// # Errors
    /// Where the database did not close in good order. What was acknowledged is durable all the same.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), StoreError> {
        self.shared.queue.close();
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(StoreError::unavailable("the writer thread panicked: see the log")),
            None => Ok(()),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(store = self.shared.name, %error, "the store did not close in good order");
        }
    }
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH + since
}
