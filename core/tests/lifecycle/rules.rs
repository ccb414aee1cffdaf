//! What must hold of every plan and of every state of the world (`architecture.md`, the planner).

use std::collections::BTreeSet;

use hourglass_core::lifecycle::timing::MAX_UNSEEN_STARTS;
use hourglass_core::lifecycle::{Action, History, Instance, InstanceState, Owner, Phase, Plan, Waiting, plan};
use hourglass_core::performer::{InstanceName, Revision, UpgradeStrategy};

use crate::world::World;

/// Checks a plan against what it was made from.
pub fn check_plan(world: &World, observed: &[Instance], decided: &Plan) {
    let context = || format!("{decided:#?}\nfrom {observed:#?}\nand {:#?}", world.history);
    assert!(decided.wake_at.is_none_or(|at| at > world.now), "wakes in the past: {}", context());
    check_ownership(observed, decided);
    check_service_kept(world, observed, decided, &context);
    check_recreate(world, observed, decided, &context);
    check_bounds(observed, &decided.history);

    // A plan that is made again from what it left behind decides the same things, and writes nothing.
    let again = plan(&world.intent, &decided.history, observed, world.now);
    assert_eq!(again.history, decided.history, "the history does not settle: {}", context());

    let json = serde_json::to_string(&decided.history).unwrap();
    assert_eq!(serde_json::from_str::<History>(&json).unwrap(), decided.history);

    let complete = decided.status.phase == Phase::Running
        && decided.status.ready_replicas >= decided.status.wanted_replicas
        && decided.status.withdrawn.is_none();
    assert!(complete || decided.waiting.is_some() || !decided.actions.is_empty(), "silence: {}", context());
    if decided.status.phase == Phase::Failed {
        assert!(matches!(decided.waiting, Some(_)) && decided.status.failure.is_some(), "{}", context());
    }
    if let Some(Waiting::BackOff { until, .. } | Waiting::Draining { until, .. } | Waiting::Starting { until, .. }) =
        &decided.waiting
    {
        assert!(decided.wake_at.is_some_and(|at| at <= *until), "sleeps too long: {}", context());
    }
}

/// Never acts on what is not ours.
fn check_ownership(observed: &[Instance], decided: &Plan) {
    for action in &decided.actions {
        match action {
            Action::Start(start) => {
                assert!(observed.iter().all(|instance| instance.name != start.name), "{} is taken", start.name);
            }
            Action::Route { revision, instances } => {
                assert!(!instances.is_empty() && instances.iter().all(|name| name.revision == *revision));
                assert!(instances.iter().all(|name| ours(observed, name)));
            }
            Action::Drain { instance, .. } | Action::Stop { instance, .. } => {
                assert!(ours(observed, instance), "{instance} is not ours");
            }
            Action::Forget => assert!(observed.iter().all(|instance| instance.owner == Owner::Foreign)),
        }
    }
}

fn ours(observed: &[Instance], name: &InstanceName) -> bool {
    observed.iter().any(|instance| instance.name == *name && instance.owner == Owner::Ours)
}

/// Never stops the only ready instance during a rolling or blue/green upgrade.
fn check_service_kept(world: &World, observed: &[Instance], decided: &Plan, context: &dyn Fn() -> String) {
    let interrupts = world.intent.deleted
        || world.intent.spec.replicas == 0
        || world.intent.spec.upgrade.strategy == UpgradeStrategy::Recreate;
    if interrupts {
        return;
    }
    let stopped: BTreeSet<&InstanceName> = decided
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Stop { instance, .. } => Some(instance),
            _ => None,
        })
        .collect();
    let ready = || observed.iter().filter(|instance| instance.owner == Owner::Ours && instance.is_ready());
    let remains =
        ready().any(|i| !stopped.contains(&i.name) && Some(&i.name.revision) == decided.status.routed.as_ref());
    let withdrawn = decided.status.withdrawn.as_ref().map(|withdrawn| &withdrawn.revision);
    let lost = ready().find(|i| stopped.contains(&i.name) && Some(&i.name.revision) != withdrawn);
    assert!(remains || lost.is_none(), "stops the only ready instance {:?}: {}", lost.map(|i| &i.name), context());
}

/// `Recreate` never starts one revision beside another.
fn check_recreate(world: &World, observed: &[Instance], decided: &Plan, context: &dyn Fn() -> String) {
    if world.intent.spec.upgrade.strategy != UpgradeStrategy::Recreate {
        return;
    }
    let there = observed
        .iter()
        .filter(|i| i.owner == Owner::Ours && !matches!(i.state, InstanceState::Exited { .. }))
        .map(|i| &i.name);
    let started = decided.actions.iter().filter_map(|action| match action {
        Action::Start(start) => Some(&start.name),
        _ => None,
    });
    let starts = started.clone().count();
    let all: Vec<&InstanceName> = there.chain(started).collect();
    let revisions: BTreeSet<&Revision> = all.iter().map(|name| &name.revision).collect();
    let too_many = revisions.len() > 1 || all.len() > world.intent.spec.replicas as usize;
    assert!(starts == 0 || !too_many, "runs twice: {}", context());
}

/// The history stays small.
fn check_bounds(observed: &[Instance], history: &History) {
    assert!(history.withdrawn.len() <= History::MAX_WITHDRAWN);
    assert!(history.failures.len() <= 2);
    assert!(history.instances.len() <= observed.len() + 2 * MAX_UNSEEN_STARTS);
    let size = serde_json::to_string(history).unwrap().len();
    assert!(size <= 8_000 + 250 * history.instances.len(), "{size} bytes");
}

/// Never two routed revisions, not even between two actions.
pub fn check_routing(world: &World) {
    let routed: BTreeSet<&Revision> =
        world.ours().filter(|sim| sim.instance.routed).map(|sim| &sim.instance.name.revision).collect();
    assert!(routed.len() <= 1, "{routed:?} are routed at once");
}

/// What is left when nothing more happens is what was asked for, or what was good before.
pub fn check_settled(world: &mut World) {
    if world.intent.deleted {
        assert_eq!(world.ours().count(), 0, "a deleted performer has instances");
        assert!(world.forgotten);
        return;
    }
    let plan = world.look();
    assert!(plan.actions.is_empty() && plan.history == world.history && plan.wake_at.is_none(), "{plan:#?}");
    world.pass(std::time::Duration::from_secs(86_400));
    let later = world.look();
    assert!(later.actions.is_empty() && later.history == world.history && later.wake_at.is_none(), "{later:#?}");

    let status = &plan.status;
    let replicas = world.intent.spec.replicas;
    let up = world.ours().count();
    if let Some(good) = world.history.good.as_ref().filter(|_| replicas > 0) {
        assert_eq!(status.routed.as_ref(), Some(&good.revision), "{plan:#?}");
        assert_eq!(status.ready_replicas, replicas, "{plan:#?}");
    }
    if status.desired == status.routed || status.withdrawn.is_some() || replicas == 0 {
        let serving = if status.routed.is_some() { replicas as usize } else { 0 };
        assert_eq!(up, serving, "instances are left over: {plan:#?}");
    } else {
        assert!(matches!(plan.waiting, Some(Waiting::AwaitingPromotion { .. })), "{plan:#?}");
        assert_eq!(up, 2 * replicas as usize, "{plan:#?}");
    }
}
