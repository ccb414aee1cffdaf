use std::collections::BTreeSet;

use crate::lifecycle::{Health, Instance, InstanceState, Owner, Phase};
use crate::performer::Revision;
use crate::ports::PerformerView;
use crate::service::management::api::PerformerListing;
use crate::service::management::artifact::Artifact;

/// One entry for each revision of a performer that serves, waits to take over, or still has instances.
pub(super) fn listings(view: &PerformerView) -> Vec<PerformerListing> {
    revisions(view).into_iter().map(|revision| listing(view, &revision)).collect()
}

/// The name of a revision of a performer: a deployment's id, a performer's id.
pub(super) fn id(view: &PerformerView, revision: &Revision) -> String {
    format!("{}-{revision}", view.intent.name)
}

/// Those in play; the one that serves first.
pub(super) fn revisions(view: &PerformerView) -> Vec<Revision> {
    let status = &view.status;
    let withdrawn = status.withdrawn.as_ref().map(|withdrawn| &withdrawn.revision);
    let mut revisions: BTreeSet<Revision> = instances(view).map(|instance| instance.name.revision.clone()).collect();
    // A performer that was never planned for yet is listed too, by what is wanted of it.
    let desired = status.desired.clone().unwrap_or_else(|| view.intent.spec.revision());
    if withdrawn != Some(&desired) || status.routed.is_none() {
        revisions.insert(desired);
    }
    let routed = status.routed.clone();
    revisions.retain(|revision| routed.as_ref() != Some(revision));
    routed.into_iter().chain(revisions).collect()
}

fn instances(view: &PerformerView) -> impl Iterator<Item = &Instance> {
    view.instances.iter().filter(|instance| instance.owner == Owner::Ours)
}

fn listing(view: &PerformerView, revision: &Revision) -> PerformerListing {
    let of_revision = || instances(view).filter(|instance| instance.name.revision == *revision);
    // The one that speaks for the revision: of several replicas, a ready one.
    let running = |instance: &&Instance| instance.state == InstanceState::Running;
    let shown = of_revision()
        .find(|instance| instance.is_ready())
        .or_else(|| of_revision().find(running))
        .or_else(|| of_revision().last());
    let artifact = view.artifacts.get(revision).map(Artifact::of).unwrap_or_default();
    let checked = shown.and_then(|instance| match &instance.health {
        Health::Unknown => None,
        Health::Ready { since } | Health::NotReady { since, .. } => Some(*since),
    });
    PerformerListing {
        performer_id: id(view, revision),
        avs_address: view.intent.spec.avs.to_string(),
        status: status(view, revision).to_owned(),
        artifact_registry: artifact.registry,
        artifact_digest: artifact.digest,
        artifact_tag: artifact.tag,
        resource_healthy: shown.as_ref().is_some_and(running),
        application_healthy: shown.is_some_and(Instance::is_ready),
        last_health_check: checked.map(|at| at.to_rfc3339()).unwrap_or_default(),
        container_id: shown.and_then(|instance| instance.platform_id.clone()).unwrap_or_default(),
    }
}

/// `InService` and `Staged` as the contract has them (`contract.md` §1); the phase of what neither serves nor waits.
fn status(view: &PerformerView, revision: &Revision) -> &'static str {
    let terminating = phase(Phase::Terminating);
    let routed = view.status.routed.as_ref() == Some(revision);
    let wanted = view.intent.spec.revision() == *revision;
    let given_up = view.status.withdrawn.as_ref().is_some_and(|withdrawn| withdrawn.revision == *revision);
    match (routed, wanted) {
        _ if view.intent.deleted => terminating,
        (true, _) if view.status.ready_replicas > 0 => "InService",
        (true, _) => phase(view.status.phase),
        (false, true) if !given_up => "Staged",
        (false, true) if view.status.routed.is_none() => phase(view.status.phase),
        (false, _) => terminating,
    }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Upgrading => "Upgrading",
        Phase::Terminating => "Terminating",
        Phase::Failed => "Failed",
    }
}
