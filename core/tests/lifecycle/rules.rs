//! What must hold of every plan and of every state of the world (`architecture.md`, the planner).

use std::collections::BTreeSet;

use hourglass_core::lifecycle::timing::{BACK_OFF_MAX, MAX_UNSEEN_STARTS};
use hourglass_core::lifecycle::{Action, History, Instance, InstanceState, Owner, Phase, Plan, Waiting, plan};
use hourglass_core::performer::{InstanceName, Revision, UpgradeStrategy};

use crate::world::World;

/// Checks a plan against what it was made from.
pub(crate) fn check_plan(world: &World, observed: &[Instance], decided: &Plan) {
    let context = || format!("{decided:#?}\nfrom {observed:#?}\nand {:#?}", world.history);
    assert!(decided.wake_at.is_none_or(|at| at > world.now), "wakes in the past: {}", context());
    // However the clock was set, no wait is longer than the longest that was meant.
    assert!(decided.wake_at.is_none_or(|at| at <= world.now + BACK_OFF_MAX), "sleeps too long: {}", context());
    check_ownership(observed, decided);
    check_service_kept(world, observed, decided, &context);
    check_recreate(world, observed, decided, &context);
    check_drained(world, observed, decided, &context);
    check_switch(world, observed, decided, &context);
    check_bounds(observed, &decided.history);
    if decided.history != world.history {
        // A plan that is made again from what it left behind writes nothing.
        let again = plan(&world.intent, &decided.history, observed, world.now);
        assert_eq!(again.history, decided.history, "the history does not settle: {}", context());

        let json = serde_json::to_string(&decided.history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&json).unwrap(), decided.history);
        let most = 8_000 + 250 * decided.history.instances.len();
        assert!(json.len() <= most, "{} bytes", json.len());
    }

    let complete = decided.status.phase == Phase::Running
        && decided.status.ready_replicas >= decided.status.wanted_replicas
        && decided.status.withdrawn.is_none();
    assert!(complete || decided.waiting.is_some() || !decided.actions.is_empty(), "silence: {}", context());
    if decided.status.phase == Phase::Failed {
        assert!(decided.waiting.is_some() && decided.status.failure.is_some(), "{}", context());
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

/// Nothing that gets tasks is stopped before it was drained, and nothing that drains gets more of them.
fn check_drained(world: &World, observed: &[Instance], decided: &Plan, context: &dyn Fn() -> String) {
    for instance in observed.iter().filter(|i| i.owner == Owner::Ours && i.is_ready() && i.routed) {
        let stopped =
            decided.actions.iter().any(|a| matches!(a, Action::Stop { instance: i, .. } if *i == instance.name));
        let drained =
            decided.actions.iter().any(|a| matches!(a, Action::Drain { instance: i, .. } if *i == instance.name));
        let until = decided.history.instances.get(&instance.name).and_then(|note| note.drain_until);
        let told_before = world.history.instances.get(&instance.name).is_some_and(|note| note.ended);
        let due = told_before || until.is_some_and(|until| until <= world.now);
        assert!(!stopped || due, "{} is stopped with its tasks: {}", instance.name, context());
        assert!(until.is_none() || stopped || drained, "{} still gets tasks: {}", instance.name, context());
    }
}

/// The switch waits until all of the new revision is ready while the old one serves, and for its promotion.
fn check_switch(world: &World, observed: &[Instance], decided: &Plan, context: &dyn Fn() -> String) {
    let (Some(before), Some(after)) = (&world.history.good, &decided.history.good) else { return };
    if before.revision == after.revision || world.intent.spec.upgrade.strategy == UpgradeStrategy::Recreate {
        return;
    }
    let ready = |revision: &Revision| -> Vec<&Instance> {
        let ours = observed.iter().filter(|i| i.owner == Owner::Ours && i.is_ready());
        ours.filter(|i| i.name.revision == *revision).collect()
    };
    let taking_over = ready(&after.revision);
    let enough = taking_over.len() >= world.intent.spec.replicas as usize;
    assert!(enough || ready(&before.revision).is_empty(), "switches too early: {}", context());
    let promoted = world.intent.promoted.as_ref() == Some(&after.revision) || taking_over.iter().any(|i| i.routed);
    assert!(promoted || world.intent.spec.upgrade.strategy != UpgradeStrategy::BlueGreen, "{}", context());
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
}

/// Never two routed revisions, not even between two actions.
pub(crate) fn check_routing(world: &World) {
    let routed: BTreeSet<&Revision> =
        world.ours().filter(|sim| sim.instance.routed).map(|sim| &sim.instance.name.revision).collect();
    assert!(routed.len() <= 1, "{routed:?} are routed at once");
}

/// What is left when nothing more happens is what was asked for, or what was good before.
pub(crate) fn check_settled(world: &mut World) {
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
    for instance in world.observe().iter().filter(|i| i.owner == Owner::Ours && i.is_ready()) {
        let serves = Some(&instance.name.revision) == status.routed.as_ref();
        assert_eq!(instance.routed, serves, "{} gets tasks or should: {plan:#?}", instance.name);
    }
    // Where nothing else serves, what waits for the platform is waited for as long as it takes.
    let overdue = world.history.trial.as_ref().is_some_and(|trial| trial.overdue && trial.withdrawn.is_none());
    let waits = match plan.waiting {
        Some(Waiting::AwaitingPromotion { .. }) => true,
        Some(Waiting::ImagePull { .. } | Waiting::Unschedulable { .. }) => overdue,
        _ => false,
    };
    assert_eq!(waits, status.desired != status.routed && status.withdrawn.is_none() && replicas > 0, "{plan:#?}");
    let coming = if waits { replicas as usize } else { 0 };
    if world.history.good.is_some() || replicas == 0 {
        assert_eq!(up, replicas as usize + coming, "instances are left over: {plan:#?}");
    } else {
        // Without a history nobody knows how to start again what serves, so all of it is kept.
        let found = world.ours().filter(|sim| Some(&sim.instance.name.revision) == status.routed.as_ref()).count();
        assert_eq!(up, found + coming, "instances are left over: {plan:#?}");
    }
}
