//! Torn, foreign, newer, missing and empty files: never a silent new start.

use std::fs;
use std::path::Path;

use hourglass_core::ports::TaskJournal;
use hourglass_core::testing::sample_record;
use redb::{Database, TableDefinition};

use super::{block_on, small};
use crate::tables::{META, SCHEMA};
use crate::{Store, StoreError};

const TASKS: u64 = 300;

fn filled() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), small()).unwrap();
    let journal = store.journal();
    block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let journal = journal.clone();
            writers.spawn(async move { journal.record(sample_record(task, 1000, &[3; 500])).await.unwrap() });
        }
        writers.join_all().await;
    });
    store.close().unwrap();
    directory
}

fn database(directory: &Path) -> std::path::PathBuf {
    directory.join("hourglass.redb")
}

fn refused(directory: &Path, expected: &str) {
    for _ in 0..2 {
        match Store::open(directory, small()) {
            Err(error @ StoreError::Unusable { .. }) => {
                assert!(error.to_string().contains(expected), "'{error}' says '{expected}'");
            }
            other => panic!("expected '{expected}', got {other:?}"),
        }
    }
}

#[test]
fn empty() {
    let directory = filled();
    fs::write(database(directory.path()), "").unwrap();
    refused(directory.path(), "not a database of ours");
    fs::remove_file(directory.path().join("FORMAT")).unwrap();
    refused(directory.path(), "is empty");
}

#[test]
fn missing() {
    let directory = filled();
    fs::remove_file(database(directory.path())).unwrap();
    refused(directory.path(), "is missing");
}

#[test]
fn foreign() {
    let directory = filled();
    fs::write(database(directory.path()), vec![7; 100_000]).unwrap();
    refused(directory.path(), "not a database of ours");

    fs::remove_file(database(directory.path())).unwrap();
    let other = Database::create(database(directory.path())).unwrap();
    let transaction = other.begin_write().unwrap();
    transaction.open_table(TableDefinition::<u8, u8>::new("theirs")).unwrap();
    transaction.commit().unwrap();
    drop(other);
    refused(directory.path(), "not one of ours");
}

#[test]
fn newer() {
    let directory = filled();
    let file = Database::open(database(directory.path())).unwrap();
    let transaction = file.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(SCHEMA, 2).unwrap();
    transaction.commit().unwrap();
    drop(file);
    refused(directory.path(), "schema 2");

    fs::write(directory.path().join("FORMAT"), "hourglass-store 2\n").unwrap();
    refused(directory.path(), "store format 2");
    fs::write(directory.path().join("FORMAT"), "something else").unwrap();
    refused(directory.path(), "not what we write there");
}

/// A crash between the making of the database and of its marker left a whole store.
#[test]
fn a_missing_marker_is_written_again() {
    let directory = filled();
    fs::remove_file(directory.path().join("FORMAT")).unwrap();
    fs::write(directory.path().join("hourglass.redb.new"), "half of a store").unwrap();
    let store = Store::open(directory.path(), small()).unwrap();
    assert_eq!((store.created(), store.statistics().unwrap().tasks), (false, TASKS));
    assert!(directory.path().join("FORMAT").exists());
}

/// Cut short anywhere, a file is refused, or every record that it still gives is right; none is taken for unknown.
#[test]
fn torn() {
    let directory = filled();
    let whole = fs::read(database(directory.path())).unwrap();
    let mut refusals = 0;
    for cut in 1..40 {
        fs::write(database(directory.path()), &whole[..whole.len() * cut / 40]).unwrap();
        refusals += u32::from(!all_or_error(directory.path()));
    }
    assert_eq!(refusals, 39, "a file that was closed in good order and is shorter now is refused");
}

/// One damaged page is an error for what lies on it; no other answer is ever given or accepted.
#[test]
fn damaged_pages() {
    let directory = filled();
    let whole = fs::read(database(directory.path())).unwrap();
    for page in 0..whole.len() / 4096 {
        let mut damaged = whole.clone();
        for byte in &mut damaged[page * 4096 + 200..page * 4096 + 260] {
            *byte ^= 0x55;
        }
        fs::write(database(directory.path()), damaged).unwrap();
        all_or_error(directory.path());
    }
}

/// Whether it opened; every record is then right or an error.
fn all_or_error(directory: &Path) -> bool {
    let Ok(store) = Store::open(directory, small()) else { return false };
    for task in 0..TASKS {
        let record = sample_record(task, 1000, &[3; 500]);
        let found = store.show(&record.task_id);
        if let Ok(Some(found)) = &found {
            assert_eq!(found, &record, "a damaged record is never believed");
        }
        if !matches!(found, Ok(Some(_))) {
            let standing = block_on(store.journal().record(super::other_answer(&record)));
            assert!(standing.is_err() || standing == Ok(record), "a hidden record is never taken for unknown");
        }
    }
    true
}
