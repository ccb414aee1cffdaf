//! One durable transaction for everything that waits.

use std::collections::HashMap;

use hourglass_core::ports::JournalError;
use hourglass_core::task::{TaskId, TaskRecord};
use redb::{Database, ReadableDatabase, ReadableTable, Table, WriteTransaction};

use crate::codec;
use crate::tables::{
    BY_SET, FLOORS, META, OperatorSet, PERFORMERS, RECORDS, SCHEMA, SCHEMA_VERSION, SEQUENCE, index_key,
};

/// Something to be made durable.
#[derive(Debug)]
pub(crate) enum Write {
    Record(Box<TaskRecord>),
    SavePerformer {
        name: String,
        json: Vec<u8>,
    },
    DeletePerformer {
        name: String,
    },
    /// Changes nothing that anybody sees, and tells whether writing works.
    Probe,
}

/// How a [`Write`] ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    /// This record stands.
    Stands(Box<TaskRecord>),
    Written,
}

impl Write {
    /// In KiB.
    pub(crate) fn weight(&self) -> u32 {
        let bytes = match self {
            Self::Record(record) => record.output.len(),
            Self::SavePerformer { json, .. } => json.len(),
            Self::DeletePerformer { .. } | Self::Probe => 0,
        };
        u32::try_from(bytes >> 10).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// What a transaction did.
#[derive(Debug)]
pub(crate) struct Applied {
    /// One for each write, in order.
    pub(crate) outcomes: Vec<Result<Done, JournalError>>,
    /// What was not known before.
    pub(crate) recorded: Vec<TaskRecord>,
    /// The number of this commit; `None` where there was nothing to commit.
    pub(crate) sequence: Option<u64>,
}

/// Makes everything durable in one commit. The outcomes hold only once this has returned `Ok`.
pub(crate) fn apply(
    database: &Database,
    writes: &[Write],
    floors: &HashMap<OperatorSet, u32>,
) -> Result<Applied, redb::Error> {
    let transaction = begin(database)?;
    let mut applied = Applied { outcomes: Vec::with_capacity(writes.len()), recorded: Vec::new(), sequence: None };
    let mut changed = false;
    {
        let mut records = transaction.open_table(RECORDS)?;
        let mut by_set = transaction.open_table(BY_SET)?;
        let mut performers = transaction.open_table(PERFORMERS)?;
        for write in writes {
            let outcome = match write {
                Write::Record(record) => match standing(&records, &record.task_id)? {
                    Some(known) => known.map(Done::Stands),
                    None => match refusal(&by_set, record, floors)? {
                        Some(refusal) => Err(refusal),
                        None => {
                            insert(&mut records, &mut by_set, record)?;
                            applied.recorded.push(TaskRecord::clone(record));
                            changed = true;
                            Ok(Done::Stands(record.clone()))
                        }
                    },
                },
                Write::SavePerformer { name, json } => {
                    performers.insert(name.as_str(), json.as_slice())?;
                    changed = true;
                    Ok(Done::Written)
                }
                Write::DeletePerformer { name } => {
                    changed |= performers.remove(name.as_str())?.is_some();
                    Ok(Done::Written)
                }
                Write::Probe => {
                    changed = true;
                    Ok(Done::Written)
                }
            };
            applied.outcomes.push(outcome);
        }
    }
    if changed {
        applied.sequence = Some(commit(transaction)?);
    } else {
        // Everything was known, and what a transaction sees is durable already.
        transaction.abort()?;
    }
    Ok(applied)
}

/// A transaction whose commit is synced twice (data, then the header that points to it) and carries the allocator's
/// state: after a power cut the file is opened without walking it, and no commit is ever rolled back for another.
pub(crate) fn begin(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// Commits and tells the number of the commit.
pub(crate) fn commit(transaction: WriteTransaction) -> Result<u64, redb::Error> {
    let sequence = {
        let mut meta = transaction.open_table(META)?;
        let next = meta.get(SEQUENCE)?.map_or(0, |number| number.value()) + 1;
        meta.insert(SEQUENCE, next)?;
        next
    };
    transaction.commit()?;
    Ok(sequence)
}

/// Makes the tables of a new database.
pub(crate) fn initialise(database: &Database) -> Result<(), redb::Error> {
    let transaction = begin(database)?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(BY_SET)?;
    transaction.open_table(FLOORS)?;
    transaction.open_table(PERFORMERS)?;
    transaction.open_table(META)?.insert(SCHEMA, SCHEMA_VERSION)?;
    commit(transaction)?;
    Ok(())
}

/// The version of the schema, of a database that has our tables.
pub(crate) fn schema(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    let version = transaction.open_table(META)?.get(SCHEMA)?.map(|version| version.value());
    if version == Some(SCHEMA_VERSION) {
        transaction.open_table(RECORDS)?;
        transaction.open_table(BY_SET)?;
        transaction.open_table(FLOORS)?;
        transaction.open_table(PERFORMERS)?;
    }
    Ok(version)
}

/// Every floor.
pub(crate) fn floors(database: &Database) -> Result<HashMap<OperatorSet, u32>, redb::Error> {
    let table = database.begin_read()?.open_table(FLOORS)?;
    let mut floors = HashMap::new();
    for entry in table.iter()? {
        let (set, floor) = entry?;
        floors.insert(OperatorSet::from_key(&set.value()), floor.value());
    }
    Ok(floors)
}

/// What is recorded of a task; `Some(Err)` where it is damaged, which concerns nobody else.
type Standing = Option<Result<Box<TaskRecord>, JournalError>>;

pub(crate) fn standing<T>(records: &T, task: &TaskId) -> Result<Standing, redb::Error>
where
    T: ReadableTable<[u8; 32], &'static [u8]>,
{
    let found = records.get(task.as_bytes())?;
    Ok(found.map(|bytes| match codec::decode(task, bytes.value()) {
        Ok(record) => Ok(Box::new(record)),
        Err(problem) => Err(JournalError::Unusable {
            message: format!("{problem}; it is not answered any more, restore the journal from a copy"),
        }),
    }))
}

pub(crate) fn insert(
    records: &mut Table<'_, [u8; 32], &'static [u8]>,
    by_set: &mut Table<'_, [u8; 60], u64>,
    record: &TaskRecord,
) -> Result<(), redb::Error> {
    records.insert(record.task_id.as_bytes(), codec::encode(record).as_slice())?;
    by_set.insert(&index_key(record), record.recorded_at.as_millis())?;
    Ok(())
}

/// Why a task of which no record is found is not accepted, if so.
fn refusal(
    by_set: &Table<'_, [u8; 60], u64>,
    record: &TaskRecord,
    floors: &HashMap<OperatorSet, u32>,
) -> Result<Option<JournalError>, redb::Error> {
    let reference_timestamp = record.reference_timestamp;
    let floor = floors.get(&OperatorSet::of(record)).copied().unwrap_or_default();
    if reference_timestamp < floor {
        return Ok(Some(JournalError::BelowFloor { reference_timestamp, floor }));
    }
    // A page that rotted may hide a record, and then it must not seem unknown. The index lies on other pages.
    let hidden = by_set.get(&index_key(record))?.is_some();
    Ok(hidden.then(|| JournalError::Unusable {
        message: format!(
            "task {} is in the index and its record is not found: the file is damaged, restore it from a copy",
            record.task_id
        ),
    }))
}
