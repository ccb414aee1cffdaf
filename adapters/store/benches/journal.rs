//! The journal's numbers, each beside its baseline of the same run.
//!
//! `cargo bench -p hourglass-store --bench journal [-- --million] [--directory PATH]`: durable commits alone, records
//! per second with 1, 8 and 64 writers, and with `--million` the size and the time to open with 1,000,000 records.
//! The baseline is what the disk does: 300 bytes appended and synced, twice.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first thing that goes wrong")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hourglass_core::ports::TaskJournal;
use hourglass_core::testing::sample_record;
use hourglass_store::{Options, Store};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let parent = arguments.iter().position(|a| a == "--directory").and_then(|at| arguments.get(at + 1));
    let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
    let scratch = tempfile::tempdir_in(parent).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("| what | n | p50 µs | p99 µs | per second |\n|---|---|---|---|---|");
    baseline(scratch.path());
    for writers in [1, 8, 64] {
        runtime.block_on(durable(scratch.path(), writers));
    }
    runtime.block_on(lookups(scratch.path()));
    if arguments.iter().any(|argument| argument == "--million") {
        runtime.block_on(million(scratch.path()));
    }
}

fn row(what: &str, mut samples: Vec<Duration>, took: Duration) {
    samples.sort();
    let at = |percent: usize| samples[(samples.len() - 1) * percent / 100].as_micros();
    let rate = samples.len() as f64 / took.as_secs_f64();
    println!("| {what} | {} | {} | {} | {rate:.0} |", samples.len(), at(50), at(99));
}

fn baseline(scratch: &Path) {
    let mut file = File::create(scratch.join("baseline")).unwrap();
    let begun = Instant::now();
    let samples = (0..500).map(|_| {
        let begun = Instant::now();
        for _ in 0..2 {
            file.write_all(&[7; 300]).unwrap();
            file.sync_data().unwrap();
        }
        begun.elapsed()
    });
    let samples = samples.collect();
    row("baseline: append and sync, twice", samples, begun.elapsed());
}

/// Every writer waits for its record before it sends the next.
async fn durable(scratch: &Path, writers: u64) {
    let store = Store::open(scratch.join(format!("durable-{writers}")), Options::default()).unwrap();
    let each = 500_u64.max(4000 / writers);
    let begun = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let journal = store.journal();
        set.spawn(async move {
            let mut samples = Vec::new();
            for task in 0..each {
                let record = sample_record(writer * 1_000_000 + task, 1000, &[5; 32]);
                let begun = Instant::now();
                journal.record(record).await.unwrap();
                samples.push(begun.elapsed());
            }
            samples
        });
    }
    let samples = set.join_all().await.concat();
    row(&format!("durable records, {writers} writers"), samples, begun.elapsed());
}

/// In the store that the 64 writers left.
async fn lookups(scratch: &Path) {
    let store = Store::open(scratch.join("durable-64"), Options::default()).unwrap();
    let journal = store.journal();
    for (what, first) in [("find, unknown", 1 << 40), ("find, from the database", 0)] {
        let (begun, mut samples) = (Instant::now(), Vec::new());
        for task in first..first + 500 {
            let task = sample_record(task, 0, b"").task_id;
            let begun = Instant::now();
            let found = journal.find(&task).await.unwrap();
            samples.push(begun.elapsed());
            assert_eq!(found.is_some(), first == 0);
        }
        row(what, samples, begun.elapsed());
    }
}

async fn million(scratch: &Path) {
    let directory = scratch.join("million");
    let store = Store::open(&directory, Options::default()).unwrap();
    let begun = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for writer in 0..1000_u64 {
        let journal = store.journal();
        set.spawn(async move {
            for task in 0..1000 {
                let record = sample_record(writer * 1000 + task, 1000, &[5; 32]);
                journal.record(record).await.unwrap();
            }
        });
    }
    set.join_all().await;
    let rate = 1_000_000.0 / begun.elapsed().as_secs_f64();
    println!("| 1,000,000 durable records, 1000 writers | | | | {rate:.0} |");
    let file = directory.join("hourglass.redb");
    println!("| size while open: {} MiB | | | | |", fs::metadata(&file).unwrap().len() >> 20);
    // As after a power cut: a copy of the file of a store that was not closed.
    let crashed = scratch.join("crashed");
    fs::create_dir(&crashed).unwrap();
    for name in ["FORMAT", "hourglass.redb"] {
        fs::copy(directory.join(name), crashed.join(name)).unwrap();
    }
    store.close().unwrap();
    println!("| size when closed: {} MiB | | | | |", fs::metadata(&file).unwrap().len() >> 20);
    for (what, directory) in [("after a crash", &crashed), ("after a clean close", &directory)] {
        let begun = Instant::now();
        let store = Store::open(directory, Options::default()).unwrap();
        println!("| open with 1,000,000 records {what}: {} µs | | | | |", begun.elapsed().as_micros());
        let journal: Arc<_> = store.journal();
        journal.find(&sample_record(1, 0, b"").task_id).await.unwrap().unwrap();
        println!("| and its first answer: {} µs | | | | |", begun.elapsed().as_micros());
    }
}
