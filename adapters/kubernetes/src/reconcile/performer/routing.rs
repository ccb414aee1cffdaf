use hourglass_core::lifecycle::{Action, History, Intent, Plan};
use hourglass_core::performer::{PerformerSpec, Revision};
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::build::{self, Site};
use crate::names;
use crate::observe::{Difference, ServiceRecord};
use crate::writer::Verb;

/// What is to be done about the Service.
#[derive(Debug, PartialEq)]
pub(super) enum Routing {
    /// Nothing.
    AsItIs,
    /// Write it so.
    Write(Verb),
    /// Remove it; it is made again when it is gone.
    Remove(Verb),
    /// Somebody else has its name.
    Foreign,
}

/// The revision that the Service is to select: what is switched to now, else what it selects already. Before the first
/// switch, what is to serve first: nothing is routed to before it is ready, whatever is selected.
pub(super) fn revision(intent: &Intent, plan: &Plan, service: Option<&ServiceRecord>) -> Revision {
    let switched = plan.actions.iter().find_map(|action| match action {
        Action::Route { revision, .. } => Some(revision.clone()),
        _ => None,
    });
    switched
        .or_else(|| service.and_then(ServiceRecord::revision))
        .or_else(|| plan.history.good.as_ref().map(|good| good.revision.clone()))
        .unwrap_or_else(|| intent.spec.revision())
}

/// The port of the Service: that of the revision which it selects, as far as anybody knows it.
pub(super) fn port(intent: &Intent, history: &History, revision: &Revision, service: Option<&ServiceRecord>) -> u16 {
    let good = history.good.as_ref().filter(|good| good.revision == *revision).map(|good| &good.spec);
    let spec: Option<&PerformerSpec> = if intent.spec.revision() == *revision { Some(&intent.spec) } else { good };
    let there = || service?.ports.first().and_then(|port| u16::try_from(port.port).ok());
    spec.map(build::port).or_else(there).unwrap_or_else(|| build::port(&intent.spec))
}

/// How the Service comes to be as it should.
pub(super) fn routing(
    site: &Site<'_>,
    intent: &Intent,
    revision: &Revision,
    port: u16,
    there: Option<&ServiceRecord>,
) -> Routing {
    let wanted = build::service(site, &intent.spec.avs, revision, port);
    let Some(there) = there else {
        // Not forced: where somebody has made one of this name that is not watched, it says so.
        return Routing::Write(apply(&wanted, None, false));
    };
    if there.leaving {
        return Routing::AsItIs;
    }
    match there.difference(site.uid, &wanted) {
        Difference::Nothing => Routing::AsItIs,
        Difference::Apply => Routing::Write(apply(&wanted, Some(there), true)),
        Difference::Patch(patch) => {
            Routing::Write(Verb::Patch { subresource: None, manager: names::OPERATOR_MANAGER, patch })
        }
        Difference::Replace => Routing::Remove(Verb::Delete {
            uid: there.uid.to_string(),
            resource_version: Some(there.resource_version.to_string()),
            grace: None,
        }),
        Difference::Foreign => Routing::Foreign,
    }
}

/// Whole, and only onto the state that was seen: who has lost its lease switches nothing back.
fn apply(wanted: &Service, there: Option<&ServiceRecord>, force: bool) -> Verb {
    let mut object = serde_json::to_value(wanted).unwrap_or_else(|_| json!({}));
    if let (Some(there), Some(metadata)) = (there, object.get_mut("metadata").and_then(Value::as_object_mut)) {
        metadata.insert("uid".to_owned(), there.uid.to_string().into());
        metadata.insert("resourceVersion".to_owned(), there.resource_version.to_string().into());
    }
    Verb::Apply { manager: names::OPERATOR_MANAGER, object, force }
}
