//! One answer for each task, whoever asks and however often.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use hourglass_core::service::{ErrorKind, Origin, TaskApi as _};

use crate::world::{AVS, OPERATOR, World};

#[test]
fn the_answer_has_the_contracts_form() {
    let world = World::new(0);
    let life = world.start();
    let mut raw = world.submission(0xab, b"x");
    raw.task_id = format!("0x{}", "aB".repeat(32));
    raw.avs_address = AVS.checksummed();
    let result = world.submit(&life, world.sign(raw.clone())).unwrap();
    assert_eq!(result.task_id, raw.task_id);
    assert_eq!(result.operator_address, OPERATOR.checksummed());
    assert_eq!(result.avs_address, AVS.to_string());
    assert_eq!((result.operator_set_id, result.version), (raw.operator_set_id, 1));
    assert_eq!(result.output, b"x run 0");
    assert_eq!((result.result_signature.len(), result.auth_signature.len()), (65, 65));
}

#[test]
fn fifty_concurrent_duplicates_run_once() {
    for seed in 0..10 {
        let world = World::new(seed);
        let life = world.start();
        let raw = world.submission(1, b"x");
        let calls = (0..50).map(|_| life.service.submit(raw.clone(), Origin::default()));
        let results = world.sim.block_on(join_all(calls));
        assert_eq!(world.runs(), 1);
        assert_eq!(world.journal.records().len(), 1);
        let first = results[0].as_ref().unwrap();
        assert!(results.iter().all(|result| result.as_ref() == Ok(first)));
        assert_eq!(life.service.in_flight(), 0);
    }
}

#[test]
fn letter_case_is_the_same_task_and_other_content_is_refused() {
    let world = World::new(0);
    let life = world.start();
    let lower = world.submission(0xcd, b"x");
    let mut upper = lower.clone();
    upper.task_id = format!("0x{}", "CD".repeat(32));
    let first = world.submit(&life, lower.clone()).unwrap();
    let second = world.submit(&life, upper).unwrap();
    assert_eq!(world.runs(), 1);
    assert_eq!((first.output, first.result_signature), (second.output, second.result_signature));
    let error = world.submit(&life, world.submission(0xcd, b"other")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::AlreadyExists, "TaskConflict"));
    assert_eq!(world.runs(), 1);
}

#[test]
fn other_content_is_refused_while_the_first_still_runs() {
    let world = World::new(0);
    let life = world.start();
    let first = life.service.submit(world.submission(1, b"x"), Origin::default());
    let other = life.service.submit(world.submission(1, b"y"), Origin::default());
    let (first, other) = world.sim.block_on(futures_util::future::join(first, other));
    assert!(first.is_ok());
    assert_eq!(other.unwrap_err().reason(), "TaskConflict");
    assert_eq!(world.runs(), 1);
}

#[test]
fn a_client_that_hangs_up_finds_its_task_again() {
    for steps in 0..40 {
        let world = World::new(steps);
        let life = world.start();
        let raw = world.submission(1, b"x");
        {
            let mut call = std::pin::pin!(life.service.submit(raw.clone(), Origin::default()));
            let waker = futures_util::task::noop_waker();
            let _pending = call.as_mut().poll(&mut std::task::Context::from_waker(&waker));
            world.sim.run_steps(usize::try_from(steps).unwrap());
        }
        let result = world.submit(&life, raw).unwrap();
        assert_eq!(result.output, b"x run 0");
        assert_eq!(world.runs(), 1, "hung up after {steps} steps");
    }
}

#[test]
fn a_full_queue_refuses_at_once_and_only_its_own_avs() {
    let mut world = World::new(0);
    for avs in world.settings.avs.values_mut() {
        (avs.max_concurrent, avs.max_queued) = (2, 3);
    }
    let life = world.start();
    let calls = (0..10).map(|task| life.service.submit(world.submission(task, b"x"), Origin::default()));
    let results = world.sim.block_on(join_all(calls));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5);
    for refused in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!((refused.kind(), refused.reason()), (ErrorKind::ResourceExhausted, "QueueFull"));
    }
    assert_eq!(world.runs(), 5);
    assert!(world.submit(&life, world.submission(99, b"x")).is_ok(), "places are given back");
}

#[test]
fn waiting_in_the_queue_counts_against_the_deadline() {
    let mut world = World::new(0);
    for avs in world.settings.avs.values_mut() {
        (avs.max_concurrent, avs.deadline) = (1, Duration::from_millis(50));
    }
    let life = world.start();
    let calls = (0..4).map(|task| life.service.submit(world.submission(task, b"x"), Origin::default()));
    let results = world.sim.block_on(join_all(calls));
    assert_eq!(
        results.iter().filter(|result| result.is_ok()).count(),
        2,
        "20 ms each, one after another, 50 ms in all"
    );
    let late = results.iter().filter_map(|result| result.as_ref().err());
    assert!(late.clone().count() == 2 && late.clone().all(|e| e.kind() == ErrorKind::DeadlineExceeded));
}

#[test]
fn a_job_that_is_lost_is_reported_and_leaves_nothing_behind() {
    let world = World::new(0);
    let life = world.start();
    let runs = world.runs.clone();
    let raw = world.submission(1, b"x");
    let call = life.service.submit(raw.clone(), Origin::default());
    // The job is dropped half-way, as after a panic: whoever waits must not wait for ever.
    let waiting = async {
        let mut call = std::pin::pin!(call);
        futures_util::future::poll_fn(|cx| {
            use std::future::Future as _;
            let _pending = call.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
        world.sim.kill(&life.spawner);
        call.await
    };
    let error = world.sim.block_on(waiting).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Internal, "TaskLost"));
    assert_eq!((life.service.in_flight(), runs.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn a_task_that_takes_longer_than_the_call_waits_is_found_again() {
    let mut world = World::new(0);
    world.settings.wait = Duration::from_millis(10);
    let life = world.start();
    let error = world.submit(&life, world.submission(1, b"x")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::DeadlineExceeded, "TaskStillRunning"));
    world.sim.run_for(Duration::from_millis(50));
    assert_eq!(world.submit(&life, world.submission(1, b"x")).unwrap().output, b"x run 0");
    assert_eq!(world.runs(), 1);
}
