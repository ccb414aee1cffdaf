//! A journal of a million tasks: how long it takes to open, and how large it is.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use hourglass_core::ports::TaskJournal as _;
use hourglass_core::task::{Certificate, EcdsaDomain, TaskId, TaskRecord};
use hourglass_core::{Address, Digest, Timestamp, keccak256};
use hourglass_store::{Options, Store};
use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::Bench;
use crate::run::say;
use crate::spread::{Spread, figure, millis};
use crate::table::{Row, Table};

const FILE: &str = "hourglass.redb";
const WRITERS: u64 = 1000;

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    let records = u64::from(bench.scaled(1_000_000));
    say(&format!("a journal of {records} tasks"));
    let scratch = TempDir::with_prefix_in("hourglass-bench-", &bench.directory)?;
    let directory = scratch.path().join("journal");
    let store = Store::open(&directory, Options::default())?;
    let began = Instant::now();
    write(&store, records).await?;
    let rate = records as f64 / began.elapsed().as_secs_f64();
    // As after SIGKILL: a copy of the file of a store that was not closed.
    let crashed = scratch.path().join("crashed");
    fs::create_dir(&crashed)?;
    for name in ["FORMAT", FILE] {
        fs::copy(directory.join(name), crashed.join(name)).with_context(|| format!("copying {name}"))?;
    }
    store.close()?;
    let bytes = fs::metadata(directory.join(FILE))?.len();

    let rounds = bench.rounds(5);
    let mut rows = vec![Row {
        what: format!("a journal of {records} tasks: size"),
        measured: format!("{} MB, {} bytes a task", figure(bytes as f64 / 1e6), bytes / records),
        baseline: format!("what is recorded of a task: {} bytes at least", recorded_bytes()),
        sample: "1 file".into(),
        ..Row::default()
    }];
    for (what, directory) in [("after SIGKILL", &crashed), ("after an orderly end", &directory)] {
        let (mut open, mut read) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            forget(&directory.join(FILE))?;
            open.push(opened(directory, records / 2).await?);
            forget(&directory.join(FILE))?;
            read.push(sequentially(&directory.join(FILE))?);
        }
        let (open, read) = (Spread::of(open), Spread::of(read));
        rows.push(Row {
            what: format!("opening it {what}, and the first answer from it"),
            measured: format!("{open} ms"),
            baseline: format!("reading the file once: {read} ms, {} times as long", figure(read.median / open.median)),
            aim: String::new(),
            sample: format!("{rounds} rounds, file not cached"),
        });
    }
    rows.push(Row {
        what: format!("writing it, {WRITERS} writers, every record durable"),
        measured: format!("{} records/s", figure(rate)),
        baseline: format!("one sync of the disk after another: {} /s", figure(syncs(scratch.path())?)),
        sample: format!("{records} records"),
        ..Row::default()
    });
    Ok(Table { title: "The journal", note: String::new(), rows })
}

fn record(task: u64) -> TaskRecord {
    let id = keccak256(task.to_be_bytes());
    let struct_hash = keccak256(id.as_bytes());
    TaskRecord {
        task_id: TaskId::new(*id.as_bytes()),
        request_digest: struct_hash,
        avs: Address::new([0xa5; 20]),
        operator_set_id: 1,
        reference_timestamp: 1_800_000_000,
        certificate: Certificate::Ecdsa { domain: EcdsaDomain::from_separator(Digest::new([7; 32])), struct_hash },
        output: vec![5; 32],
        recorded_at: Timestamp::from_secs(4_000_000_000),
    }
}

/// Task, request digest, AVS, set, timestamp, certificate, output, time.
const fn recorded_bytes() -> usize {
    32 + 32 + 20 + 4 + 4 + 64 + 32 + 8
}

async fn write(store: &Store, records: u64) -> Result<()> {
    let (mut writers, each) = (JoinSet::new(), records.div_ceil(WRITERS));
    for writer in 0..WRITERS {
        let journal = store.journal();
        writers.spawn(async move {
            for task in (writer * each..(writer + 1) * each).take_while(|task| *task < records) {
                journal.record(record(task)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}

/// Milliseconds until a record was found.
async fn opened(directory: &Path, task: u64) -> Result<f64> {
    let began = Instant::now();
    let store = Store::open(directory, Options::default())?;
    let found = store.journal().find(&record(task).task_id).await?;
    let took = millis(began.elapsed());
    found.context("a record that was written is not found")?;
    store.close()?;
    Ok(took)
}

/// Has the system forget what it cached of a file.
fn forget(file: &Path) -> Result<()> {
    let file = File::open(file)?;
    file.sync_all()?;
    Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
}

fn sequentially(file: &Path) -> Result<f64> {
    let began = Instant::now();
    let (mut file, mut buffer) = (File::open(file)?, vec![0; 1 << 20]);
    while file.read(&mut buffer)? > 0 {}
    Ok(millis(began.elapsed()))
}

/// How often the disk confirms a write in a second.
fn syncs(directory: &Path) -> Result<f64> {
    let mut file = File::create(directory.join("syncs"))?;
    let began = Instant::now();
    for _ in 0..500 {
        std::io::Write::write_all(&mut file, &[7; 300])?;
        file.sync_data()?;
    }
    Ok(500.0 / began.elapsed().as_secs_f64())
}
