//! Bounds, periods and clocks, one at a time.

use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::timing::{MAX_EXTENSIONS, STABLE_AFTER};
use hourglass_core::lifecycle::{Action, ExitCause, Health, History, Instance, InstanceState, Waiting, plan};
use hourglass_core::performer::UpgradeStrategy;

use crate::world::{DRAIN_DEADLINE, READY_DEADLINE, World};

fn serving(replicas: u32) -> World {
    let mut world = World::new(UpgradeStrategy::RollingUpdate, replicas);
    world.settle(50);
    world
}

#[test]
fn only_the_last_withdrawals_are_remembered() {
    let mut world = serving(1);
    world.edit("avs:refused");
    for retry in 0..8 {
        world.intent.retry = retry;
        world.settle(50);
    }
    assert_eq!(world.history.withdrawn.len(), History::MAX_WITHDRAWN);
}

#[test]
fn an_unwatched_deadline_is_extended_a_few_times() {
    let mut world = serving(1);
    world.edit("avs:never");
    for _ in 0..=MAX_EXTENSIONS {
        world.step(&[]);
        assert!(world.look().status.withdrawn.is_none());
        world.pass(READY_DEADLINE * 20);
    }
    assert!(world.step(&[]).status.withdrawn.is_some());
}

#[test]
fn a_deadline_that_was_watched_is_not_extended() {
    let mut world = serving(1);
    world.edit("avs:never");
    world.step(&[]);
    world.pass(READY_DEADLINE);
    assert!(world.step(&[]).status.withdrawn.is_some());
}

#[test]
fn a_stable_time_ends_a_row_of_failures() {
    for (lives, count) in [(STABLE_AFTER, 1), (STABLE_AFTER / 2, 3)] {
        let mut world = serving(1);
        for _ in 0..3 {
            world.pass(lives);
            world.kill(0);
            world.step(&[]);
            assert_eq!(world.history.failures.len(), 1);
            let failures = world.history.failures.values().next().unwrap();
            if failures.until > world.now {
                world.pass(failures.until.since(world.now));
            }
            for _ in 0..3 {
                world.step(&[]);
                world.pass(Duration::from_secs(1));
            }
            world.step(&[]);
        }
        assert_eq!(world.history.failures.values().next().unwrap().count, count, "{lives:?}");
    }
}

/// One of two new instances is ready; the old ones serve, but the executor that came back has not asked them yet.
#[test]
fn what_was_not_checked_yet_counts_as_serving() {
    let mut world = serving(2);
    world.edit("avs:b");
    let wanted = world.intent.spec.revision();
    world.step(&[]);
    world.pass(Duration::from_secs(2));
    world.restart();
    let first = world.sims.values_mut().find(|sim| sim.instance.name.revision == wanted).unwrap();
    first.instance.health = Health::Ready { since: Timestamp::EPOCH };
    let plan = world.step(&[]);
    assert_ne!(world.history.good.as_ref().unwrap().revision, wanted, "{plan:#?}");
    assert_eq!(plan.actions, [], "the old ones are left alone");
}

/// The same without a history, as where nothing is stored.
#[test]
fn what_was_not_checked_yet_is_kept_without_a_history() {
    let mut world = serving(2);
    world.edit("avs:slow");
    world.lose_history();
    world.restart();
    world.step(&[]);
    let kept = world.sims.values().filter(|sim| sim.instance.name.revision != world.intent.spec.revision());
    assert_eq!(kept.filter(|sim| sim.instance.state == InstanceState::Running).count(), 2);
}

#[test]
fn a_drain_is_not_stretched_by_a_clock_that_goes_back() {
    let mut world = serving(1);
    world.stick_tasks(0);
    world.edit("avs:b");
    for _ in 0..3 {
        world.step(&[]);
        world.pass(Duration::from_secs(2));
    }
    world.set_clock(world.now - Duration::from_secs(86_400));
    let plan = world.step(&[]);
    let Some(Waiting::Draining { until, .. }) = plan.waiting else { panic!("{plan:#?}") };
    assert!(until <= world.now + DRAIN_DEADLINE);
}

