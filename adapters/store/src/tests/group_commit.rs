//! Everything that waits shares one commit.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hourglass_core::ports::TaskJournal;
use hourglass_core::testing::sample_record;
use redb::ReadableDatabase;

use super::disk::SimDisk;
use super::{block_on, on_disk};
use crate::queue::{Queue, Taken};
use crate::tables::{META, SEQUENCE};

/// The number of the last commit.
fn sequence(store: &crate::Store) -> u64 {
    let read = |database: &redb::Database| Ok(database.begin_read()?.open_table(META)?.get(SEQUENCE)?.unwrap().value());
    store.shared.read(read).unwrap()
}

#[test]
fn one_commit_for_all_that_wait() {
    let disk = SimDisk::new(1);
    let store = on_disk(&disk).unwrap();
    let journal = store.journal();
    let before = sequence(&store);
    disk.hold_syncs();
    block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        let record = |task: u64| {
            let journal = journal.clone();
            async move { journal.record(sample_record(task, 1000, &task.to_be_bytes())).await.unwrap() }
        };
        tasks.spawn(record(0));
        let deadline = Instant::now() + Duration::from_secs(5);
        while disk.held() == 0 {
            assert!(Instant::now() < deadline, "the writer commits the first record");
            tokio::task::yield_now().await;
        }
        // All of these are in the queue after their first poll, while the first commit still waits for the disk.
        let mut waiting: Vec<_> = (1..200).map(|task| Box::pin(record(task))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for future in &mut waiting {
            assert!(future.as_mut().poll(&mut context).is_pending(), "nothing is answered before it is durable");
        }
        disk.release_syncs();
        for future in waiting {
            future.await;
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
    assert_eq!(sequence(&store) - before, 2, "one commit for the first record, one for the 199 others");
    assert_eq!(store.statistics().unwrap().tasks, 200);
}

#[test]
fn what_is_known_costs_no_commit() {
    let disk = SimDisk::new(1);
    let store = on_disk(&disk).unwrap();
    let record = sample_record(1, 1000, b"once");
    block_on(async {
        store.journal().record(record.clone()).await.unwrap();
        let before = disk.syncs();
        for _ in 0..10 {
            super::assert_stands(&store.journal(), &record).await;
        }
        assert_eq!(disk.syncs(), before);
    });
}

#[test]
fn a_disk_that_hangs_is_reported() {
    let disk = SimDisk::new(1);
    let options = crate::Options { write_timeout: Duration::from_millis(50), ..super::small() };
    let store =
        crate::Store::start(Box::new(disk.clone()), options, Box::new(|| hourglass_core::Timestamp::EPOCH)).unwrap();
    disk.hold_syncs();
    let record = sample_record(1, 1000, b"late");
    block_on(async {
        let error = store.journal().record(record.clone()).await.unwrap_err();
        assert!(error.retryable() && error.to_string().contains("50 ms"), "{error}");
        disk.release_syncs();
        // The writer still has to notice, and on a busy machine each further attempt may be late as well.
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        while store.journal().record(record.clone()).await.is_err() {
            assert!(std::time::Instant::now() < patience, "the disk is back, and nothing is written");
        }
        assert_eq!(store.journal().find(&record.task_id).await, Ok(Some(record.clone())));
    });
}

#[test]
fn the_queue_is_bounded_and_closes() {
    let queue = Queue::new(10);
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(pin!(queue.push(1, 6)).poll(&mut context), Poll::Ready(Ok(())));
    let mut second = Box::pin(queue.push(2, 6));
    assert_eq!(second.as_mut().poll(&mut context), Poll::Pending, "no room");
    assert_eq!(queue.try_push(3), Err(3), "whoever waits comes first");
    assert!(matches!(queue.take(9, 99, Duration::ZERO), Taken::Items(items) if items == [1]));
    assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    drop(second);
    assert_eq!(pin!(queue.push(4, 1_000_000)).poll(&mut context), Poll::Pending, "room for one that is too heavy");
    queue.close();
    assert_eq!(pin!(queue.push(5, 1)).poll(&mut context), Poll::Ready(Err(5)));
    assert!(
        matches!(queue.take(9, 99, Duration::ZERO), Taken::Items(items) if items == [2]),
        "what was accepted is done"
    );
    assert!(matches!(queue.take(9, 99, Duration::from_secs(9)), Taken::Closed));
}
