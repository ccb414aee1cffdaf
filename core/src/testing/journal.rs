//! A journal in memory, and what every journal promises.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;

use crate::address::Address;
use crate::digest::{Digest, keccak256};
use crate::ports::{JournalError, TaskJournal};
use crate::task::{Certificate, EcdsaDomain, TaskId, TaskRecord};
use crate::time::Timestamp;

/// A [`TaskJournal`] in memory.
///
/// Clones share one memory, so that a clone is "the same journal, opened again".
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    records: HashMap<TaskId, TaskRecord>,
    floors: HashMap<(Address, u32), u32>,
    outage: Option<JournalError>,
    lose_answers: u32,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every call fails with this error until [`Self::mend`].
    pub fn break_with(&self, error: JournalError) {
        self.state().outage = Some(error);
    }

    /// Ends what [`Self::break_with`] began.
    pub fn mend(&self) {
        let mut state = self.state();
        state.outage = None;
        state.lose_answers = 0;
    }

    /// The next `count` records are kept, but the caller is told that the journal is unavailable: as when a disk
    /// fails after the write and before the acknowledgement.
    pub fn lose_answers(&self, count: u32) {
        self.state().lose_answers = count;
    }

    /// Raises the floor of an operator set; a lower one changes nothing.
    pub fn raise_floor(&self, avs: Address, operator_set_id: u32, floor: u32) {
        let mut state = self.state();
        let entry = state.floors.entry((avs, operator_set_id)).or_default();
        *entry = floor.max(*entry);
    }

    /// Every record, ordered by task.
    pub fn records(&self) -> Vec<TaskRecord> {
        let mut records: Vec<_> = self.state().records.values().cloned().collect();
        records.sort_by_key(|record| record.task_id);
        records
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, JournalError> {
        let state = self.state();
        match &state.outage {
            Some(error) => Err(error.clone()),
            None => Ok(state),
        }
    }
}

#[async_trait]
impl TaskJournal for MemoryJournal {
    async fn find(&self, task: &TaskId) -> Result<Option<TaskRecord>, JournalError> {
        Ok(self.available()?.records.get(task).cloned())
    }

    async fn record(&self, record: TaskRecord) -> Result<TaskRecord, JournalError> {
        let mut state = self.available()?;
        let floor = state.floors.get(&(record.avs, record.operator_set_id)).copied().unwrap_or_default();
        let known = state.records.contains_key(&record.task_id);
        if !known && record.reference_timestamp < floor {
            return Err(JournalError::BelowFloor { reference_timestamp: record.reference_timestamp, floor });
        }
        let standing = state.records.entry(record.task_id).or_insert(record).clone();
        if state.lose_answers > 0 {
            state.lose_answers -= 1;
            return Err(JournalError::Unavailable { message: "the answer was lost on purpose".into() });
        }
        Ok(standing)
    }

    async fn floor(&self, avs: &Address, operator_set_id: u32) -> Result<u32, JournalError> {
        Ok(self.available()?.floors.get(&(*avs, operator_set_id)).copied().unwrap_or_default())
    }

    async fn check(&self) -> Result<(), JournalError> {
        self.available().map(drop)
    }
}

/// A record whose every field follows from `task` and `output`, of the operator set that the suites use.
pub fn sample_record(task: u64, reference_timestamp: u32, output: &[u8]) -> TaskRecord {
    let id = keccak256(task.to_be_bytes());
    let struct_hash = keccak256([id.as_bytes().as_slice(), output].concat());
    let certificate = if task.is_multiple_of(2) {
        Certificate::Ecdsa { domain: EcdsaDomain::from_separator(Digest::new([7; 32])), struct_hash }
    } else {
        Certificate::Bn254 { digest: struct_hash }
    };
    TaskRecord {
        task_id: TaskId::new(*id.as_bytes()),
        request_digest: keccak256(id.as_bytes()),
        avs: Address::new([0xa5; 20]),
        operator_set_id: 1,
        reference_timestamp,
        certificate,
        output: output.to_vec(),
        recorded_at: Timestamp::from_millis(1_800_000_000_000 + task),
    }
}

