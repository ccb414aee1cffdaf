//! One process at a time, and what a killed one leaves.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use hourglass_core::ports::TaskJournal;
use hourglass_core::testing::sample_record;

use super::{block_on, small};
use crate::{Store, StoreError};

const DIRECTORY: &str = "HOURGLASS_STORE_TEST_DIRECTORY";

/// Not a test of its own: the process that the next test starts and kills.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let store = Store::open(directory, small()).unwrap();
    block_on(async {
        for task in 0..1_000_000 {
            store.journal().record(sample_record(task, 1000, &[9; 200])).await.unwrap();
            println!("\nrecorded {task}");
        }
    });
}

#[test]
fn a_second_process_is_told_and_a_killed_one_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorded = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::processes::child", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut next = || lines.find_map(|line| line.strip_prefix("recorded ").and_then(|n| n.parse::<u64>().ok()));
        while next().unwrap() < 20 * round {}
        match Store::open(directory.path(), small()) {
            Err(StoreError::Locked { holder, .. }) => assert_eq!(holder, format!("process {}", child.id())),
            other => panic!("the store is locked: {other:?}"),
        }
        child.kill().unwrap();
        child.wait().unwrap();
        recorded = next().map_or(recorded.max(20 * round), |last| recorded.max(last));
        let store = Store::open(directory.path(), small()).unwrap();
        for task in 0..=recorded {
            let record = sample_record(task, 1000, &[9; 200]);
            assert_eq!(store.show(&record.task_id), Ok(Some(record)), "task {task} was acknowledged");
        }
    }
}
