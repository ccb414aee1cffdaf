//! The writer thread: takes everything that waits, commits it at once, answers everybody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hourglass_core::Timestamp;

use crate::engine::Engine;
use crate::error::StoreError;
use crate::queue::Taken;
use crate::retention::Sweep;
use crate::shared::{Job, Shared, State, closed, guarded};
use crate::tables::OperatorSet;
use crate::transaction::{Done, Write, apply};
use crate::transfer;

/// A batch this large is committed before more is taken.
const LARGEST_BATCH: usize = 1024;
const LARGEST_BATCH_KIB: u32 = 16 << 10;
/// While writes come without a pause, retention gets one small step this often.
const STEP_INTERVAL: Duration = Duration::from_millis(100);

/// Wall-clock time.
pub(crate) type Clock = Box<dyn Fn() -> Timestamp + Send>;

/// Runs until the queue is closed and empty, then closes the database.
pub(crate) fn run(shared: Arc<Shared>, mut engine: Engine, clock: Clock) -> Result<(), StoreError> {
    let _ending = Ending(Arc::clone(&shared));
    let mut sweep = Sweep::new(shared.options.retention, shared.options.prune_interval);
    let mut last_step = Instant::now();
    loop {
        let now = Instant::now();
        let wake = engine.retry_at().unwrap_or_else(|| sweep.next_step());
        let taken = shared.queue.take(LARGEST_BATCH, LARGEST_BATCH_KIB, wake.saturating_duration_since(now));
        if shared.take_suspicion() && engine.retry_at().is_none() {
            engine.fail(StoreError::unavailable("a read failed"));
        }
        match taken {
            Taken::Closed => break,
            Taken::Items(jobs) => {
                commit(&shared, &mut engine, &mut sweep, jobs);
                if last_step.elapsed() < STEP_INTERVAL {
                    continue;
                }
            }
            Taken::Nothing => {}
        }
        // Also opens a failed database again when nobody asks.
        let Ok(database) = engine.database() else { continue };
        last_step = Instant::now();
        if sweep.next_step() > last_step {
            continue;
        }
        let stepped = guarded(|| sweep.step(&database, &shared, clock()));
        drop(database);
        match stepped {
            Ok(Some(sequence)) => engine.acknowledge(sequence),
            Ok(None) => {}
            Err(error) => drop(engine.fail(error)),
        }
    }
    engine.close()
}

fn commit(shared: &Shared, engine: &mut Engine, sweep: &mut Sweep, jobs: Vec<Job>) {
    let (mut writes, mut replies, mut imports) =
        (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()), vec![]);
    for job in jobs {
        match job {
            Job::Write { write, reply } => {
                writes.push(write);
                replies.push(reply);
            }
            Job::Import(import) => imports.push(import),
        }
    }
    if !writes.is_empty() {
        let began = Instant::now();
        let committed = commit_writes(shared, engine, sweep, &writes);
        let records = committed.as_ref().ok().map(|(_, records)| *records);
        // Commits of performers' records alone are not the journal's.
        if let Some(observer) = shared.observer.get().filter(|_| records != Some(0)) {
            observer(began.elapsed(), records);
        }
        let outcomes = committed.map(|(outcomes, _)| outcomes);
        for (index, reply) in replies.into_iter().enumerate() {
            let outcome = match &outcomes {
                Ok(outcomes) => outcomes.get(index).cloned().unwrap_or_else(|| Err(closed())),
                Err(error) => Err(error.clone().into()),
            };
            // Whoever does not wait any more finds the record later.
            let _ = reply.send(outcome);
        }
    }
    for import in imports {
        transfer::run_import(shared, engine, *import);
        sweep.restart();
    }
}

type Outcomes = Vec<Result<Done, hourglass_core::ports::JournalError>>;

fn commit_writes(
    shared: &Shared,
    engine: &mut Engine,
    sweep: &mut Sweep,
    writes: &[Write],
) -> Result<(Outcomes, usize), StoreError> {
    let database = engine.database()?;
    let floors = shared.floors();
    let applied = guarded(|| apply(&database, writes, &floors)).map_err(|error| {
        // Ours would keep the failed database, and its lock on the file, while it is opened again.
        drop(database);
        engine.fail(error)
    })?;
    if let Some(sequence) = applied.sequence {
        engine.acknowledge(sequence);
    }
    let recorded = applied.recorded.len();
    let mut recent = shared.recent();
    for record in applied.recorded {
        sweep.note(OperatorSet::of(&record), record.reference_timestamp);
        recent.insert(record);
    }
    Ok((applied.outcomes, recorded))
}

/// However the thread ends, nobody is left waiting for it.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.queue.close();
        self.0.set_state(State::Down(StoreError::unavailable("the store is closed")));
        while let Taken::Items(jobs) = self.0.queue.take(LARGEST_BATCH, u32::MAX, Duration::ZERO) {
            drop(jobs);
        }
    }
}