/// What every journal promises: the first writer wins, all writers are told the winner, and it is still there after
/// the journal was opened again.
///
/// `journal` holds none of the tasks 0 to 200 of [`sample_record`]. `reopen` closes it, as far as it can be closed,
/// and opens the same journal again.
pub async fn conformance_journal<R, F>(journal: Arc<dyn TaskJournal>, reopen: R)
where
    R: FnOnce(Arc<dyn TaskJournal>) -> F,
    F: Future<Output = Arc<dyn TaskJournal>>,
{
    journal.check().await.expect("a fresh journal can be written");
    let first = sample_record(0, 1000, b"the first answer");
    assert_eq!(journal.find(&first.task_id).await, Ok(None), "nothing is known that was never recorded");
    assert_eq!(journal.floor(&first.avs, first.operator_set_id).await, Ok(0), "a fresh journal has no floor");
    assert_eq!(journal.record(first.clone()).await, Ok(first.clone()), "the first writer's record stands");
    assert_eq!(journal.find(&first.task_id).await, Ok(Some(first.clone())), "a record is seen once recorded");

    let mut second = sample_record(0, 1000, b"another answer");
    assert_eq!(journal.record(second.clone()).await, Ok(first.clone()), "a second writer is told the first's record");
    second.request_digest = keccak256(b"another request");
    second.reference_timestamp = 1;
    assert_eq!(journal.record(second).await, Ok(first.clone()), "whatever else differs");
    assert_eq!(journal.find(&first.task_id).await, Ok(Some(first.clone())), "a record never changes");

    let contested = concurrent_writers(&*journal).await;
    let mut all = vec![first, contested];
    let shapes: [&[u8]; 4] = [b"", b"\0", &[0xff; 4096], &[0x5a; 1_572_863]];
    for (task, output) in (2_u64..).zip(shapes) {
        all.push(sample_record(task, u32::MAX, output));
    }
    let many: Vec<_> = (100..200).map(|task| sample_record(task, 1001, &task.to_be_bytes())).collect();
    for result in join_all(many.iter().chain(&all).map(|record| journal.record(record.clone()))).await {
        result.expect("every record is accepted");
    }
    all.extend(many);

    let journal = reopen(journal).await;
    for record in all {
        let found = journal.find(&record.task_id).await.expect("a reopened journal answers");
        assert_eq!(found.as_ref(), Some(&record), "a record is the same after the journal was opened again");
        let mut other = record.clone();
        other.output.push(1);
        assert_eq!(journal.record(other).await, Ok(record), "the first writer still wins after a reopening");
    }
}

/// 32 writers at once, each with an answer of its own: all are told the same one.
async fn concurrent_writers(journal: &dyn TaskJournal) -> TaskRecord {
    let attempts: Vec<_> = (0..32_u8).map(|writer| sample_record(1, 1000, &[writer; 40])).collect();
    let outcomes = join_all(attempts.iter().map(|record| journal.record(record.clone()))).await;
    let mut outcomes = outcomes.into_iter().map(|outcome| outcome.expect("concurrent writers are all answered"));
    let winner = outcomes.next().expect("there are 32");
    assert!(attempts.contains(&winner), "the winner is what one of them wrote, whole");
    assert!(outcomes.all(|outcome| outcome == winner), "every writer is told the same winner");
    winner
}

