use serde_json::json;

use super::failure::PassError;
use super::pass::{Ended, Pass};
use super::wish::Wish;
use crate::api::Performer;
use crate::names;
use crate::writer::Verb;

impl Pass<'_> {
    /// Makes sure that the Performer stays until its pods have drained. Whether that was to be written.
    pub(super) async fn add_finalizer(&self, object: &Performer) -> Result<bool, PassError> {
        if finalizers(object).any(|name| name == names::PERFORMER_FINALIZER) {
            return Ok(false);
        }
        let all: Vec<&str> = finalizers(object).chain([names::PERFORMER_FINALIZER]).collect();
        self.write_finalizers(object, &all).await?;
        Ok(true)
    }

    /// Lets the Performer go.
    pub(super) async fn forget(&self, object: &Performer) -> Result<Ended, PassError> {
        if finalizers(object).any(|name| name == names::PERFORMER_FINALIZER) {
            let others: Vec<&str> = finalizers(object).filter(|name| *name != names::PERFORMER_FINALIZER).collect();
            match self.write_finalizers(object, &others).await {
                // It is what was to come of it.
                Err(PassError::Stale) if self.controller.parts.stores.performers.get(&self.key).is_none() => {}
                written => written?,
            }
        }
        Ok(Ended::Gone)
    }

    /// A Performer whose name no pod of ours can have: an earlier version may have taken it. There is nothing to run, and
    /// nothing to drain.
    pub(super) async fn unnamed(&mut self, object: &Performer, wish: &Wish) -> Result<Ended, PassError> {
        if object.metadata.deletion_timestamp.is_some() {
            return self.forget(object).await;
        }
        let now = self.controller.parts.clock.now();
        let view = crate::status::View {
            object,
            name: None,
            plan: None,
            waiting: None,
            instances: &[],
            problems: &wish.problems,
            wanted: None,
            port: 0,
            now,
        };
        self.report(object, &crate::status::status(&view), true).await?;
        Ok(Ended::Waiting(None))
    }

    async fn write_finalizers(&self, object: &Performer, finalizers: &[&str]) -> Result<(), PassError> {
        let version = object.metadata.resource_version.as_deref().unwrap_or_default();
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let patch = json!({ "metadata": { "uid": uid, "resourceVersion": version, "finalizers": finalizers } });
        self.write_performer(Verb::Patch { subresource: None, manager: names::OPERATOR_MANAGER, patch }).await
    }
}

fn finalizers(object: &Performer) -> impl Iterator<Item = &str> {
    object.metadata.finalizers.iter().flatten().map(String::as_str)
}
