//! The executor killed after every single step of a task.

use hourglass_core::service::{Origin, TaskApi as _};

use crate::world::World;

/// Runs a task for `steps` steps and kills the executor; what the client has seen by then.
fn killed_after(world: &World, steps: usize) -> Option<hourglass_core::service::SignedResult> {
    let life = world.start();
    let (sender, mut seen) = futures_channel::oneshot::channel();
    let (service, raw) = (life.service.clone(), world.submission(1, b"x"));
    use hourglass_core::ports::Spawner as _;
    life.spawner.spawn(
        "client",
        Box::pin(async move {
            let _gone = sender.send(service.submit(raw, Origin::default()).await);
        }),
    );
    world.sim.run_steps(steps);
    world.sim.kill(&life.spawner);
    seen.try_recv().ok().flatten().map(|result| result.unwrap())
}

#[test]
fn one_signed_result_for_ever_whenever_it_is_killed() {
    let (mut answered, mut recorded_only) = (0, 0);
    for steps in 0..80 {
        for lives in 1..4 {
            let world = World::new(0);
            let mut seen: Vec<_> = (0..lives).filter_map(|_| killed_after(&world, steps)).collect();
            answered += seen.len();
            if seen.is_empty() && !world.journal.records().is_empty() {
                recorded_only += 1;
            }
            let life = world.start();
            seen.push(world.submit(&life, world.submission(1, b"x")).unwrap());
            seen.push(world.submit(&life, world.submission(1, b"x")).unwrap());
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "killed after {steps} steps, {lives} times");
            assert_eq!(world.journal.records().len(), 1);
        }
    }
    assert!(
        answered > 0 && recorded_only > 0,
        "the kills must fall on both sides of the record: {answered} {recorded_only}"
    );
}

#[test]
fn two_executors_with_one_journal_and_one_key_agree() {
    for seed in 0..50 {
        let world = World::new(seed);
        let lives = [world.start(), world.start(), world.start()];
        let raw = world.submission(1, b"x");
        let calls = lives.iter().map(|life| life.service.submit(raw.clone(), Origin::default()));
        let results = world.sim.block_on(futures_util::future::join_all(calls));
        assert!(world.runs() >= 2, "each ran it, and answered differently");
        assert!(results.windows(2).all(|pair| pair[0].is_ok() && pair[0] == pair[1]));
    }
}
