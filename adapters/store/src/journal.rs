use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use hourglass_core::Address;
use hourglass_core::ports::{JournalError, TaskJournal};
use hourglass_core::task::{TaskId, TaskRecord};
use redb::ReadableDatabase;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::shared::Shared;
use crate::tables::{OperatorSet, RECORDS};
use crate::transaction::{Done, Write, standing};

/// The task journal of a [`crate::Store`].
///
/// Its methods need a tokio runtime with time. A dropped call may still have its effect.
pub struct RedbJournal {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for RedbJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbJournal").field("store", &self.shared.name).finish_non_exhaustive()
    }
}

/// Reads one record from the database.
pub(crate) fn read_record(shared: &Shared, task: &TaskId) -> Result<Option<TaskRecord>, JournalError> {
    let found = shared.read(|database| standing(&database.begin_read()?.open_table(RECORDS)?, task))?;
    Ok(found.transpose()?.map(|record| *record))
}

#[async_trait]
impl TaskJournal for RedbJournal {
    async fn find(&self, task: &TaskId) -> Result<Option<TaskRecord>, JournalError> {
        if let Some(record) = self.shared.recent().get(task) {
            return Ok(Some(record));
        }
        // A cold page is a disk read, which would hold up every task on this thread. Where the runtime has more threads,
        // those tasks move and this one stays: nearly always the page is in memory, and going to another thread and
        // back costs many times the read.
        if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            return tokio::task::block_in_place(|| read_record(&self.shared, task));
        }
        let (shared, task) = (Arc::clone(&self.shared), *task);
        let read = tokio::task::spawn_blocking(move || read_record(&shared, &task));
        read.await.unwrap_or_else(|_| Err(crate::shared::closed()))
    }

    async fn record(&self, record: TaskRecord) -> Result<TaskRecord, JournalError> {
        match self.shared.write(Write::Record(Box::new(record))).await? {
            Done::Stands(record) => Ok(*record),
            // Not reached: a record is never answered so. Failing closed costs nothing.
            Done::Written => Err(crate::shared::closed()),
        }
    }

    async fn floor(&self, avs: &Address, operator_set_id: u32) -> Result<u32, JournalError> {
        self.shared.database()?;
        Ok(self.shared.floor(OperatorSet { avs: *avs, id: operator_set_id }))
    }

    async fn check(&self) -> Result<(), JournalError> {
        self.shared.check().await
    }
}
