//! Random histories with faults before and after every action.

use std::time::Duration;

use hourglass_core::performer::UpgradeStrategy;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::rules::check_settled;
use crate::sim::IMAGES;
use crate::world::{Fault, World};

/// Something that happens.
#[derive(Debug, Clone)]
enum Happening {
    Step(Vec<Option<Fault>>),
    /// Plans, and dies before the history is saved.
    CrashBeforeSave,
    StaleStep,
    Pass(u64),
    Edit(usize),
    Promote,
    Retry,
    Scale(u32),
    Strategy(UpgradeStrategy),
    Delete,
    Undelete,
    Restart,
    LoseHistory,
    Kill(usize),
    Hang(usize),
    Unhang(usize),
    Vanish(usize),
    StickTasks(usize),
    Foreign(u32),
    ClockBack(u64),
    ClockForward(u64),
}

fn strategy() -> impl Strategy<Value = UpgradeStrategy> {
    prop_oneof![
        3 => Just(UpgradeStrategy::RollingUpdate),
        2 => Just(UpgradeStrategy::BlueGreen),
        2 => Just(UpgradeStrategy::Recreate)
    ]
}

fn faults() -> impl Strategy<Value = Vec<Option<Fault>>> {
    let fault = prop_oneof![Just(Fault::Before), Just(Fault::After), Just(Fault::Crash)];
    vec(proptest::option::weighted(0.25, fault), 0..4)
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        12 => faults().prop_map(Step),
        2 => Just(CrashBeforeSave),
        2 => Just(StaleStep),
        10 => prop_oneof![0_u64..4, 4_u64..90].prop_map(Pass),
        4 => (0..IMAGES.len()).prop_map(Edit),
        2 => Just(Promote),
        1 => Just(Retry),
        1 => (0_u32..4).prop_map(Scale),
        1 => strategy().prop_map(Strategy),
        1 => Just(Delete),
        1 => Just(Undelete),
        2 => Just(Restart),
        1 => Just(LoseHistory),
        3 => (0_usize..6).prop_map(Kill),
        2 => (0_usize..6).prop_map(Hang),
        1 => (0_usize..6).prop_map(Unhang),
        2 => (0_usize..6).prop_map(Vanish),
        1 => (0_usize..6).prop_map(StickTasks),
        1 => (0_u32..3).prop_map(Foreign),
        1 => (1_u64..100_000).prop_map(ClockBack),
        1 => (1_u64..100_000).prop_map(ClockForward),
    ]
}

fn happen(world: &mut World, happening: &Happening) {
    match happening {
        Happening::Step(faults) => {
            world.step(faults);
        }
        Happening::CrashBeforeSave => {
            world.look();
            world.restart();
        }
        Happening::StaleStep => {
            world.stale_step();
        }
        Happening::Pass(seconds) => world.pass(Duration::from_secs(*seconds)),
        Happening::Edit(image) => world.edit(IMAGES[*image].0),
        Happening::Promote => world.promote(),
        Happening::Retry => world.intent.retry += 1,
        Happening::Scale(replicas) => world.intent.spec.replicas = *replicas,
        Happening::Strategy(strategy) => world.intent.spec.upgrade.strategy = *strategy,
        Happening::Delete => world.intent.deleted = true,
        Happening::Undelete => world.intent.deleted = world.forgotten,
        Happening::Restart => world.restart(),
        Happening::LoseHistory => world.lose_history(),
        Happening::Kill(n) => world.kill(*n),
        Happening::Hang(n) => world.hang(*n),
        Happening::Unhang(n) => world.unhang(*n),
        Happening::Vanish(n) => world.vanish(*n),
        Happening::StickTasks(n) => world.stick_tasks(*n),
        Happening::Foreign(suffix) => world.add_foreign(*suffix),
        Happening::ClockBack(seconds) => world.set_clock(world.now - Duration::from_secs(*seconds)),
        Happening::ClockForward(seconds) => world.set_clock(world.now + Duration::from_secs(*seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_rule_holds_and_everything_settles(
        strategy in strategy(),
        replicas in 1_u32..4,
        service in any::<bool>(),
        happenings in vec(happening(), 1..60),
    ) {
        let mut world = World::new(strategy, replicas);
        world.service = service;
        for happening in &happenings {
            happen(&mut world, happening);
        }
        world.settle(500);
        check_settled(&mut world);
    }
}
