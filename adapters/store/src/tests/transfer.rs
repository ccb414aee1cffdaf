//! Export and import.

use std::io::Cursor;

use hourglass_core::ports::{JournalError, TaskJournal};
use hourglass_core::task::TaskRecord;
use hourglass_core::testing::sample_record;
use hourglass_core::{Address, Timestamp};
use proptest::prelude::*;

use super::disk::SimDisk;
use super::{block_on, on_disk};
use crate::{Store, TransferError};

const OPERATOR: Address = Address::new([1; 20]);

fn with(records: impl IntoIterator<Item = TaskRecord>) -> Store {
    let store = on_disk(&SimDisk::new(1)).unwrap();
    let journal = store.journal();
    block_on(async {
        for record in records {
            journal.record(record).await.unwrap();
        }
    });
    store
}

fn exported(store: &Store) -> Vec<u8> {
    let mut file = Vec::new();
    let summary = store.export(&OPERATOR, Timestamp::from_secs(7), &mut file).unwrap();
    assert_eq!(summary.bytes, file.len() as u64);
    file
}

fn import(store: &Store, file: &[u8]) -> Result<crate::ImportSummary, TransferError> {
    store.import(&OPERATOR, Cursor::new(file.to_vec()))
}

fn some_records() -> Vec<TaskRecord> {
    (0..20).map(|task| sample_record(task, 1000 + task as u32, &task.to_be_bytes())).collect()
}

