//! The tables of the database, and the keys that order them.

use hourglass_core::Address;
use hourglass_core::task::{TaskId, TaskRecord};
use redb::TableDefinition;

/// Task id → record, as `codec` writes it.
pub(crate) const RECORDS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("records");
/// [`index_key`] → when it was recorded, in milliseconds: what retention looks through.
pub(crate) const BY_SET: TableDefinition<'_, [u8; 60], u64> = TableDefinition::new("records_by_set");
/// [`OperatorSet::key`] → floor.
pub(crate) const FLOORS: TableDefinition<'_, [u8; 24], u32> = TableDefinition::new("floors");
/// Performer name → versioned JSON.
pub(crate) const PERFORMERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("performers");
/// [`SCHEMA`] and [`SEQUENCE`].
pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("hourglass");

/// The key of the schema's version in [`META`].
pub(crate) const SCHEMA: &str = "schema";
/// The key of the number of commits in [`META`].
pub(crate) const SEQUENCE: &str = "sequence";
/// The only version of the schema.
pub(crate) const SCHEMA_VERSION: u64 = 1;

/// An operator set of an AVS: what a floor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OperatorSet {
    pub(crate) avs: Address,
    pub(crate) id: u32,
}

impl OperatorSet {
    pub(crate) fn of(record: &TaskRecord) -> Self {
        Self { avs: record.avs, id: record.operator_set_id }
    }

    pub(crate) fn key(self) -> [u8; 24] {
        let mut key = [0; 24];
        key[..20].copy_from_slice(self.avs.as_bytes());
        key[20..].copy_from_slice(&self.id.to_be_bytes());
        key
    }

    pub(crate) fn from_key(key: &[u8; 24]) -> Self {
        let (mut avs, mut id) = ([0; 20], [0; 4]);
        avs.copy_from_slice(&key[..20]);
        id.copy_from_slice(&key[20..]);
        Self { avs: Address::new(avs), id: u32::from_be_bytes(id) }
    }

    /// The least key of a record of this set with that reference timestamp.
    pub(crate) fn from(self, reference_timestamp: u32) -> [u8; 60] {
        self.index(reference_timestamp, &[0; 32])
    }

    /// Above or equal to every key of this set.
    pub(crate) fn end(self) -> [u8; 60] {
        self.index(u32::MAX, &[0xff; 32])
    }

    fn index(self, reference_timestamp: u32, task: &[u8; 32]) -> [u8; 60] {
        let mut key = [0; 60];
        key[..24].copy_from_slice(&self.key());
        key[24..28].copy_from_slice(&reference_timestamp.to_be_bytes());
        key[28..].copy_from_slice(task);
        key
    }
}

/// Orders records by operator set, then reference timestamp.
pub(crate) fn index_key(record: &TaskRecord) -> [u8; 60] {
    OperatorSet::of(record).index(record.reference_timestamp, record.task_id.as_bytes())
}

/// What an [`index_key`] was made of.
pub(crate) fn from_index_key(key: &[u8; 60]) -> (OperatorSet, u32, TaskId) {
    let (mut set, mut reference, mut task) = ([0; 24], [0; 4], [0; 32]);
    set.copy_from_slice(&key[..24]);
    reference.copy_from_slice(&key[24..28]);
    task.copy_from_slice(&key[28..]);
    (OperatorSet::from_key(&set), u32::from_be_bytes(reference), TaskId::new(task))
}