/// What a floor means. The set of `known` has a floor above the reference timestamp of `known`, which is recorded.
pub async fn conformance_journal_floor(journal: &dyn TaskJournal, known: TaskRecord) {
    let floor = journal.floor(&known.avs, known.operator_set_id).await.expect("the floor can be read");
    assert!(known.reference_timestamp < floor, "the known record is below the floor");
    assert_eq!(journal.find(&known.task_id).await, Ok(Some(known.clone())), "a known task is answered below the floor");
    assert_eq!(journal.record(known.clone()).await, Ok(known.clone()), "and recording it again returns it");

    let like = |task, reference_timestamp| TaskRecord {
        avs: known.avs,
        operator_set_id: known.operator_set_id,
        ..sample_record(task, reference_timestamp, b"")
    };
    for (task, reference_timestamp) in [(1_000_001, 0), (1_000_002, floor - 1)] {
        let unknown = like(task, reference_timestamp);
        let refused = Err(JournalError::BelowFloor { reference_timestamp, floor });
        assert_eq!(journal.record(unknown.clone()).await, refused, "an unknown task below the floor is refused");
        assert_eq!(journal.find(&unknown.task_id).await, Ok(None), "and nothing of it is kept");
    }
    let at = like(1_000_003, floor);
    assert_eq!(journal.record(at.clone()).await, Ok(at), "the floor itself is not below the floor");
    let mut elsewhere = like(1_000_004, 0);
    elsewhere.operator_set_id = known.operator_set_id.wrapping_add(1);
    assert_eq!(journal.record(elsewhere.clone()).await, Ok(elsewhere), "the floor of one set is not another's");
}

/// An outage fails closed and ends without opening the journal again.
///
/// After `break_it`, no record can be written; after `mend`, the journal recovers by itself, within the time that
/// `wait` gives it: called between attempts, at most 600 times.
pub async fn conformance_journal_outage<W, F>(
    journal: &dyn TaskJournal,
    break_it: impl FnOnce(),
    mend: impl FnOnce(),
    mut wait: W,
) where
    W: FnMut() -> F,
    F: Future<Output = ()>,
{
    let before = sample_record(2_000_000, 1_000_000, b"before the outage");
    journal.record(before.clone()).await.expect("the journal works before the outage");
    break_it();
    let during = sample_record(2_000_002, 1_000_000, &[1; 4096]);
    for _ in 0..3 {
        let error = journal.record(during.clone()).await.expect_err("nothing is recorded during an outage");
        assert!(error.retryable(), "an outage is worth a retry: {error}");
    }
    journal.check().await.expect_err("an outage is seen by the check");
    mend();
    let mut patience = 600;
    let standing = loop {
        match journal.record(TaskRecord { output: vec![2; 4096], ..during.clone() }).await {
            Ok(standing) => break standing,
            Err(error) => assert!(error.retryable() && patience > 0, "the journal recovers by itself: {error}"),
        }
        patience -= 1;
        wait().await;
    };
    assert_eq!(journal.check().await, Ok(()), "and says so");
    // The outcome of a failed write is unknown: either may stand, but the same one for everybody.
    assert!([vec![1; 4096], vec![2; 4096]].contains(&standing.output), "a record is whole");
    assert_eq!(journal.find(&during.task_id).await, Ok(Some(standing)), "what stands is what is found");
    assert_eq!(journal.find(&before.task_id).await, Ok(Some(before)), "nothing is lost by an outage");
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::FutureExt;

    fn ready(future: impl Future<Output = ()>) {
        future.now_or_never().expect("a memory never waits");
    }

    #[test]
    fn memory_conforms() {
        let journal = MemoryJournal::new();
        let again = journal.clone();
        ready(conformance_journal(Arc::new(journal), async move |_| Arc::new(again) as Arc<dyn TaskJournal>));
    }

    #[test]
    fn memory_floor_conforms() {
        let journal = MemoryJournal::new();
        let known = sample_record(1, 500, b"old");
        ready(async {
            journal.record(known.clone()).await.unwrap();
            journal.raise_floor(known.avs, known.operator_set_id, 900);
            journal.raise_floor(known.avs, known.operator_set_id, 100);
            conformance_journal_floor(&journal, known).await;
        });
    }

    #[test]
    fn memory_outage_conforms() {
        let journal = MemoryJournal::new();
        let full = JournalError::Unavailable { message: "full".into() };
        ready(conformance_journal_outage(&journal, || journal.break_with(full), || journal.mend(), async || ()));
    }

    #[test]
    fn a_lost_answer_is_found_again() {
        let journal = MemoryJournal::new();
        let record = sample_record(1, 500, b"kept");
        ready(async {
            journal.lose_answers(1);
            journal.record(record.clone()).await.unwrap_err();
            assert_eq!(journal.record(sample_record(1, 500, b"other")).await, Ok(record.clone()));
            assert_eq!(journal.records(), vec![record]);
        });
    }
}