fn tasks(store: &Store) -> Vec<TaskRecord> {
    let mut tasks = Vec::new();
    store
        .visit(|record| {
            tasks.push(record);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    tasks
}

#[test]
fn round_trip_with_floor() {
    let from = with(some_records());
    let file = exported(&from);
    let to = with([]);
    let summary = import(&to, &file).unwrap();
    assert_eq!((summary.added, summary.known, summary.floors_raised), (20, 0, 1));
    assert_eq!(tasks(&to), tasks(&from));
    let again = import(&to, &file).unwrap();
    assert_eq!((again.added, again.known, again.floors_raised), (0, 20, 0));

    let journal = to.journal();
    let unknown = sample_record(99, 1018, b"");
    block_on(async {
        assert_eq!(journal.floor(&unknown.avs, unknown.operator_set_id).await, Ok(1019));
        let refused = journal.record(unknown.clone()).await;
        assert_eq!(refused, Err(JournalError::BelowFloor { reference_timestamp: 1018, floor: 1019 }));
        journal.record(TaskRecord { reference_timestamp: 1019, ..unknown }).await.unwrap();
    });
    // The floor travels on, also where the records that made it are gone.
    let statistics = to.statistics().unwrap();
    assert_eq!((statistics.tasks, statistics.floors.len(), statistics.floors[0].floor), (21, 1, 1019));
    let third = with([]);
    import(&third, &exported(&to)).unwrap();
    assert_eq!(third.statistics().unwrap().floors, statistics.floors);
}

#[test]
fn a_conflict_names_the_task_and_imports_nothing() {
    let mut theirs = some_records();
    theirs[13].output = b"another answer".to_vec();
    theirs[13].recorded_at = Timestamp::from_secs(1);
    let ours = with([some_records()[13].clone()]);
    match import(&ours, &exported(&with(theirs.clone()))) {
        Err(TransferError::Conflict { task }) => assert_eq!(task, theirs[13].task_id),
        other => panic!("{other:?}"),
    }
    let statistics = ours.statistics().unwrap();
    assert_eq!((statistics.tasks, statistics.floors.len()), (1, 0));
    // Only the time differs: the same answer.
    theirs[13].output = some_records()[13].output.clone();
    assert_eq!(import(&ours, &exported(&with(theirs))).unwrap().known, 1);
}

#[test]
fn cut_short_anywhere() {
    let file = exported(&with(some_records()));
    let to = with([]);
    for end in (0..file.len()).step_by(97).chain([file.len() - 1]) {
        let error = import(&to, &file[..end]).unwrap_err();
        assert!(matches!(error, TransferError::Truncated { .. }), "{end}: {error}");
    }
    let statistics = to.statistics().unwrap();
    assert_eq!((statistics.tasks, statistics.floors.len()), (0, 0));
}

#[test]
fn tampered() {
    let text = String::from_utf8(exported(&with(some_records()))).unwrap();
    let to = with([]);
    let lines: Vec<_> = text.lines().collect();
    let without_a_task = [&lines[..5], &lines[6..]].concat().join("\n") + "\n";
    let swapped = text.replacen("\"reference_timestamp\":1003", "\"reference_timestamp\":1004", 1);
    let behind = text.clone() + "\n";
    let headless = lines[1..].join("\n") + "\n";
    let newer = text.replacen("\"version\":1", "\"version\":2", 1);
    let floored = text.replacen("\"floors\":[]", "\"floors\":[ ]", 1);
    for (file, reason) in [
        (without_a_task, "ExportTampered"),
        (swapped, "ExportTampered"),
        (floored, "ExportTampered"),
        (behind, "ExportMalformed"),
        (headless, "ExportMalformed"),
        (newer, "ExportFormatUnknown"),
        (text.clone() + &text, "ExportMalformed"),
    ] {
        assert_eq!(import(&to, file.as_bytes()).unwrap_err().reason(), reason);
    }
    let other = to.import(&Address::new([2; 20]), Cursor::new(text.clone().into_bytes())).unwrap_err();
    assert!(matches!(other, TransferError::OtherOperator { .. }));
    let mut long = vec![b' '; 9 << 20];
    long.extend(text.as_bytes());
    assert_eq!(import(&to, &long).unwrap_err().reason(), "ExportMalformed");
    let statistics = to.statistics().unwrap();
    assert_eq!((statistics.tasks, statistics.floors.len()), (0, 0));
    import(&to, text.as_bytes()).unwrap();
}

/// Written by the first release; read for ever.
#[test]
fn golden() {
    let text = String::from_utf8(exported(&with([sample_record(2, 7, b"ab"), sample_record(3, 8, b"")]))).unwrap();
    assert_eq!(text, GOLDEN);
}

const GOLDEN: &str = r#"{"journal":{"format":"hourglass-journal","version":1,"operator":"0x0101010101010101010101010101010101010101","exported_at":7000,"floors":[]}}
{"task":{"task_id":"0x859f11b75569a4eb0496c5138fd42cc52aee8cf5c4e7cfafe58c92b2ed138e04","request_digest":"0xaa3ddf1af92125d22ca4c88af2520235d5a64f736bc65e660f872e2ead30ee34","avs":"0xa5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","operator_set_id":1,"reference_timestamp":7,"certificate":{"Ecdsa":{"domain":"0x0707070707070707070707070707070707070707070707070707070707070707","struct_hash":"0xb2fec7ff67b3d154bdaec837d54c5fa3370c545e6733d8d767bf32babb4ab714"}},"output":"0x6162","recorded_at":1800000000002}}
{"task":{"task_id":"0xd4c69e49e83a6047f46e42b2d053a1f0c6e70ea42862e5ef4ad66b3666c5e2af","request_digest":"0x9751da45a6b786b66e622796233da3da0d95e47608803b9841d8b0a6aad5da0d","avs":"0xa5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","operator_set_id":1,"reference_timestamp":8,"certificate":{"Bn254":{"digest":"0x9751da45a6b786b66e622796233da3da0d95e47608803b9841d8b0a6aad5da0d"}},"output":"0x","recorded_at":1800000000003}}
{"end":{"tasks":2,"sha256":"8dce7fe28c46e263cd140e77efe7121452ce71aaed4a85b87cc126ecd06836aa"}}
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn hostile_files_never_panic(at: prop::sample::Index, bytes: Vec<u8>, replace in 0..40_usize) {
        let from = with([sample_record(1, 7, b"x")]);
        let mut file = exported(&from);
        let at = at.index(file.len());
        let end = (at + replace).min(file.len());
        let whole = file.clone();
        file.splice(at..end, bytes);
        let to = with([]);
        let outcome = import(&to, &file);
        prop_assert_eq!(outcome.is_ok(), file == whole);
        prop_assert_eq!(to.statistics().unwrap().tasks, u64::from(file == whole));
    }
}
