//! What is pruned is never accepted again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hourglass_core::Timestamp;
use hourglass_core::ports::JournalError;
use hourglass_core::task::{TaskId, TaskRecord};
use hourglass_core::testing::sample_record;
use proptest::prelude::*;
use redb::ReadableDatabase;

use super::disk::SimDisk;
use super::{other_answer, small};
use crate::engine::Engine;
use crate::retention::Sweep;
use crate::shared::Shared;
use crate::tables::{OperatorSet, RECORDS};
use crate::transaction::{Done, Write, apply, floors, standing};

const RETENTION: u64 = 1000;

struct Bench {
    shared: Arc<Shared>,
    engine: Engine,
}

impl Bench {
    fn new() -> Self {
        let shared = Arc::new(Shared::new("test".into(), small()));
        let engine = Engine::open(Box::new(SimDisk::new(1)), Arc::clone(&shared)).unwrap();
        Self { shared, engine }
    }

    fn record(&mut self, record: &TaskRecord) -> Result<TaskRecord, JournalError> {
        let writes = [Write::Record(Box::new(record.clone()))];
        let applied = apply(&self.engine.database().unwrap(), &writes, &self.shared.floors()).unwrap();
        match applied.outcomes.into_iter().next().unwrap()? {
            Done::Stands(record) => Ok(*record),
            Done::Written => panic!("a record stands"),
        }
    }

    fn is_kept(&mut self, task: &TaskId) -> bool {
        let table = self.engine.database().unwrap().begin_read().unwrap().open_table(RECORDS).unwrap();
        standing(&table, task).unwrap().is_some()
    }

    /// A whole sweep.
    fn sweep(&mut self, now: u64) {
        let far = Duration::from_secs(3600);
        let mut sweep = Sweep::new(Duration::from_millis(RETENTION), far);
        let database = self.engine.database().unwrap();
        for _ in 0..10_000 {
            sweep.step(&database, &self.shared, Timestamp::from_millis(now)).unwrap();
            if sweep.next_step() > Instant::now() + far / 2 {
                assert_eq!(floors(&database).unwrap(), self.shared.floors(), "floors are durable");
                return;
            }
        }
        panic!("a sweep ends");
    }
}

/// The rule, over everything that is kept of one set.
fn expected_floor(kept: &[&TaskRecord], now: u64) -> u32 {
    let fresh = |record: &&&TaskRecord| record.recorded_at.as_millis() >= now.saturating_sub(RETENTION);
    let least_fresh = kept.iter().filter(fresh).map(|record| record.reference_timestamp).min();
    least_fresh.or_else(|| kept.iter().map(|record| record.reference_timestamp).max()).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_recorded_task_is_never_accepted_with_another_answer(
        steps in proptest::collection::vec((0..6_u32, 0..2_u32, 0..400_u64, any::<bool>()), 1..60)
    ) {
        let mut bench = Bench::new();
        let mut now = 10_000;
        let mut ever: HashMap<TaskId, TaskRecord> = HashMap::new();
        for (task, (reference_timestamp, set, passed, sweep)) in (0..).zip(steps) {
            now += passed;
            let record = TaskRecord {
                operator_set_id: set,
                recorded_at: Timestamp::from_millis(now),
                ..sample_record(task, reference_timestamp, b"first")
            };
            if bench.record(&record).is_ok() {
                ever.insert(record.task_id, record);
            }
            if !sweep {
                continue;
            }
            let old = bench.shared.floors();
            let mut expected = HashMap::new();
            for set in 0..2 {
                let mut kept = Vec::new();
                for record in ever.values().filter(|record| record.operator_set_id == set) {
                    if bench.is_kept(&record.task_id) {
                        kept.push(record);
                    }
                }
                if let Some(first) = kept.first() {
                    let set = OperatorSet::of(first);
                    let floor = expected_floor(&kept, now).max(old.get(&set).copied().unwrap_or_default());
                    if floor > 0 {
                        expected.insert(set, floor);
                    }
                }
            }
            bench.sweep(now);
            let floors = bench.shared.floors();
            prop_assert_eq!(&floors, &expected);
            for record in ever.values() {
                let floor = floors.get(&OperatorSet::of(record)).copied().unwrap_or_default();
                let fresh = record.recorded_at.as_millis() >= now.saturating_sub(RETENTION);
                let kept = bench.is_kept(&record.task_id);
                prop_assert_eq!(kept, fresh || record.reference_timestamp >= floor, "exactly the expired are deleted");
                match bench.record(&other_answer(record)) {
                    Ok(standing) => prop_assert!(kept && standing == *record),
                    Err(JournalError::BelowFloor { .. }) => prop_assert!(!kept),
                    Err(other) => prop_assert!(false, "{}", other),
                }
            }
        }
    }
}

/// More than a step looks at, with one reference timestamp: nothing of it is deleted until a later one exists.
#[test]
fn many_records_of_one_reference_timestamp() {
    let mut bench = Bench::new();
    let record =
        |task, reference| TaskRecord { recorded_at: Timestamp::from_millis(5), ..sample_record(task, reference, b"") };
    let writes: Vec<_> = (0..5000).map(|task| Write::Record(Box::new(record(task, 7)))).collect();
    apply(&bench.engine.database().unwrap(), &writes, &HashMap::new()).unwrap();
    bench.sweep(1_000_000);
    assert!((0..5000).all(|task| bench.is_kept(&record(task, 7).task_id)));
    bench.record(&record(5000, 8)).unwrap();
    bench.sweep(1_000_000);
    assert!(!(0..5000).any(|task| bench.is_kept(&record(task, 7).task_id)));
    assert!(bench.is_kept(&record(5000, 8).task_id));
}

/// A record behind a running scan makes the scan begin anew.
#[test]
fn a_record_during_a_scan() {
    let mut bench = Bench::new();
    let old =
        |task, reference| TaskRecord { recorded_at: Timestamp::from_millis(5), ..sample_record(task, reference, b"") };
    for (task, reference) in [(1, 10), (2, 20)] {
        bench.record(&old(task, reference)).unwrap();
    }
    let writes: Vec<_> = (100..2500).map(|task| Write::Record(Box::new(old(task, 30)))).collect();
    apply(&bench.engine.database().unwrap(), &writes, &HashMap::new()).unwrap();
    let mut sweep = Sweep::new(Duration::from_millis(RETENTION), Duration::from_secs(3600));
    let database = bench.engine.database().unwrap();
    for _ in 0..2 {
        sweep.step(&database, &bench.shared, Timestamp::from_millis(1_000_000)).unwrap();
    }
    let fresh = TaskRecord { recorded_at: Timestamp::from_millis(1_000_000), ..old(3, 15) };
    bench.record(&fresh).unwrap();
    sweep.note(OperatorSet::of(&fresh), fresh.reference_timestamp);
    for _ in 0..20 {
        sweep.step(&database, &bench.shared, Timestamp::from_millis(1_000_000)).unwrap();
    }
    assert_eq!(bench.shared.floor(OperatorSet::of(&fresh)), 15, "not above what was recorded meanwhile");
}
