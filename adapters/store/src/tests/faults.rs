//! A power cut and an error at every single operation of the disk.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use hourglass_core::ports::{PerformerStore, TaskJournal};
use hourglass_core::task::TaskRecord;
use hourglass_core::testing::{sample_performer, sample_record};
use tokio::task::JoinSet;

use super::disk::{Fault, SimDisk};
use super::{assert_stands, block_on, on_disk, other_answer};
use crate::Store;

/// What callers were told.
#[derive(Debug, Default)]
struct Told {
    acknowledged: Vec<TaskRecord>,
    performers: BTreeMap<String, ()>,
    refused: u64,
}

/// Single records, records at once, contested ones, large ones and performers, until the disk is dead.
async fn work(store: &Store, disk: &SimDisk) -> Told {
    let journal = store.journal();
    let mut told = Told::default();
    for round in 0..4_u64 {
        let mut writers = JoinSet::new();
        for writer in 0..round * 3 + 1 {
            let task = 100 * round + writer / 2;
            let output = vec![writer as u8; if writer == 5 { 9000 } else { 30 }];
            let (journal, record) = (journal.clone(), sample_record(task, 1000, &output));
            writers.spawn(async move { journal.record(record).await });
        }
        while let Some(outcome) = writers.join_next().await {
            match outcome.unwrap() {
                Ok(record) => told.acknowledged.push(record),
                Err(error) => {
                    assert!(error.retryable(), "{error}");
                    told.refused += 1;
                }
            }
        }
        let performer = sample_performer(&format!("p{round}"), 1);
        if store.performers().save(&performer).await.is_ok() {
            told.performers.insert(performer.intent.name.to_string(), ());
        }
        if disk.is_dead() {
            break;
        }
    }
    told
}

async fn verify(store: &Store, told: &Told) {
    let journal = store.journal();
    for record in &told.acknowledged {
        assert_stands(&journal, record).await;
    }
    let performers = store.performers().load().await.unwrap();
    for name in told.performers.keys() {
        assert!(performers.iter().any(|performer| performer.intent.name.as_str() == name), "{name} is there");
    }
    // Those that nobody was told of are there whole, or not at all; and the first writer wins for them, too.
    for task in (0..4).flat_map(|round| (0..6).map(move |task| 100 * round + task)) {
        let probe = sample_record(task, 1000, b"afterwards");
        let found = journal.find(&probe.task_id).await.unwrap();
        let standing = journal.record(probe.clone()).await.unwrap();
        assert_eq!(standing, found.unwrap_or(probe), "the first writer wins after a power cut");
    }
}

#[test]
fn power_cut_at_every_operation() {
    for seed in 0..3 {
        let mut cuts = 0;
        for operation in 0..2000 {
            let disk = SimDisk::new(seed * 10_000 + operation);
            disk.at(operation, Fault::PowerCut);
            let told = match on_disk(&disk) {
                Ok(store) => block_on(work(&store, &disk)),
                Err(error) => {
                    assert!(error.retryable(), "{error}");
                    Told::default()
                }
            };
            let cut = disk.is_dead();
            disk.power_on();
            let store = on_disk(&disk).unwrap_or_else(|e| panic!("after a cut at operation {operation}: {e}"));
            block_on(verify(&store, &told));
            if !cut {
                break;
            }
            cuts += 1;
        }
        assert!((40..2000).contains(&cuts), "the work was cut everywhere, and ended: {cuts}");
    }
}

/// The process is killed, the next one answers from what it sees, and then the power goes: what it has answered stands.
#[test]
fn killed_at_every_operation_then_a_power_cut() {
    for operation in 0..2000 {
        let disk = SimDisk::new(operation);
        disk.at(operation, Fault::Killed);
        let mut told = on_disk(&disk).map_or_else(|_| Told::default(), |store| block_on(work(&store, &disk)));
        let killed = disk.is_dead();
        disk.next_process();
        let store = on_disk(&disk).unwrap_or_else(|e| panic!("after a kill at operation {operation}: {e}"));
        for task in (0..4).flat_map(|round| (0..6).map(move |task| 100 * round + task)) {
            told.acknowledged.extend(store.show(&sample_record(task, 0, b"").task_id).unwrap());
        }
        disk.at(disk.operations(), Fault::PowerCut);
        drop(store);
        disk.power_on();
        let store = on_disk(&disk).unwrap_or_else(|e| panic!("after a cut at operation {operation}: {e}"));
        block_on(verify(&store, &told));
        if !killed {
            return assert!(operation > 40, "{operation}");
        }
    }
    panic!("the work does not end");
}

