use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::sync::mpsc;

use hourglass_core::Address;
use hourglass_core::task::{MAX_OUTPUT_BYTES, TaskRecord};
use redb::{Database, ReadableTable};
use sha2::{Digest as _, Sha256};

use crate::engine::Engine;
use crate::error::StoreError;
use crate::shared::{Job, Shared, guarded};
use crate::tables::{BY_SET, FLOORS, OperatorSet, RECORDS};
use crate::transaction::{begin, commit, insert, standing};
use crate::transfer::TransferError;
use crate::transfer::line::{End, FORMAT, Header, LONGEST, Line, VERSION, hex};

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ImportSummary {
    /// Records that are new here.
    pub added: u64,
    /// Records that were here already, with the same answer.
    pub known: u64,
    /// Operator sets whose floor was raised.
    pub floors_raised: u64,
}

pub(crate) struct ImportJob {
    operator: Address,
    input: Box<dyn BufRead + Send>,
    reply: mpsc::SyncSender<Result<ImportSummary, TransferError>>,
}

/// Has the writer thread import, and waits for it.
pub(crate) fn import(
    shared: &Shared,
    operator: Address,
    input: Box<dyn BufRead + Send>,
) -> Result<ImportSummary, TransferError> {
    let (reply, outcome) = mpsc::sync_channel(1);
    let unavailable = || StoreError::unavailable("the store is busy or closed: try again");
    shared.queue.try_push(Job::Import(Box::new(ImportJob { operator, input, reply }))).map_err(|_| unavailable())?;
    outcome.recv().map_err(|_| unavailable())?
}

/// On the writer thread.
pub(crate) fn run_import(shared: &Shared, engine: &mut Engine, job: ImportJob) {
    let ImportJob { operator, input, reply } = job;
    let result = engine.database().map_err(TransferError::from).and_then(|database| {
        let mut result = Err(TransferError::from(StoreError::unavailable("the import did not run")));
        let guarded = guarded(|| {
            result = merge(&database, operator, input);
            Ok(())
        });
        drop(database);
        guarded?;
        result
    });
    let _ = reply.send(match result {
        Ok(imported) => {
            engine.acknowledge(imported.sequence);
            shared.set_floors(imported.floors);
            Ok(imported.summary)
        }
        Err(TransferError::Store(error)) => Err(engine.fail(error).into()),
        Err(error) => Err(error),
    });
}

struct Imported {
    summary: ImportSummary,
    floors: BTreeMap<OperatorSet, u32>,
    sequence: u64,
}

/// All in one transaction, which is dropped on any error: nothing of it is then ever seen.
fn merge(database: &Database, operator: Address, input: Box<dyn BufRead + Send>) -> Result<Imported, TransferError> {
    let mut lines = Lines { input, hash: Sha256::new(), number: 0 };
    let mut floors = header(&mut lines, operator)?;
    let mut summary = ImportSummary { added: 0, known: 0, floors_raised: 0 };
    let transaction = begin(database)?;
    {
        let mut records = transaction.open_table(RECORDS).map_err(redb::Error::from)?;
        let mut by_set = transaction.open_table(BY_SET).map_err(redb::Error::from)?;
        let end = loop {
            let hash = lines.hash.clone();
            match lines.next()? {
                Line::Task(record) => {
                    let floor = floors.entry(OperatorSet::of(&record)).or_default();
                    *floor = record.reference_timestamp.max(*floor);
                    match standing(&records, &record.task_id)? {
                        None => {
                            if record.output.len() >= MAX_OUTPUT_BYTES {
                                return Err(lines.malformed("an output is larger than any that is ever signed"));
                            }
                            insert(&mut records, &mut by_set, &record)?;
                            summary.added += 1;
                        }
                        Some(Ok(ours)) if same_answer(&ours, &record) => summary.known += 1,
                        Some(_) => return Err(TransferError::Conflict { task: record.task_id }),
                    }
                }
                Line::End(end) => break (end, hash),
                Line::Journal(_) => return Err(lines.malformed("a second header")),
            }
        };
        check_end(&end.0, summary.added + summary.known, &hex(&end.1.finalize()))?;
        if lines.more()? {
            return Err(lines.malformed("something follows the last line"));
        }
        let mut table = transaction.open_table(FLOORS).map_err(redb::Error::from)?;
        for (set, floor) in &mut floors {
            let old = table.get(&set.key()).map_err(redb::Error::from)?.map_or(0, |floor| floor.value());
            if *floor > old {
                table.insert(&set.key(), *floor).map_err(redb::Error::from)?;
                summary.floors_raised += 1;
            }
            *floor = old.max(*floor);
        }
    }
    let sequence = commit(transaction)?;
    Ok(Imported { summary, floors, sequence })
}

fn header(lines: &mut Lines, operator: Address) -> Result<BTreeMap<OperatorSet, u32>, TransferError> {
    let Line::Journal(header) = lines.next()? else {
        return Err(lines.malformed("the header is missing"));
    };
    let Header { format, version, operator: theirs, floors, .. } = header;
    if format != FORMAT || version != VERSION {
        return Err(TransferError::Format { format, version });
    }
    if theirs != operator {
        return Err(TransferError::OtherOperator { theirs, ours: operator });
    }
    let mut highest = BTreeMap::new();
    for set in floors {
        let floor: &mut u32 = highest.entry(OperatorSet { avs: set.avs, id: set.operator_set_id }).or_default();
        *floor = set.floor.max(*floor);
    }
    Ok(highest)
}

/// When it was recorded may differ: replicas that shared a task recorded it each by its own clock.
fn same_answer(ours: &TaskRecord, theirs: &TaskRecord) -> bool {
    TaskRecord { recorded_at: ours.recorded_at, ..theirs.clone() } == *ours
}

fn check_end(end: &End, tasks: u64, sha256: &str) -> Result<(), TransferError> {
    let problem = if end.tasks != tasks {
        format!("it has {tasks} tasks and says {}", end.tasks)
    } else if end.sha256 != sha256 {
        "its checksum does not hold".into()
    } else {
        return Ok(());
    };
    Err(TransferError::Tampered { problem })
}

/// Reads and hashes lines, none longer than [`LONGEST`].
struct Lines {
    input: Box<dyn BufRead + Send>,
    hash: Sha256,
    number: u64,
}

impl Lines {
    fn next(&mut self) -> Result<Line, TransferError> {
        let mut text = Vec::new();
        (&mut self.input).take(LONGEST).read_until(b'\n', &mut text)?;
        if text.is_empty() {
            return Err(TransferError::Truncated { line: self.number });
        }
        self.number += 1;
        if text.last() != Some(&b'\n') {
            return Err(if text.len() as u64 == LONGEST {
                self.malformed("it is longer than any line of an export")
            } else {
                TransferError::Truncated { line: self.number }
            });
        }
        self.hash.update(&text);
        serde_json::from_slice(&text).map_err(|e| self.malformed(&e.to_string()))
    }

    fn more(&mut self) -> Result<bool, TransferError> {
        Ok(!self.input.fill_buf()?.is_empty())
    }

    fn malformed(&self, problem: &str) -> TransferError {
        TransferError::Malformed { line: self.number, problem: problem.into() }
    }
}
