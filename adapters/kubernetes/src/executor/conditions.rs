//! The conditions of an executor.
//!
//! | | Ready | Available | Progressing | Degraded | Reconciling | Stalled |
//! |---|---|---|---|---|---|---|
//! | first start | False | False | True | if something is wrong | True | |
//! | replicas are replaced | False | if one serves | True | if something is wrong | True | |
//! | every replica serves | True | True | False | if fewer run than are asked for | | |
//! | a replica was lost | False | if one serves | True | True | True | |
//! | the resource cannot be run | False | if one serves | False | True | | True |
//! | being deleted | False | if one serves | True | False | True | |

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{View, Warning};
use crate::status::{Cause, time};

/// Conditions of ours, apart from warnings. The last two are there only while they are True.
const OURS: [&str; 6] = ["Ready", "Available", "Progressing", "Degraded", "Reconciling", "Stalled"];

/// Each with its reason, and since when it is so. Conditions of others are kept.
pub(super) fn conditions(view: &View<'_>) -> Vec<Condition> {
    let cause = cause(view);
    let stalled = view.children.is_err() && !view.deleted();
    let ready = view.complete() && !view.deleted();
    let moves = !stalled && !ready;
    let available = view.ready() > 0;
    let serving = || Cause::new("Serving", format!("{} replicas are ready", view.ready()));
    let fewer = view.warnings().iter().find(|warning| matches!(warning, Warning::JournalNotShared { .. }));
    let degraded = !view.deleted() && (stalled || fewer.is_some() || view.trouble.is_some() || suffers(view));
    let degraded_by = match fewer {
        Some(warning) if ready => Cause::new(warning.reason(), warning.to_string()),
        _ => cause.clone(),
    };
    let mut all = vec![
        condition("Ready", ready, cause.clone()),
        condition("Available", available, if available { serving() } else { cause.clone() }),
        condition("Progressing", moves, cause.clone()),
        condition("Degraded", degraded, degraded_by),
    ];
    if moves {
        all.push(condition("Reconciling", true, cause.clone()));
    }
    if stalled {
        all.push(condition("Stalled", true, cause));
    }
    let warnings = view.warnings().iter();
    all.extend(warnings.map(|warning| {
        let reason = warning.reason();
        condition(reason, true, Cause { reason: reason.into(), message: warning.to_string() })
    }));
    let old = view.old().map(|old| old.conditions.as_slice()).unwrap_or_default();
    for new in &mut all {
        new.observed_generation = view.generation();
        let same = old.iter().find(|old| old.type_ == new.type_ && old.status == new.status);
        new.last_transition_time = same.map_or_else(|| time(view.now), |old| old.last_transition_time.clone());
    }
    let ours = |name: &str| OURS.contains(&name) || Warning::REASONS.contains(&name);
    all.extend(old.iter().filter(|old| !ours(&old.type_)).cloned());
    all
}

/// Why it is as it is.
fn cause(view: &View<'_>) -> Cause {
    let (ready, wanted) = (view.ready(), view.wanted().unwrap_or_default());
    if view.deleted() {
        return Cause::new("Stopping", "the executor is being deleted; the volume of its journal stays");
    }
    if let Err(problems) = view.children {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Cause::new(problems.first().map_or("InvalidSpec", |first| first.reason), all.join("; "));
    }
    if view.complete() {
        return match wanted {
            0 => Cause::new("ScaledToZero", "no replicas are asked for"),
            _ => Cause::new("Serving", format!("{ready} of {wanted} replicas are ready")),
        };
    }
    if let Some(trouble) = view.trouble {
        return Cause::new(&trouble.reason, &trouble.message);
    }
    if view.workload.is_none() {
        return Cause::new("Starting", "the StatefulSet is not there yet");
    }
    if view.rolls() {
        let message = format!("replicas are replaced by those that the resource asks for; {ready} are ready");
        return Cause::new("RollingOut", message);
    }
    Cause::new("AwaitingReady", format!("{ready} of {wanted} replicas are ready"))
}

/// Whether less is ready than was already at this generation, through no wish of anybody's.
fn suffers(view: &View<'_>) -> bool {
    let old = view.old().map(|old| old.conditions.as_slice()).unwrap_or_default();
    let was = |kind: &str| {
        let holds = |old: &Condition| old.type_ == kind && old.status == "True";
        old.iter().any(|old| holds(old) && old.observed_generation == view.generation())
    };
    !view.complete() && !view.rolls() && (was("Ready") || was("Degraded"))
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
