//! Promoting an upgrade that waits, and calling one off.

use crate::lifecycle::Intent;
use crate::performer::{PerformerSpec, Revision, UpgradeStrategy};
use crate::ports::PerformerView;
use crate::service::management::api::ManagementError;
use crate::service::management::deploy::{REPLACED, Wait};
use crate::service::management::listing;
use crate::service::management::service::ManagementService;

/// Lets the revision that waits take over, and waits until it serves.
///
/// Only one that is ready: a promotion that comes before could switch at any later moment, when nobody looks any more.
pub(super) async fn promote(service: &ManagementService, id: &str) -> Result<(), ManagementError> {
    let refused = |message: String| Err(ManagementError::precondition(message));
    let changes = service.manager.watch();
    let (view, named) = service.named(id).await?;
    let name = &view.intent.name;
    let wanted = view.intent.spec.revision();
    if view.intent.deleted {
        return refused(format!("performer {name} is on its way out"));
    }
    let in_service = view.good.as_ref().is_some_and(|good| good.revision == wanted);
    if named.as_ref().is_some_and(|named| *named != wanted) {
        let other = if in_service { "nothing is".to_owned() } else { format!("{} is", listing::id(&view, &wanted)) };
        return refused(format!("{id} is not what waits to take over: {other}"));
    }
    if in_service && named.is_none() {
        return refused(format!("no upgrade of performer {name} waits: revision {wanted} is in service"));
    }
    let mut intent = view.intent.clone();
    // Who asks again for what was promoted waits for the same.
    if !in_service && intent.promoted.as_ref() != Some(&wanted) {
        if let Some(why_not) = why_not(&view, &wanted) {
            return refused(why_not);
        }
        intent.promoted = Some(wanted.clone());
        if !service.manager.apply_if(&view.intent, intent.clone()).await? {
            return refused(REPLACED.to_owned());
        }
    }
    let given_up = view.status.withdrawn.clone();
    Wait { service, what: "promotion", intent: &intent, revision: &wanted, given_up }.until_it_serves(changes).await
}

/// Why the wanted revision, which is not in service, cannot be promoted now.
fn why_not(view: &PerformerView, wanted: &Revision) -> Option<String> {
    if let Some(withdrawn) = view.status.withdrawn.as_ref().filter(|withdrawn| withdrawn.revision == *wanted) {
        let remedy = "change the configuration, or deploy the artifact again";
        return Some(format!("revision {wanted} was given up: {}; {remedy}", withdrawn.cause));
    }
    let strategy = view.intent.spec.upgrade.strategy;
    if strategy != UpgradeStrategy::BlueGreen {
        return Some(format!("revision {wanted} takes over by itself when it is ready: its strategy is {strategy:?}"));
    }
    // What was just asked for was not planned for yet.
    let upgrade = view.status.upgrade.as_ref().filter(|upgrade| upgrade.to == *wanted);
    if upgrade.is_some_and(|upgrade| upgrade.from.is_none()) && view.good.is_none() {
        return Some(format!("revision {wanted} is the first and takes over by itself when it is ready"));
    }
    let ready = view.instances.iter().filter(|i| i.name.revision == *wanted && i.is_ready()).count();
    let needed = usize::try_from(view.intent.spec.replicas).unwrap_or(usize::MAX).max(1);
    (upgrade.is_none() || ready < needed).then(|| {
        let waiting = view.waiting.as_ref().map_or_else(String::new, |waiting| format!(": {waiting}"));
        format!("revision {wanted} is not ready yet, with {ready} of {needed} instances{waiting}")
    })
}

/// Calls an upgrade off: what serves is wanted again. Durable when it returns; what was staged is drained and stopped.
///
/// What the configuration asked for last stays remembered, so it does not bring the upgrade back until it changes.
pub(super) async fn abort(service: &ManagementService, id: &str) -> Result<(), ManagementError> {
    let refused = |message: String| Err(ManagementError::precondition(message));
    let (view, named) = service.named(id).await?;
    let name = &view.intent.name;
    let wanted = view.intent.spec.revision();
    let good = view.good.as_ref().map(|good| &good.revision);
    if view.intent.deleted {
        return refused(format!("performer {name} is on its way out"));
    }
    if let Some(named) = named.filter(|named| *named != wanted) {
        let serves = good == Some(&named) || view.status.routed.as_ref() == Some(&named);
        // One that neither serves nor is wanted was called off before.
        return if serves {
            refused(format!("{id} serves: only what is to replace it can be called off"))
        } else {
            Ok(())
        };
    }
    if good == Some(&wanted) {
        return refused(format!("no upgrade of performer {name} is under way: revision {wanted} is in service"));
    }
    match called_off(&view) {
        Some(intent) => back_to(service, &view, intent).await,
        None => refused(format!("nothing has served before revision {wanted} that could go on: remove the performer")),
    }
}

pub(super) async fn back_to(
    service: &ManagementService,
    view: &PerformerView,
    intent: Intent,
) -> Result<(), ManagementError> {
    let applied = service.manager.apply_if(&view.intent, intent).await?;
    if applied { Ok(()) } else { Err(ManagementError::precondition(REPLACED)) }
}

/// What is wanted once an upgrade is called off; `None` where nothing was ever in service.
pub(super) fn called_off(view: &PerformerView) -> Option<Intent> {
    let good = view.good.as_ref()?;
    let spec = PerformerSpec { avs: view.intent.spec.avs, ..good.spec.clone() };
    Some(Intent { spec, promoted: None, ..view.intent.clone() })
}
