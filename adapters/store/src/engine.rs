//! Keeps a database open: opens it, notices that it failed, opens it again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::Database;

use crate::error::StoreError;
use crate::medium::Medium;
use crate::shared::{Shared, State, guarded};
use crate::tables::{OperatorSet, SCHEMA_VERSION};
use crate::transaction;

const SHORTEST_BACKOFF: Duration = Duration::from_millis(20);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

pub(crate) struct Engine {
    medium: Box<dyn Medium>,
    shared: Arc<Shared>,
    database: Option<Arc<Database>>,
    /// The last commit that anybody was told of.
    acknowledged: u64,
    failures: u32,
    retry_at: Instant,
}

impl Engine {
    /// Opens the database for the first time.
    pub(crate) fn open(medium: Box<dyn Medium>, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let mut engine =
            Self { medium, shared, database: None, acknowledged: 0, failures: 0, retry_at: Instant::now() };
        engine.reopen()?;
        Ok(engine)
    }

    /// The database, opened again where it failed and the back-off is over.
    pub(crate) fn database(&mut self) -> Result<Arc<Database>, StoreError> {
        if let Some(database) = &self.database {
            return Ok(Arc::clone(database));
        }
        if Instant::now() < self.retry_at {
            return Err(self.shared.database().err().unwrap_or_else(|| StoreError::unavailable("it is being opened")));
        }
        self.reopen().map_err(|error| self.down(error))
    }

    /// When [`Self::database`] would open it again; `None` while it is open.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.database.is_none().then_some(self.retry_at)
    }

    /// A commit with this number is durable, and may be answered.
    pub(crate) fn acknowledge(&mut self, sequence: u64) {
        self.acknowledged = sequence;
        self.failures = 0;
        self.shared.note_success();
    }

    /// The database failed: it is useless until it is opened again, which is tried at once the first time.
    pub(crate) fn fail(&mut self, error: StoreError) -> StoreError {
        tracing::warn!(store = self.shared.name, %error, "the store failed; it will be opened again");
        let error = self.down(error);
        if self.failures == 1 {
            match self.reopen() {
                Ok(_) => tracing::info!(store = self.shared.name, "the store was opened again"),
                Err(error) => drop(self.down(error)),
            }
        }
        error
    }

    /// Closes it in good order.
    pub(crate) fn close(mut self) -> Result<(), StoreError> {
        self.shared.set_state(State::Down(StoreError::unavailable("the store is closed")));
        match self.database.take().and_then(Arc::into_inner) {
            Some(database) => guarded(|| database.close().map_err(redb::Error::from)),
            // Failed already, or an export still reads it: whoever drops it last closes it.
            None => Ok(()),
        }
    }

    fn down(&mut self, error: StoreError) -> StoreError {
        self.database = None;
        self.shared.set_state(State::Down(error.clone()));
        let backoff = SHORTEST_BACKOFF.saturating_mul(1 << self.failures.min(7)).min(LONGEST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Instant::now() + backoff;
        error
    }

    fn reopen(&mut self) -> Result<Arc<Database>, StoreError> {
        let (database, sequence, floors) = self.load().map_err(|error| self.named(error))?;
        if sequence <= self.acknowledged {
            return Err(StoreError::unusable(format!(
                "{} is older than what was acknowledged (commit {sequence}, expected more than {}): the disk lost \
                 writes that it had confirmed, or the file was replaced",
                self.shared.name, self.acknowledged
            )));
        }
        self.acknowledged = sequence;
        let database = Arc::new(database);
        self.database = Some(Arc::clone(&database));
        self.shared.recent().clear();
        self.shared.set_floors(floors);
        self.shared.set_state(State::Open(Arc::clone(&database)));
        self.shared.note_success();
        Ok(database)
    }

    fn load(&self) -> Result<(Database, u64, HashMap<OperatorSet, u32>), StoreError> {
        let mut builder = Database::builder();
        builder.set_cache_size(self.shared.options.cache_bytes);
        // Every commit of ours can be opened without a repair. A repair may go back to an earlier commit, and so
        // forget what was signed.
        builder.set_repair_callback(redb::RepairSession::abort);
        let mut opened = Ok(None);
        guarded(|| {
            opened = self.medium.open(&builder).map(Some);
            Ok(())
        })?;
        let Some(database) = opened? else { return Err(StoreError::unavailable("it did not open")) };
        match guarded(|| transaction::schema(&database))? {
            Some(SCHEMA_VERSION) => {}
            Some(version) => {
                return Err(StoreError::unusable(format!(
                    "it has the schema {version}, this version knows {SCHEMA_VERSION}: use the version that wrote it"
                )));
            }
            None => return Err(StoreError::unusable("it is a database, but not one of ours")),
        }
        // Before anything is read: a process that died, or a sync that failed, may have left a commit that is seen in
        // the page cache and is not on the disk. This commit writes the header anew and syncs, so that whatever is
        // seen from here on is durable.
        let sequence = guarded(|| transaction::commit(transaction::begin(&database)?))?;
        let floors = guarded(|| transaction::floors(&database))?;
        Ok((database, sequence, floors))
    }

    fn named(&self, error: StoreError) -> StoreError {
        let name = &self.shared.name;
        let with_name =
            |message: String| if message.contains(name.as_str()) { message } else { format!("{name}: {message}") };
        match error {
            StoreError::Unavailable { message } => StoreError::Unavailable { message: with_name(message) },
            StoreError::Unusable { message } => StoreError::Unusable { message: with_name(message) },
            locked @ StoreError::Locked { .. } => locked,
        }
    }
}
