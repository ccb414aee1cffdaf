use hourglass_core::{Address, Timestamp};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::tables::{BY_SET, FLOORS, OperatorSet, RECORDS};

/// What a journal holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Statistics {
    /// Tasks on record.
    pub tasks: u64,
    /// When the oldest of them was recorded.
    pub oldest: Option<Timestamp>,
    /// When the newest of them was recorded.
    pub newest: Option<Timestamp>,
    /// Size of the database on the disk, in bytes.
    pub size_bytes: Option<u64>,
    /// Every floor, ordered.
    pub floors: Vec<SetFloor>,
}

/// Below `floor`, no unknown task of the operator set is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetFloor {
    /// Of which AVS.
    pub avs: Address,
    /// Which of its operator sets.
    pub operator_set_id: u32,
    /// A reference timestamp, in seconds since the epoch.
    pub floor: u32,
}

pub(crate) fn collect(database: &redb::Database, size_bytes: Option<u64>) -> Result<Statistics, redb::Error> {
    let transaction = database.begin_read()?;
    let tasks = transaction.open_table(RECORDS)?.len()?;
    let (mut oldest, mut newest) = (None, None);
    for entry in transaction.open_table(BY_SET)?.iter()? {
        let recorded_at = entry?.1.value();
        oldest = Some(oldest.map_or(recorded_at, |other: u64| other.min(recorded_at)));
        newest = newest.max(Some(recorded_at));
    }
    Ok(Statistics {
        tasks,
        oldest: oldest.map(Timestamp::from_millis),
        newest: newest.map(Timestamp::from_millis),
        size_bytes,
        floors: floors(&transaction)?,
    })
}

/// Every floor, ordered.
pub(crate) fn floors(transaction: &redb::ReadTransaction) -> Result<Vec<SetFloor>, redb::Error> {
    let mut floors = Vec::new();
    for entry in transaction.open_table(FLOORS)?.iter()? {
        let (key, floor) = entry?;
        let OperatorSet { avs, id } = OperatorSet::from_key(&key.value());
        floors.push(SetFloor { avs, operator_set_id: id, floor: floor.value() });
    }
    Ok(floors)
}