/// After any error the same open store goes on, and a power cut afterwards loses nothing that was acknowledged, although
/// the failed sync has dropped pages which reads went on to see.
#[test]
fn errors_at_every_operation_then_a_power_cut() {
    let kinds = [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::ReadOnlyFilesystem];
    let (mut recovered, mut failed) = (0, 0);
    for (seed, kind) in (0_u64..).zip(kinds) {
        for operation in 0..2000 {
            let disk = SimDisk::new(seed * 10_000 + operation);
            let Ok(store) = on_disk(&disk) else { panic!("a healthy disk opens") };
            let before = disk.operations();
            disk.at(before + operation, Fault::Errors(1 + (operation % 4) as u32, kind));
            let (told, done) = block_on(async {
                let mut told = work(&store, &disk).await;
                let done = disk.operations() <= before + operation;
                failed += told.refused;
                for record in &told.acknowledged {
                    let found = store.journal().find(&record.task_id).await;
                    assert!(found.as_ref().is_ok_and(Option::is_some) || found.is_err_and(|e| e.retryable()));
                }
                told.acknowledged.push(patiently(&store, sample_record(900, 1000, b"recovered")).await);
                recovered += 1;
                (told, done)
            });
            drop(store);
            disk.power_on();
            let store = on_disk(&disk).unwrap_or_else(|e| panic!("after an error at operation {operation}: {e}"));
            block_on(verify(&store, &told));
            if done {
                break;
            }
        }
    }
    assert!(recovered > 100 && failed > 100, "{recovered} recovered, {failed} refused");
}

/// Records until it works, for at most a minute.
async fn patiently(store: &Store, record: TaskRecord) -> TaskRecord {
    for _ in 0..12_000 {
        match store.journal().record(record.clone()).await {
            Ok(standing) => return standing,
            Err(error) => assert!(error.retryable(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the store did not recover");
}

#[test]
fn readers_recover_without_a_write() {
    block_on(async {
        let disk = SimDisk::new(1);
        let store = on_disk(&disk).unwrap();
        let journal = store.journal();
        let record = sample_record(1, 1000, b"kept");
        journal.record(record.clone()).await.unwrap();
        disk.break_with(ErrorKind::StorageFull);
        journal.record(other_answer(&sample_record(2, 1000, b""))).await.unwrap_err();
        assert!(super::unavailable(journal.find(&sample_record(3, 1, b"").task_id).await), "reads fail closed");
        disk.mend();
        for _ in 0..3000 {
            if journal.find(&sample_record(3, 1, b"").task_id).await == Ok(None) {
                return assert_stands(&journal, &record).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("reads did not recover");
    });
}

/// A file that the disk took back to an earlier state is not gone on with.
#[test]
fn an_older_file_is_refused() {
    block_on(async {
        let disk = SimDisk::new(1);
        let store = on_disk(&disk).unwrap();
        let journal = store.journal();
        let earlier = disk.snapshot();
        for task in 0..5 {
            journal.record(sample_record(task, 1000, b"")).await.unwrap();
        }
        disk.break_with(ErrorKind::Other);
        journal.record(sample_record(10, 1000, b"")).await.unwrap_err();
        disk.restore(earlier);
        disk.mend();
        for _ in 0..3000 {
            match journal.record(sample_record(0, 1000, b"another")).await {
                Err(error) if !error.retryable() => return assert!(error.to_string().contains("older"), "{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(_) => panic!("a forgotten task was accepted again"),
            }
        }
        panic!("the older file was not noticed");
    });
}
