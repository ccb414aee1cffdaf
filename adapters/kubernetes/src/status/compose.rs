use std::collections::BTreeMap;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{InstanceState, Owner, Phase};
use hourglass_core::performer::Revision;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff;

use super::View;
use super::conditions::conditions;
use super::history;
use crate::api::{PerformerPhase, PerformerStatus, WithdrawnRevision};
use crate::build::routed_by;
use crate::names;
use crate::observe::pod_name;

/// The status that a Performer is to have. What cannot be known now stays as it was.
pub fn status(view: &View<'_>) -> PerformerStatus {
    let old = view.old().cloned().unwrap_or_default();
    let conditions = conditions(view);
    let is_ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let ready_since = || {
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
        ready.map(|ready| ready.last_transition_time.clone())
    };
    let routed = view.routed();
    let namespace = view.object.metadata.namespace.as_deref().unwrap_or_default();
    PerformerStatus {
        phase: Some(phase(view)),
        // Where none are asked for, none get tasks.
        ready: Some(is_ready && view.replicas() > 0),
        pod_name: pod(view, old.pod_name.as_deref()),
        service_name: view.name.map(names::service).or(old.service_name),
        grpc_endpoint: view.name.map(|name| names::endpoint(name, namespace, view.port)).or(old.grpc_endpoint),
        last_upgrade: last_upgrade(view).or(old.last_upgrade),
        ready_time: if is_ready { ready_since() } else { old.ready_time },
        observed_generation: view.generation(),
        replicas: Some(count(replicas(view, routed.or(view.wanted)))),
        ready_replicas: Some(count(view.serving().count())),
        selector: selector(view, routed.or(view.wanted)).or(old.selector),
        revision: routed.map(ToString::to_string).or_else(|| old.revision.filter(|_| view.plan.is_none())),
        desired_revision: view.wanted.map(ToString::to_string).or(old.desired_revision),
        draining_pods: view.plan.map_or(old.draining_pods, |plan| plan.status.draining.iter().map(pod_name).collect()),
        withdrawn: view.plan.map_or(old.withdrawn, withdrawn),
        history: view.plan.map_or(old.history, |plan| history::stored(&plan.history)),
        conditions,
    }
}

fn phase(view: &View<'_>) -> PerformerPhase {
    let serves = view.serving().next().is_some();
    let planned = view.plan.map(|plan| plan.status.phase);
    match planned {
        _ if view.deleted() => PerformerPhase::Terminating,
        _ if !view.problems.is_empty() => {
            if serves {
                PerformerPhase::Running
            } else {
                PerformerPhase::Failed
            }
        }
        Some(Phase::Terminating) => PerformerPhase::Terminating,
        Some(Phase::Upgrading) => PerformerPhase::Upgrading,
        Some(Phase::Failed) => PerformerPhase::Failed,
        // Decided, and not yet so.
        Some(Phase::Running) if serves && view.switching() && view.routed() != view.wanted => PerformerPhase::Upgrading,
        Some(Phase::Running) if serves || view.replicas() == 0 => PerformerPhase::Running,
        Some(Phase::Running | Phase::Pending) => PerformerPhase::Pending,
        None if serves => PerformerPhase::Running,
        None => PerformerPhase::Pending,
    }
}

/// One that gets tasks, the same as long as it does; where none does, one that is on its way.
fn pod(view: &View<'_>, old: Option<&str>) -> Option<String> {
    let serving: Vec<String> = view.serving().map(|instance| pod_name(&instance.name)).collect();
    let kept = serving.iter().find(|name| Some(name.as_str()) == old);
    let starting = || {
        let mut ours = view.instances.iter().filter(|instance| instance.owner == Owner::Ours);
        let up = ours.find(|instance| is_up(&instance.state) && Some(&instance.name.revision) == view.wanted);
        up.map(|instance| pod_name(&instance.name))
    };
    kept.or(serving.first()).cloned().or_else(starting)
}

const fn is_up(state: &InstanceState) -> bool {
    matches!(state, InstanceState::Starting { .. } | InstanceState::Running)
}

/// Pods of a revision that are not on their way out.
fn replicas(view: &View<'_>, revision: Option<&Revision>) -> usize {
    let draining = view.plan.map(|plan| plan.status.draining.as_slice()).unwrap_or_default();
    let counts = |instance: &&hourglass_core::lifecycle::Instance| {
        instance.owner == Owner::Ours
            && Some(&instance.name.revision) == revision
            && is_up(&instance.state)
            && (instance.routed || !draining.contains(&instance.name))
    };
    view.instances.iter().filter(counts).count()
}

/// Of the pods whose use an autoscaler is to look at: those that get tasks.
fn selector(view: &View<'_>, revision: Option<&Revision>) -> Option<String> {
    let labels: BTreeMap<String, String> = routed_by(view.name?, revision?);
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Some(pairs.join(","))
}

/// A first deployment is no upgrade.
fn last_upgrade(view: &View<'_>) -> Option<Time> {
    let history = &view.plan?.history;
    history.previous.as_ref().and(history.good.as_ref()).map(|good| time(good.since))
}

fn withdrawn(plan: &hourglass_core::lifecycle::Plan) -> Option<WithdrawnRevision> {
    plan.status.withdrawn.as_ref().map(|withdrawn| WithdrawnRevision {
        revision: withdrawn.revision.to_string(),
        reason: withdrawn.cause.reason.clone(),
        message: withdrawn.cause.message.clone(),
        at: Some(time(withdrawn.at)),
    })
}

/// In whole seconds, as the API server keeps it: what was written must be found again unchanged.
pub(crate) fn time(at: Timestamp) -> Time {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    Time(jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX))
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