#[test]
fn a_hang_is_found_by_a_clock_that_goes_back() {
    let mut world = serving(1);
    world.hang(0);
    world.pass(Duration::from_secs(1));
    world.set_clock(world.now - Duration::from_secs(86_400));
    world.step(&[]);
    world.pass(Duration::from_secs(30));
    let plan = world.step(&[]);
    assert!(plan.events.iter().any(|event| event.message.contains("Hung")), "{plan:#?}");
}

#[test]
fn a_newer_history_is_an_error() {
    let known = serde_json::to_value(History::default()).unwrap();
    assert_eq!(known["version"], 1);
    assert!(serde_json::from_value::<History>(known).is_ok());
    for unknown in [r#"{"version":2}"#, r#"{"version":0}"#, "{}"] {
        assert!(serde_json::from_str::<History>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn extreme_arguments_are_planned() {
    let mut world = serving(1);
    world.intent.spec.replicas = u32::MAX;
    world.intent.spec.upgrade.ready_deadline = Duration::MAX;
    world.intent.spec.upgrade.drain_deadline = Duration::MAX;
    let mut observed = world.observe();
    observed[0].name.suffix = u32::MAX;
    for now in [Timestamp::EPOCH, Timestamp::from_millis(u64::MAX)] {
        let mut history = world.history.clone();
        history.next_suffix = u32::MAX;
        let plan = plan(&world.intent, &history, &observed, now);
        assert!(plan.actions.len() <= 64, "{}", plan.actions.len());
        assert!(plan.wake_at.is_none_or(|at| at > now));
    }
}

/// A node or an image that takes longer than the deadline, and nothing else that serves: to give it up would help nobody.
#[test]
fn what_waits_for_the_platform_is_given_up_only_where_something_else_serves() {
    let mut first = World::new(UpgradeStrategy::RollingUpdate, 1);
    first.edit("avs:pull");
    first.step(&[]);
    first.pass(READY_DEADLINE);
    let overdue = first.step(&[]);
    assert!(overdue.status.withdrawn.is_none(), "{overdue:#?}");
    assert_eq!(overdue.events.iter().map(|event| event.reason).collect::<Vec<_>>(), ["DeadlineExtended"]);
    assert!(matches!(overdue.waiting, Some(Waiting::ImagePull { .. })), "{overdue:#?}");
    first.pass(READY_DEADLINE * 20);
    let later = first.step(&[]);
    assert_eq!(
        (later.events, later.actions, &later.history),
        (vec![], vec![], &overdue.history),
        "nothing is written meanwhile"
    );
    // The image comes; what is in it never becomes ready. It gets its time from now on, and then had it.
    let mut observed = first.observe();
    observed[0].state = InstanceState::Running;
    observed[0].health = Health::NotReady { since: first.now, reason: "refused".into() };
    let runs = plan(&first.intent, &first.history, &observed, first.now);
    assert_eq!(runs.status.upgrade.unwrap().deadline, Some(first.now + READY_DEADLINE));
    let plan = plan(&first.intent, &runs.history, &observed, first.now + READY_DEADLINE);
    assert!(plan.status.withdrawn.is_some(), "{plan:#?}");

    let mut upgrade = serving(1);
    upgrade.edit("avs:pull");
    upgrade.step(&[]);
    upgrade.pass(READY_DEADLINE);
    assert!(upgrade.step(&[]).status.withdrawn.is_some());
}

/// A registry that is down for longer than the deadline.
#[test]
fn a_start_that_may_yet_succeed_is_tried_until_it_does() {
    let mut world = World::new(UpgradeStrategy::RollingUpdate, 1);
    let cause = ExitCause::StartFailed { reason: "ImagePullFailed".into(), message: "connection refused".into() };
    let mut history = History::default();
    let mut failed = Vec::new();
    let mut tried = 0;
    for _ in 0..40 {
        let plan = plan(&world.intent, &history, &failed, world.now);
        assert!(plan.status.withdrawn.is_none(), "{plan:#?}");
        history = plan.history;
        for action in plan.actions {
            match action {
                Action::Start(start) => {
                    tried += 1;
                    failed.push(Instance::never_started(start.name, cause.clone(), world.now));
                }
                Action::Stop { instance, .. } => failed.retain(|one| one.name != instance),
                other => panic!("{other:?}"),
            }
        }
        world.pass(READY_DEADLINE / 4);
    }
    assert!(tried > 8, "{tried}");
}
