//! Deletes old records in small steps, and raises floors before, so that what is forgotten is never signed again.
//!
//! The floor of an operator set becomes the largest T such that every record of the set below T is older than the
//! retention and a record at or above T exists. It is durable before the first record below it is deleted. What is
//! below a floor may be deleted at any time: nothing unknown is accepted there.

use std::time::{Duration, Instant};

use hourglass_core::Timestamp;
use redb::{Database, ReadableDatabase};

use crate::shared::Shared;
use crate::tables::{BY_SET, FLOORS, OperatorSet, RECORDS, from_index_key};
use crate::transaction::{begin, commit};

/// Entries looked at in one step: about a millisecond.
const SCAN: usize = 2048;
/// Records deleted in one transaction.
const DELETE: usize = 256;
/// Between two steps while there is work, so that commits go first.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Sweep {
    retention: Duration,
    interval: Duration,
    next_step: Instant,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Find the first set after this key.
    Seek { after: Option<OperatorSet> },
    /// Everything before `from` has expired; the last of it has the reference timestamp `last`.
    Scan { set: OperatorSet, from: [u8; 60], last: Option<u32> },
    /// Delete what has expired between `from` and the floor.
    Delete { set: OperatorSet, from: [u8; 60], floor: u32 },
}

impl Sweep {
    pub(crate) fn new(retention: Duration, interval: Duration) -> Self {
        Self { retention, interval, next_step: Instant::now() + interval, phase: Phase::Seek { after: None } }
    }

    /// When [`Self::step`] wants to run next.
    pub(crate) fn next_step(&self) -> Instant {
        self.next_step
    }

    /// Begins anew with the next step.
    pub(crate) fn restart(&mut self) {
        self.phase = Phase::Seek { after: None };
    }

    /// A record was written: where it lies behind a running scan, what the scan has found does not hold any more.
    pub(crate) fn note(&mut self, written: OperatorSet, reference_timestamp: u32) {
        if let Phase::Scan { set, last: Some(last), .. } = self.phase
            && set == written
            && reference_timestamp <= last
        {
            self.phase = Phase::Scan { set, from: set.from(0), last: None };
        }
    }

    /// A bounded piece of work. Returns the number of the commit, if it made one.
    pub(crate) fn step(
        &mut self,
        database: &Database,
        shared: &Shared,
        now: Timestamp,
    ) -> Result<Option<u64>, redb::Error> {
        self.next_step = Instant::now() + PAUSE;
        let expired_before = (now - self.retention).as_millis();
        match self.phase {
            Phase::Seek { after } => {
                self.phase = match next_set(database, after)? {
                    Some(set) => Phase::Scan { set, from: set.from(0), last: None },
                    None => {
                        self.next_step = Instant::now() + self.interval;
                        Phase::Seek { after: None }
                    }
                };
                Ok(None)
            }
            Phase::Scan { set, from, last } => self.scan(database, shared, (set, from, last), expired_before),
            Phase::Delete { set, from, floor } => {
                let (next, sequence) = delete(database, (from, set.from(floor)), expired_before)?;
                self.phase = match next {
                    Some(from) => Phase::Delete { set, from, floor },
                    None => Phase::Seek { after: Some(set) },
                };
                Ok(sequence)
            }
        }
    }

    fn scan(
        &mut self,
        database: &Database,
        shared: &Shared,
        (set, from, mut last): (OperatorSet, [u8; 60], Option<u32>),
        expired_before: u64,
    ) -> Result<Option<u64>, redb::Error> {
        let table = database.begin_read()?.open_table(BY_SET)?;
        let mut floor = None;
        for (seen, entry) in table.range(from..=set.end())?.enumerate() {
            let (key, recorded_at) = entry?;
            let (_, reference_timestamp, _) = from_index_key(&key.value());
            if recorded_at.value() >= expired_before {
                floor = Some(reference_timestamp);
                break;
            }
            if seen == SCAN {
                self.phase = Phase::Scan { set, from: key.value(), last };
                return Ok(None);
            }
            last = Some(reference_timestamp);
        }
        // Where all have expired, the highest reference timestamp is the record that exists at the floor.
        let Some(floor) = floor.or(last) else {
            self.phase = Phase::Seek { after: Some(set) };
            return Ok(None);
        };
        let old = shared.floor(set);
        let sequence = if floor > old {
            let transaction = begin(database)?;
            transaction.open_table(FLOORS)?.insert(&set.key(), floor)?;
            let sequence = commit(transaction)?;
            shared.set_floors([(set, floor)]);
            Some(sequence)
        } else {
            None
        };
        self.phase = Phase::Delete { set, from: set.from(0), floor: floor.max(old) };
        Ok(sequence)
    }
}

fn next_set(database: &Database, after: Option<OperatorSet>) -> Result<Option<OperatorSet>, redb::Error> {
    use std::ops::Bound::{Excluded, Unbounded};
    let table = database.begin_read()?.open_table(BY_SET)?;
    let start = after.map_or(Unbounded, |set| Excluded(set.end()));
    let first = table.range::<[u8; 60]>((start, Unbounded))?.next().transpose()?;
    Ok(first.map(|(key, _)| from_index_key(&key.value()).0))
}

/// Where to go on, if there is more, and the commit.
type Deleted = (Option<[u8; 60]>, Option<u64>);

fn delete(database: &Database, (from, end): ([u8; 60], [u8; 60]), expired_before: u64) -> Result<Deleted, redb::Error> {
    let mut expired = Vec::new();
    let mut next = None;
    {
        let table = database.begin_read()?.open_table(BY_SET)?;
        for (seen, entry) in table.range(from..end)?.enumerate() {
            let (key, recorded_at) = entry?;
            if expired.len() == DELETE || seen == SCAN {
                next = Some(key.value());
                break;
            }
            if recorded_at.value() < expired_before {
                expired.push(key.value());
            }
        }
    }
    if expired.is_empty() {
        return Ok((next, None));
    }
    let transaction = begin(database)?;
    {
        let mut records = transaction.open_table(RECORDS)?;
        let mut by_set = transaction.open_table(BY_SET)?;
        for key in &expired {
            let (_, _, task) = from_index_key(key);
            records.remove(task.as_bytes())?;
            by_set.remove(key)?;
        }
    }
    Ok((next, Some(commit(transaction)?)))
}
