use hourglass_core::lifecycle::Intent;
use hourglass_core::performer::Revision;
use serde_json::{Value, json};

use super::failure::PassError;
use super::pass::Pass;
use super::write::take;
use crate::build::{Site, disruption_budget};
use crate::cache::Key;
use crate::connection::resources::DISRUPTION_BUDGETS;
use crate::names;
use crate::watch::Record as _;
use crate::writer::{Verb, Write, WriteFailure};

impl Pass<'_> {
    /// Keeps nodes from being emptied of too many replicas at once, where there are several.
    pub(super) async fn budget(&self, site: &Site<'_>, intent: &Intent, routed: &Revision) -> Result<(), PassError> {
        let stores = &self.controller.parts.stores;
        let key = Key::new(site.namespace, &names::service(site.performer));
        let there = stores.budgets.get(&key);
        let wanted = disruption_budget(site, &intent.spec.avs, routed, intent.spec.replicas);
        let write = |verb| Write { resource: DISRUPTION_BUDGETS, key: key.clone(), verb };
        match (wanted, there) {
            (None, Some(there)) if there.owner.as_deref() == Some(site.uid) => {
                let uid = there.uid().to_owned();
                let verb = Verb::Delete { uid: uid.clone(), resource_version: None, grace: None };
                match self.write(&write(verb)).await {
                    Ok(_) | Err(WriteFailure::NotFound) => {
                        stores.budgets.remove(&key, &uid);
                        Ok(())
                    }
                    Err(failure) => Err(PassError::of("the PodDisruptionBudget", failure)),
                }
            }
            (Some(wanted), there) => {
                let mut object = serde_json::to_value(&wanted).unwrap_or_else(|_| json!({}));
                if let Some(there) = &there {
                    if there.owner.as_deref() == Some(site.uid) && there.is_as(&object) {
                        return Ok(());
                    }
                    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                        metadata.insert("uid".to_owned(), there.uid().into());
                        metadata.insert("resourceVersion".to_owned(), there.resource_version().into());
                    }
                }
                let verb = Verb::Apply { manager: names::OPERATOR_MANAGER, object, force: there.is_some() };
                let body = self.write(&write(verb)).await;
                let body = body.map_err(|failure| PassError::of("the PodDisruptionBudget", failure))?;
                take(&stores.budgets, DISRUPTION_BUDGETS, &body);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }
}
