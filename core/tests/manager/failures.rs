//! The store and the platform fail; nothing that serves is harmed, and everything heals by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use hourglass_core::lifecycle::{ExitCause, Phase};
use hourglass_core::ports::{ManagerError, PerformerManager, RuntimeError};
use hourglass_core::testing::{Behaviour, Call, Fault};

use crate::world::{SECOND, World, intent, spec};

fn unavailable() -> RuntimeError {
    RuntimeError::Unavailable { platform: "fake", message: "gone away".into() }
}

#[test]
fn without_a_store_nothing_changes_and_what_serves_goes_on() {
    let world = World::new(0);
    let mut two = spec("v1");
    two.replicas = 2;
    let executor = world.boot(&[("p", &two)]);
    world.until("both serve", SECOND, || executor.routed("p").len() == 2 && executor.serves("p", &two));
    world.sim.run_for(600 * SECOND);
    world.store.break_writes(true);
    let refused = executor.manager.apply(intent("p", &spec("v2"))).now_or_never().unwrap();
    assert!(matches!(refused, Err(ManagerError::Store(_))), "{refused:?}");
    let refused = executor.manager.apply(intent("q", &spec("v1"))).now_or_never().unwrap();
    assert!(matches!(refused, Err(ManagerError::Store(_))), "{refused:?}");
    assert!(executor.view("q").is_none());

    let writes = world.platform.writes().len();
    let dead = executor.routed("p").remove(0);
    world.platform.crash(&dead, ExitCause::Code(1));
    world.sim.run_for(60 * SECOND);
    assert_eq!(world.platform.writes().len(), writes, "nothing is done that could not be remembered");
    assert!(executor.serves("p", &two), "the other one serves");
    assert_eq!(executor.view("p").unwrap().waiting.unwrap().reason(), "StoreUnavailable");
    assert!(executor.events.reasons().contains(&"StoreUnavailable"));

    world.store.heal();
    world.until("it heals", 60 * SECOND, || executor.routed("p").len() == 2 && world.running().len() == 2);
    assert_eq!(executor.view("p").unwrap().intent.spec, two, "what was refused is not wanted");
    world.assert_stable();
}

#[test]
fn after_a_restart_on_a_full_disk_what_runs_serves() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
    world.kill(executor);
    world.store.break_writes(true);
    let executor = world.boot(&[("p", &spec("v2")), ("q", &spec("v1"))]);
    world.until("v1 serves again", SECOND, || executor.serves("p", &spec("v1")));
    world.assert_stable();
    world.store.heal();
    world.until("the configuration is followed", 60 * SECOND, || {
        executor.serves("p", &spec("v2")) && executor.serves("q", &spec("v1"))
    });
}

#[test]
fn a_first_instance_that_became_ready_while_the_disk_was_full_serves() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("it is started", SECOND, || world.starts() == 1);
    world.kill(executor);
    world.store.break_writes(true);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("it serves", SECOND, || executor.serves("p", &spec("v1")));
}

#[test]
fn a_defect_in_looking_after_one_performer_is_told_and_ends_nothing() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1")), ("q", &spec("v1"))]);
    world.until("both serve", SECOND, || executor.serves("p", &spec("v1")) && executor.serves("q", &spec("v1")));
    world.store.set_faults({
        let mut left = 3;
        move || {
            left -= 1;
            assert!(left < 0, "a defect");
            None
        }
    });
    // The write that the keeper makes before it acts on this.
    world.platform.crash(&executor.routed("p").remove(0), ExitCause::Code(1));
    let defects = || executor.events.reasons().iter().filter(|reason| **reason == "InternalError").count();
    world.until("it is told each time", 120 * SECOND, || defects() == 3);
    world.until("it serves again", 120 * SECOND, || executor.serves("p", &spec("v1")));
    assert!(executor.serves("q", &spec("v1")));
    world.assert_stable();
}

#[test]
fn a_store_that_cannot_be_read_stops_the_start() {
    let world = World::new(0);
    world.store.break_reads(true);
    assert!(matches!(world.try_boot(&[]), Err(ManagerError::Store(_))));
    assert_eq!(world.platform.call_count(), 0, "nothing was asked of the platform");
}

