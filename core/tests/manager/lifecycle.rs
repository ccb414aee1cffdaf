//! What becomes of performers when nothing fails but what they run.

use std::time::Duration;

use hourglass_core::lifecycle::{ExitCause, Intent, Phase};
use hourglass_core::performer::UpgradeStrategy;
use hourglass_core::ports::{ManagerError, PerformerManager};
use hourglass_core::service::manager::ShutdownPolicy;
use hourglass_core::testing::Behaviour;

use crate::world::{SECOND, World, intent, spec};

#[test]
fn a_performer_is_made_serves_and_goes() {
    let world = World::new(0);
    let executor = world.boot(&[]);
    executor.apply(&world, "p", &spec("v1"));
    let took = world.until("p serves", SECOND, || executor.serves("p", &spec("v1")));
    assert!(took < Duration::from_millis(150), "it is ready after 70 ms, and serves after {took:?}");
    world.assert_stable();
    let view = executor.view("p").unwrap();
    assert_eq!((view.status.phase, view.status.ready_replicas, view.waiting), (Phase::Running, 1, None));

    executor.remove(&world, "p");
    world.until("p is gone", 10 * SECOND, || executor.views().is_empty());
    assert!(world.platform.instances().is_empty() && executor.client.routed().is_empty());
    assert_eq!(world.store.record("p"), None);
    executor.remove(&world, "p");
    world.assert_stable();
}

#[test]
fn an_upgrade_never_leaves_a_moment_without_a_routed_ready_instance() {
    for seed in 0..10 {
        let world = World::new(seed);
        let executor = world.boot(&[("p", &spec("v1"))]);
        world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
        for version in 2..6 {
            let image = format!("v{version}");
            executor.apply(&world, "p", &spec(&image));
            world.until("the new one serves", 10 * SECOND, || {
                let views = executor.view("p").unwrap();
                let ready = views.instances.iter().any(|instance| instance.routed && instance.is_ready());
                assert!(ready, "seed {seed}: nobody serves in the upgrade to {image}: {views:#?}");
                let revisions: Vec<_> = executor.routed("p").into_iter().map(|instance| instance.revision).collect();
                assert!(revisions.windows(2).all(|pair| pair[0] == pair[1]), "two revisions are routed to");
                executor.serves("p", &spec(&image))
            });
            world.until("the old one is gone", 10 * SECOND, || world.platform.instances().len() == 1);
        }
        world.assert_stable();
    }
}

#[test]
fn a_draining_instance_is_stopped_when_it_is_idle_or_at_the_deadline() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
    let old = executor.routed("p").remove(0);
    executor.client.set_in_flight(&old, 2);
    executor.apply(&world, "p", &spec("v2"));
    world.until("v2 serves", SECOND, || executor.serves("p", &spec("v2")));
    world.sim.run_for(5 * SECOND);
    assert!(world.running().contains(&old), "it still has tasks");
    executor.client.set_in_flight(&old, 0);
    let took = world.until("v1 is gone", 10 * SECOND, || !world.running().contains(&old));
    assert!(took < Duration::from_millis(200), "an idle instance is stopped at once, not after {took:?}");

    let stuck = executor.routed("p").remove(0);
    executor.client.set_in_flight(&stuck, 1);
    executor.apply(&world, "p", &spec("v3"));
    let took = world.until("v2 is gone", 120 * SECOND, || !world.running().contains(&stuck));
    assert!(took > 59 * SECOND && took < 62 * SECOND, "at the deadline of 60 s, not after {took:?}");
}

#[test]
fn a_revision_that_does_not_become_ready_is_withdrawn_and_not_tried_again() {
    let world = World::new(0);
    world.platform.script("broken", Behaviour { ready_after: None, ..Behaviour::default() });
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
    let mut broken = spec("broken");
    broken.upgrade.ready_deadline = 30 * SECOND;
    executor.apply(&world, "p", &broken);
    world.until("broken is given up", 60 * SECOND, || {
        assert!(executor.serves("p", &spec("v1")), "what served keeps serving");
        executor.view("p").unwrap().status.withdrawn.is_some()
    });
    world.until("it is gone", 60 * SECOND, || world.running().len() == 1);
    world.assert_stable();
    assert!(executor.serves("p", &spec("v1")));
    assert!(executor.events.reasons().contains(&"RevisionWithdrawn"), "{:?}", executor.events.reasons());

    let executor = {
        world.kill(executor);
        world.boot(&[("p", &spec("v1"))])
    };
    world.until("v1 serves again", SECOND, || executor.serves("p", &spec("v1")));
    world.assert_stable();
    let retry = Intent { retry: 1, ..intent("p", &broken) };
    let before = world.starts();
    world.sim.block_on(executor.manager.apply(retry)).unwrap();
    world.until("it is tried again when asked for", 5 * SECOND, || world.starts() > before);
}

