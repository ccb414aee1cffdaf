//! What needs several parts of the store at once.

mod conformance;
mod disk;
mod faults;
mod files;
mod group_commit;
mod processes;
mod retention;
mod transfer;

use std::future::Future;
use std::sync::Arc;

use hourglass_core::Timestamp;
use hourglass_core::ports::{JournalError, TaskJournal};
use hourglass_core::task::TaskRecord;

use crate::{Options, Store};
use disk::SimDisk;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn small() -> Options {
    Options { cache_bytes: 1 << 20, ..Options::default() }
}

/// A store on a simulated disk, which never prunes.
fn on_disk(disk: &SimDisk) -> Result<Store, crate::StoreError> {
    Store::start(Box::new(disk.clone()), small(), Box::new(|| Timestamp::EPOCH))
}

/// Another answer to the same task.
fn other_answer(record: &TaskRecord) -> TaskRecord {
    TaskRecord { output: [record.output.as_slice(), b"!"].concat(), ..record.clone() }
}

/// What was acknowledged is there, and is what every later writer is told.
async fn assert_stands(journal: &Arc<impl TaskJournal>, record: &TaskRecord) {
    assert_eq!(journal.find(&record.task_id).await, Ok(Some(record.clone())), "an acknowledged record is there");
    assert_eq!(journal.record(other_answer(record)).await, Ok(record.clone()), "the first writer wins for ever");
}

fn unavailable<T: std::fmt::Debug>(result: Result<T, JournalError>) -> bool {
    matches!(result, Err(JournalError::Unavailable { .. }))
}
