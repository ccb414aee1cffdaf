//! Every short sequence of what can happen, for every strategy and one or two replicas.

use std::collections::HashSet;
use std::time::Duration;

use hourglass_core::performer::UpgradeStrategy;

use crate::rules::check_settled;
use crate::world::{Fault, World};

type Happening = (&'static str, fn(&mut World));

const HAPPENINGS: [Happening; 9] = [
    ("edit to a good image", |world| world.edit("avs:b")),
    ("edit to one that never becomes ready", |world| world.edit("avs:never")),
    ("edit back", |world| world.edit("avs:a")),
    ("promote", World::promote),
    ("plan, first action fails", |world| drop(world.step(&[Some(Fault::Before)]))),
    ("plan, dies between the first and the second action", |world| drop(world.step(&[None, Some(Fault::Crash)]))),
    ("plan, and 3 s", |world| {
        world.step(&[]);
        world.pass(Duration::from_secs(3));
    }),
    ("the first instance is killed", |world| world.kill(0)),
    ("delete", |world| world.intent.deleted = true),
];

const DEPTH: usize = 3;

/// Begins from one that serves, and from nothing at all.
#[test]
fn every_short_sequence_settles() {
    let (mut sequences, mut states) = (0, HashSet::new());
    for strategy in [UpgradeStrategy::RollingUpdate, UpgradeStrategy::BlueGreen, UpgradeStrategy::Recreate] {
        for replicas in [1, 2] {
            for serving in [false, true] {
                let mut world = World::new(strategy, replicas);
                if serving {
                    world.settle(50);
                }
                descend(&world, &mut Vec::new(), &mut sequences, &mut states);
            }
        }
    }
    assert_eq!(sequences, 12 * HAPPENINGS.len().pow(DEPTH as u32));
}

fn descend(world: &World, path: &mut Vec<&'static str>, sequences: &mut usize, states: &mut HashSet<String>) {
    if path.len() == DEPTH {
        *sequences += 1;
        // Many sequences end in the same state, and that one settles as it did before.
        if !states.insert(world.fingerprint()) {
            return;
        }
        let mut end = world.clone();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            end.settle(150);
            check_settled(&mut end);
        }));
        assert!(outcome.is_ok(), "after {path:?} with {:?}", world.intent.spec.upgrade.strategy);
        return;
    }
    for (name, happen) in HAPPENINGS {
        let mut next = world.clone();
        path.push(name);
        happen(&mut next);
        descend(&next, path, sequences, states);
        path.pop();
    }
}
