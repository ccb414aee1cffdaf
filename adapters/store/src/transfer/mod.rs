//! Moving a journal to another host: a text file of JSON lines.
//!
//! ```text
//! {"journal":{"format":"hourglass-journal","version":1,"operator":"0x…","exported_at":…,"floors":[…]}}
//! {"task":{…}}                                one line for each record
//! {"end":{"tasks":1,"sha256":"…"}}            over every byte before this line
//! ```

mod error;
mod export;
mod import;
mod line;

use std::ops::ControlFlow;

use hourglass_core::task::{TaskId, TaskRecord};
use redb::{ReadableDatabase, ReadableTable};

use crate::codec;
use crate::error::StoreError;
use crate::shared::{Shared, guarded};
use crate::tables::RECORDS;

pub use error::TransferError;
pub use export::ExportSummary;
pub(crate) use export::export;
pub use import::ImportSummary;
pub(crate) use import::{ImportJob, import, run_import};
pub use line::{FORMAT, VERSION};

/// Shows every record of one snapshot, ordered by task.
pub(crate) fn visit_tasks(
    shared: &Shared,
    mut visit: impl FnMut(TaskRecord) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let database = shared.database()?;
    let mut damaged = None;
    guarded(|| {
        for entry in database.begin_read()?.open_table(RECORDS)?.iter()? {
            let (key, bytes) = entry?;
            match codec::decode(&TaskId::new(key.value()), bytes.value()) {
                Ok(record) => {
                    if visit(record).is_break() {
                        break;
                    }
                }
                Err(problem) => {
                    damaged = Some(StoreError::unusable(format!("{problem}: restore the journal from a copy")));
                    break;
                }
            }
        }
        Ok(())
    })?;
    damaged.map_or(Ok(()), Err)
}
