//! The suites that every adapter runs, on files and on a disk that fails.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::ports::{PerformerStore, TaskJournal};
use hourglass_core::testing::{
    conformance_journal, conformance_journal_floor, conformance_journal_outage, conformance_performer_store,
    sample_record,
};

use super::disk::SimDisk;
use super::{block_on, on_disk, small};
use crate::Store;

fn open(path: &Path) -> Store {
    Store::open(path, small()).unwrap()
}

#[test]
fn journal() {
    let directory = tempfile::tempdir().unwrap();
    let store = Mutex::new(Some(open(directory.path())));
    let first = store.lock().unwrap().as_ref().unwrap().journal();
    block_on(conformance_journal(first, async |_| {
        store.lock().unwrap().take().unwrap().close().unwrap();
        let again = open(directory.path());
        assert!(!again.created());
        let journal = again.journal();
        *store.lock().unwrap() = Some(again);
        journal as Arc<dyn TaskJournal>
    }));
}

/// The threads of a runtime look up in place; everything above ran on a runtime that has only one.
#[test]
fn lookups_on_a_runtime_with_threads() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let record = |task| sample_record(task, 1000, b"an answer");
    runtime.block_on(async {
        let store = open(directory.path());
        for task in 0..32 {
            store.journal().record(record(task)).await.unwrap();
        }
        store.close().unwrap();
        // Opened again, it holds nothing in memory.
        let store = open(directory.path());
        let mut lookups = tokio::task::JoinSet::new();
        for task in 0..64 {
            let journal = store.journal();
            lookups.spawn(async move { (task, journal.find(&record(task).task_id).await) });
        }
        for (task, found) in lookups.join_all().await {
            assert_eq!(found, Ok((task < 32).then(|| record(task))), "task {task}");
        }
    });
}

#[test]
fn performers() {
    let directory = tempfile::tempdir().unwrap();
    let store = Mutex::new(Some(open(directory.path())));
    assert!(store.lock().unwrap().as_ref().unwrap().created());
    let first = store.lock().unwrap().as_ref().unwrap().performers();
    block_on(conformance_performer_store(first, async |_| {
        store.lock().unwrap().take().unwrap().close().unwrap();
        let again = open(directory.path());
        let performers = again.performers();
        *store.lock().unwrap() = Some(again);
        performers as Arc<dyn PerformerStore>
    }));
}

#[test]
fn floor() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let journal = store.journal();
    let known = sample_record(1, 500, b"old");
    block_on(async {
        journal.record(known.clone()).await.unwrap();
        journal.record(sample_record(2, 900, b"new")).await.unwrap();
    });
    let mut file = Vec::new();
    store.export(&known.avs, Timestamp::EPOCH, &mut file).unwrap();
    store.import(&known.avs, std::io::Cursor::new(file)).unwrap();
    block_on(conformance_journal_floor(&*journal, known));
}

#[test]
fn outage() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::ReadOnlyFilesystem] {
        let disk = SimDisk::new(7);
        let store = on_disk(&disk).unwrap();
        let wait = async || tokio::time::sleep(Duration::from_millis(20)).await;
        block_on(conformance_journal_outage(&*store.journal(), || disk.break_with(kind), || disk.mend(), wait));
    }
}

/// A real file system of 4 MiB that is filled up. Needs the right to mount.
#[test]
fn a_full_file_system() {
    let mounted = tempfile::tempdir().unwrap();
    let path = mounted.path();
    let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(path).output();
    if !done.as_ref().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "this test needs the right to mount a tmpfs: {done:?}");
        return eprintln!("NOT RUN: a_full_file_system needs the right to mount a tmpfs (run it as root): {done:?}");
    }
    let result = std::panic::catch_unwind(|| {
        let store = open(&path.join("store"));
        let ballast = path.join("ballast");
        let fill = || {
            let mut file = std::fs::File::create(&ballast).unwrap();
            let error = std::io::copy(&mut std::io::repeat(1), &mut file).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        };
        let journal = store.journal();
        block_on(async {
            fill();
            // What the file has room for inside still works; then it is full.
            let mut task = 0;
            let error = loop {
                match journal.record(sample_record(task, 1000, &[7; 4096])).await {
                    Ok(_) => task += 1,
                    Err(error) => break error,
                }
                assert!(task < 2000, "a full disk is noticed");
            };
            assert!(error.retryable() && error.to_string().contains("free space"), "{error}");
            std::fs::remove_file(&ballast).unwrap();
            let mut patience = 3000;
            while journal.record(sample_record(task, 1000, b"again")).await.is_err() {
                patience -= 1;
                assert!(patience > 0, "it recovers without a restart");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            for task in 0..task {
                let record = sample_record(task, 1000, &[7; 4096]);
                assert_eq!(journal.find(&record.task_id).await, Ok(Some(record)), "nothing was lost");
            }
        });
        store.close().unwrap();
    });
    assert!(Command::new("umount").arg(path).status().unwrap().success());
    result.unwrap();
}
