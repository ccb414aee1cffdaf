//! Executors die at any moment; what they looked after is found again.

use std::time::Duration;

use hourglass_core::testing::{Call, Fault};

use crate::world::{Executor, SECOND, World, spec};

#[test]
fn what_runs_serves_again_at_once_after_a_kill() {
    let world = World::new(1);
    let names: Vec<String> = (0..50).map(|n| format!("p{n}")).collect();
    let v1 = spec("v1");
    let configured: Vec<_> = names.iter().map(|name| (name.as_str(), &v1)).collect();
    let executor = world.boot(&configured);
    let all = |executor: &Executor| names.iter().all(|name| executor.serves(name, &v1));
    world.until("all serve", 2 * SECOND, || all(&executor));
    let (running, starts, saves) = (world.running(), world.starts(), world.store.saves());
    world.kill(executor);
    world.sim.run_for(5 * SECOND);

    let executor = world.boot(&configured);
    // Virtual time: what is shown is that nobody waits for anything but one health check, made every 10 ms.
    let took = world.until("all serve again", SECOND, || all(&executor));
    assert!(took <= Duration::from_millis(100), "serving again after {took:?}");
    world.assert_stable();
    assert_eq!((world.running(), world.starts()), (running, starts), "nothing was started or stopped");
    assert_eq!(world.store.saves(), saves, "there was nothing new to remember");
}

#[test]
fn an_upgrade_survives_a_kill_at_every_step() {
    let (v1, v2) = (spec("v1"), spec("v2"));
    for steps in 0..160 {
        let world = World::new(steps as u64);
        let executor = world.boot(&[("p", &v1)]);
        world.until("v1 serves", SECOND, || executor.serves("p", &v1));
        executor.apply(&world, "p", &v2);
        world.sim.run_steps(steps);
        world.kill(executor);
        let executor = world.boot(&[("p", &v1)]);
        world.until("v2 serves", 30 * SECOND, || executor.serves("p", &v2));
        world.until("v2 is all there is", 30 * SECOND, || world.platform.instances().len() == 1);
        world.assert_stable();
        assert_eq!(world.running()[0].revision, v2.revision());
    }
}

#[test]
fn a_removal_survives_a_kill_at_every_step() {
    let v1 = spec("v1");
    for steps in 0..60 {
        let world = World::new(steps as u64);
        let executor = world.boot(&[]);
        executor.apply(&world, "p", &v1);
        world.until("v1 serves", SECOND, || executor.serves("p", &v1));
        executor.remove(&world, "p");
        world.sim.run_steps(steps);
        world.kill(executor);
        let executor = world.boot(&[]);
        world.until("it is gone", 30 * SECOND, || executor.views().is_empty());
        assert!(world.platform.instances().is_empty());
        assert_eq!(world.store.record("p"), None);
        world.assert_stable();
    }
}

#[test]
fn instances_that_died_with_the_executor_are_started_again() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
    world.kill(executor);
    for name in world.running() {
        world.platform.vanish(&name);
    }
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves again", 10 * SECOND, || executor.serves("p", &spec("v1")));
    world.assert_stable();
}

#[test]
fn instances_that_belong_to_no_performer_are_removed_and_foreign_ones_are_not() {
    let world = World::new(0);
    let executor = world.boot(&[]);
    executor.apply(&world, "lost", &spec("v1"));
    executor.apply(&world, "kept", &spec("v1"));
    world.until("both serve", SECOND, || executor.serves("lost", &spec("v1")) && executor.serves("kept", &spec("v1")));
    world.kill(executor);
    world.sim.block_on(hourglass_core::ports::PerformerStore::delete(&*world.store, &"lost".parse().unwrap())).unwrap();
    let foreign = "lost-0123456789-7".parse().unwrap();
    world.platform.add_foreign(&foreign);

    let executor = world.boot(&[]);
    world.until("the orphan is gone", 10 * SECOND, || world.running().len() == 2);
    world.until("kept serves", SECOND, || executor.serves("kept", &spec("v1")));
    world.assert_stable();
    assert!(world.running().contains(&foreign));
    assert!(executor.events.reasons().contains(&"OrphansFound"));
    assert!(executor.view("lost").is_none());
    assert_eq!(world.store.record("lost"), None);
}

#[test]
fn what_the_configuration_names_is_no_orphan_although_the_store_is_empty() {
    let world = World::new(0);
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves", SECOND, || executor.serves("p", &spec("v1")));
    world.kill(executor);
    world.sim.block_on(hourglass_core::ports::PerformerStore::delete(&*world.store, &"p".parse().unwrap())).unwrap();
    let starts = world.starts();
    let executor = world.boot(&[("p", &spec("v1"))]);
    world.until("v1 serves again", SECOND, || executor.serves("p", &spec("v1")));
    world.assert_stable();
    assert_eq!(world.starts(), starts, "what ran was adopted");
}

#[test]
fn a_performer_whose_platform_hangs_delays_no_other() {
    let world = World::new(0);
    world.platform.set_faults(|call| match call {
        Call::Observe(name) | Call::Start(hourglass_core::performer::InstanceName { performer: name, .. })
            if name.as_str().starts_with("slow") =>
        {
            Fault::Hang
        }
        _ => Fault::None,
    });
    let v1 = spec("v1");
    let names: Vec<String> = (0..20).map(|n| format!("slow{n}")).chain(["quick".to_owned()]).collect();
    let configured: Vec<_> = names.iter().map(|name| (name.as_str(), &v1)).collect();
    let executor = world.boot(&configured);
    let took = world.until("quick serves", SECOND, || executor.serves("quick", &v1));
    assert!(took < Duration::from_millis(150), "{took:?}");
    let waiting = || executor.view("slow1").unwrap().waiting.map(|waiting| waiting.reason());
    world.until("the others say why they wait", 60 * SECOND, || waiting() == Some("RuntimeUnavailable"));
    world.platform.heal();
    world.until("all serve", 90 * SECOND, || names.iter().all(|name| executor.serves(name, &v1)));
}
