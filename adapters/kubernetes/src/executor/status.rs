use super::View;
use super::conditions::conditions;
use super::site::Site;
use crate::api::{ExecutorPhase, HourglassExecutorStatus};
use crate::status::time;

/// The status that an executor is to have. [`crate::status::patch`] tells what of it is to be written, if anything.
pub fn status(view: &View<'_>) -> HourglassExecutorStatus {
    let old = view.old().cloned().unwrap_or_default();
    let revision = view.children.ok().map(|children| children.revision.clone()).or(old.config_revision.clone());
    let changed = revision.is_some() && revision != old.config_revision;
    let selecting = Site::of(view.executor).selecting();
    let selector: Vec<String> = selecting.iter().map(|(key, value)| format!("{key}={value}")).collect();
    HourglassExecutorStatus {
        phase: Some(phase(view)),
        replicas: Some(view.replicas()),
        ready_replicas: Some(view.ready()),
        selector: Some(selector.join(",")),
        conditions: conditions(view),
        last_config_update: if changed { Some(time(view.now)) } else { old.last_config_update },
        config_revision: revision,
        observed_generation: view.generation(),
    }
}

fn phase(view: &View<'_>) -> ExecutorPhase {
    if view.deleted() || (view.complete() && view.wanted() == Some(0)) {
        ExecutorPhase::Stopped
    } else if view.ready() > 0 {
        ExecutorPhase::Running
    } else if view.children.is_err() {
        ExecutorPhase::Failed
    } else {
        ExecutorPhase::Pending
    }
}