#[test]
fn crash_loops_back_off_and_crashes_heal_at_once() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("p serves", SECOND, || executor.serves("p", &spec("v1")));
    world.sim.run_for(3600 * SECOND);
    let first = executor.routed("p").remove(0);
    world.platform.crash(&first, ExitCause::Signal(9));
    world.until("it is replaced", 5 * SECOND, || {
        executor.serves("p", &spec("v1")) && !executor.routed("p").contains(&first)
    });
    world.assert_stable();
    assert_eq!(world.platform.instances().len(), 1, "the remains are removed");

    let ends = Some((Duration::from_millis(100), ExitCause::Code(1)));
    world.platform.script("loop", Behaviour { ends, ready_after: Some(Duration::ZERO), ..Behaviour::default() });
    executor.apply(&world, "q", &spec("loop"));
    let before = world.starts();
    world.sim.run_for(600 * SECOND);
    let starts = world.starts() - before;
    assert!((4..30).contains(&starts), "{starts} starts in ten minutes");
    assert!(executor.serves("p", &spec("v1")));
}

#[test]
fn a_hung_performer_is_replaced() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("p serves", SECOND, || executor.serves("p", &spec("v1")));
    world.sim.run_for(600 * SECOND);
    let hung = executor.routed("p").remove(0);
    world.platform.hang(&hung, true);
    world.until("another serves", 120 * SECOND, || {
        executor.serves("p", &spec("v1")) && !executor.routed("p").contains(&hung)
    });
    world.until("the hung one is gone", 120 * SECOND, || !world.running().contains(&hung));
    world.assert_stable();
}

#[test]
fn blue_green_waits_for_its_promotion() {
    let world = World::new(0);
    let (mut blue, mut green) = (spec("blue"), spec("green"));
    blue.upgrade.strategy = UpgradeStrategy::BlueGreen;
    green.upgrade.strategy = UpgradeStrategy::BlueGreen;
    let executor = world.boot(&[("p", &blue)]);
    let promoted = Intent { promoted: Some(blue.revision()), ..intent("p", &blue) };
    world.sim.block_on(executor.manager.apply(promoted)).unwrap();
    world.until("blue serves", SECOND, || executor.serves("p", &blue));
    executor.apply(&world, "p", &green);
    world.until("green waits", 5 * SECOND, || {
        executor.view("p").unwrap().waiting.is_some_and(|waiting| waiting.reason() == "AwaitingPromotion")
    });
    world.assert_stable();
    assert!(executor.serves("p", &blue));
    let promoted = Intent { promoted: Some(green.revision()), ..intent("p", &green) };
    world.sim.block_on(executor.manager.apply(promoted)).unwrap();
    world.until("green serves", SECOND, || executor.serves("p", &green));
    world.until("blue is gone", 5 * SECOND, || world.running().len() == 1);
    world.assert_stable();
}

#[test]
fn replicas_follow_their_number() {
    let world = World::new(3);
    let mut wanted = spec("v1");
    let executor = world.boot(&[]);
    for replicas in [3, 1, 2, 0, 1] {
        wanted.replicas = replicas;
        executor.apply(&world, "p", &wanted);
        world.until("as many serve", 90 * SECOND, || {
            let replicas = replicas as usize;
            executor.routed("p").len() == replicas && world.platform.instances().len() == replicas
        });
    }
    world.assert_stable();
}

#[test]
fn there_is_a_limit_on_performers() {
    let mut world = World::new(0);
    world.options.max_performers = 2;
    let executor = world.boot(&[("a", &spec("v1"))]);
    executor.apply(&world, "b", &spec("v1"));
    let third = || world.sim.block_on(executor.manager.apply(intent("c", &spec("v1"))));
    assert_eq!(third(), Err(ManagerError::TooMany { limit: 2 }));
    assert_eq!(executor.views().len(), 2);
    executor.apply(&world, "a", &spec("v2"));
    executor.remove(&world, "b");
    assert_eq!(third(), Ok(()));
}

#[test]
fn shutdown_leaves_what_runs_or_stops_it_and_forgets_nothing() {
    let world = World::new(0);
    let boot = || world.boot(&[("a", &spec("v1")), ("b", &spec("v1"))]);
    let both = |executor: &crate::world::Executor| {
        world.until("both serve", SECOND, || executor.serves("a", &spec("v1")) && executor.serves("b", &spec("v1")));
    };
    let executor = boot();
    both(&executor);
    let running = world.running();
    let left = world.sim.block_on(executor.manager.shutdown(ShutdownPolicy::LeaveRunning, 10 * SECOND));
    assert_eq!(left, []);
    let refused = world.sim.block_on(executor.manager.apply(intent("c", &spec("v1"))));
    assert!(matches!(refused, Err(ManagerError::Unavailable(_))));
    world.kill(executor);

    let executor = boot();
    both(&executor);
    assert_eq!(world.running(), running, "what ran is adopted");
    executor.client.set_in_flight(&running[0], 1);
    let until = world.clock.elapsed();
    let left = world.sim.block_on(executor.manager.shutdown(ShutdownPolicy::StopAll, 100 * SECOND));
    assert_eq!(left, []);
    assert!(world.clock.elapsed() - until > 59 * SECOND, "the busy one had its drain deadline");
    assert!(world.platform.instances().is_empty());
    world.kill(executor);

    let executor = boot();
    both(&executor);
    world.assert_stable();
}
