//! The conditions of a Performer.

use hourglass_core::lifecycle::Waiting;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::View;
use super::causes::{self, Cause};
use super::compose::time;

/// Those that are there in any case.
const ALWAYS: [&str; 4] = ["Ready", "Available", "Progressing", "Degraded"];
/// Those that are there only while they are True.
const WHILE_TRUE: [&str; 2] = ["Reconciling", "Stalled"];

/// Each with its reason, and since when it is so. Conditions of others are kept.
pub(super) fn conditions(view: &View<'_>) -> Vec<Condition> {
    let stalled = causes::stalled(view);
    let waits = stalled.clone().unwrap_or_else(|| causes::unfinished(view));
    let ready = view.complete() && !view.deleted();
    let cause = if ready { causes::serving(view) } else { waits.clone() };
    let available = view.serving().next().is_some();
    // Scaling down is over when nothing drains any more.
    let settled = ready && !(view.replicas() == 0 && view.draining());
    let moves = stalled.is_none() && !settled;
    let drains = || Cause::new("Draining", "pods that are replaced finish their tasks");
    let degraded = stalled.is_some() && !view.called_off() || suffers(view, ready);
    let mut all = vec![
        condition("Ready", settled, if ready && !settled { drains() } else { cause.clone() }),
        condition("Available", available, if available { causes::available(view) } else { cause.clone() }),
        condition("Progressing", moves, cause.clone()),
        condition("Degraded", degraded, cause.clone()),
    ];
    if moves || (ready && view.draining()) {
        all.push(condition("Reconciling", true, if ready { drains() } else { cause }));
    }
    all.extend(stalled.map(|cause| condition("Stalled", true, cause)));
    let old = view.old().map(|old| old.conditions.as_slice()).unwrap_or_default();
    for new in &mut all {
        new.observed_generation = view.generation();
        let same = old.iter().find(|old| old.type_ == new.type_ && old.status == new.status);
        new.last_transition_time = same.map_or_else(|| time(view.now), |old| old.last_transition_time.clone());
    }
    let ours = |name: &str| ALWAYS.contains(&name) || WHILE_TRUE.contains(&name);
    all.extend(old.iter().filter(|old| !ours(&old.type_)).cloned());
    all
}

/// Whether less is ready than should be, through no wish of anybody's: something fails, or was ready at this generation
/// and is no longer.
fn suffers(view: &View<'_>, ready: bool) -> bool {
    if ready || view.deleted() {
        return false;
    }
    let failed = view.plan.is_some_and(|plan| plan.status.failure.is_some());
    let warns = view.waiting().is_some_and(Waiting::is_warning);
    let old = view.old().map(|old| old.conditions.as_slice()).unwrap_or_default();
    let was = |kind: &str| {
        let holds = |old: &Condition| old.type_ == kind && old.status == "True";
        old.iter().any(|old| holds(old) && old.observed_generation == view.generation())
    };
    let upgrading = view.plan.is_some_and(|plan| plan.status.upgrade.is_some());
    failed || warns || (!upgrading && (was("Ready") || was("Degraded")))
}

fn condition(kind: &str, holds: bool, cause: Cause) -> Condition {
    Condition {
        type_: kind.into(),
        status: if holds { "True" } else { "False" }.into(),
        reason: cause.reason,
        message: cause.message,
        observed_generation: None,
        last_transition_time: Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH),
    }
}