#[test]
fn a_platform_that_is_away_is_asked_less_and_less_and_routes_stay() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
    world.platform.set_faults(|_| Fault::Before(unavailable()));
    world.sim.run_for(60 * SECOND);
    let calls = world.platform.call_count();
    world.sim.run_for(600 * SECOND);
    let calls = world.platform.call_count() - calls;
    assert!((20..60).contains(&calls), "{calls} calls in ten minutes");
    assert!(executor.serves("p", &spec("v1")));
    assert_eq!(executor.view("p").unwrap().waiting.unwrap().reason(), "RuntimeUnavailable");
    executor.apply(&world, "p", &spec("v2"));
    world.platform.heal();
    world.until("the upgrade happens", 60 * SECOND, || executor.serves("p", &spec("v2")));
    let reasons = executor.events.reasons();
    assert_eq!(reasons.iter().filter(|reason| **reason == "RuntimeUnavailable").count(), 1, "told once: {reasons:?}");
}

#[test]
fn calls_whose_outcome_is_unknown_are_made_good() {
    for seed in 1..30 {
        let world = World::new(seed);
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        world.platform.set_faults(move |call| {
            match (
                call.is_write(),
                (count.fetch_add(usize::from(call.is_write()), Ordering::Relaxed) as u64 + seed) % 4,
            ) {
                (true, 0) => Fault::After(unavailable()),
                (true, 1) => Fault::Hang,
                (true, 2) => Fault::Before(unavailable()),
                _ => Fault::None,
            }
        });
        let executor = world.boot(&[("p", &spec("v1"))]);
        world.until("v1 serves", 300 * SECOND, || executor.serves("p", &spec("v1")));
        executor.apply(&world, "p", &spec("v2"));
        world.until("v2 serves", 300 * SECOND, || executor.serves("p", &spec("v2")));
        world.until("v1 is gone", 600 * SECOND, || world.platform.instances().len() == 1);
        world.assert_stable();
    }
}

#[test]
fn a_start_that_is_refused_ends_the_try_and_says_why() {
    let world = World::new(0);
    let refusal = RuntimeError::Refused { reason: "ImageNotFound", message: "no such image: nowhere".into() };
    world.platform.script("nowhere", Behaviour { refusal: Some(refusal), ..Behaviour::default() });
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
    executor.apply(&world, "p", &spec("nowhere"));
    world.until("it is given up", 5 * SECOND, || executor.view("p").unwrap().status.withdrawn.is_some());
    let withdrawn = executor.view("p").unwrap().status.withdrawn.unwrap();
    assert_eq!(withdrawn.cause.reason, "ImageNotFound");
    assert!(withdrawn.cause.message.contains("no such image: nowhere"), "{withdrawn:?}");
    world.sim.run_for(10 * SECOND);
    world.assert_stable();
    assert!(executor.serves("p", &spec("v1")));

    executor.apply(&world, "q", &spec("nowhere"));
    world.until("the first of q fails", 60 * SECOND, || executor.view("q").unwrap().status.phase == Phase::Failed);
    world.sim.run_for(10 * SECOND);
    world.assert_stable();
}

#[test]
fn a_performer_can_be_wanted_again_while_it_goes() {
    for steps in 0..60 {
        let world = World::new(steps as u64 + 1);
        let executor = world.boot(&[]);
        executor.apply(&world, "p", &spec("v1"));
        world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
        executor.remove(&world, "p");
        world.sim.run_steps(steps);
        executor.apply(&world, "p", &spec("v1"));
        world.until("v1 serves again", 120 * SECOND, || {
            executor.serves("p", &spec("v1")) && world.platform.instances().len() == 1
        });
        world.assert_stable();
        assert!(world.store.record("p").is_some_and(|record| !record.intent.deleted));
    }
}

#[test]
fn writes_are_all_that_faults_count() {
    // Guards the tests above: a fault that never strikes would make them pass for nothing.
    let world = World::new(0);
    let struck = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&struck);
    world.platform.set_faults(move |call| match call {
        Call::Start(_) if count.fetch_add(1, Ordering::Relaxed) == 0 => Fault::Before(unavailable()),
        _ => Fault::None,
    });
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", 60 * SECOND, || executor.serves("p", &spec("v1")));
    assert!(struck.load(Ordering::Relaxed) >= 2, "the start was tried again");
}
