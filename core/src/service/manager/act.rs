use std::sync::Arc;

use crate::lifecycle::{Action, ExitCause, Instance, StartInstance, Waiting};
use crate::performer::InstanceName;
use crate::ports::{RuntimeError, Severity};
use crate::service::manager::keeper::Keeper;
use crate::service::manager::options::ShutdownPolicy;

impl Keeper {
    /// Carries out one step. `true` where the performer is forgotten with it.
    ///
    /// # Errors
    /// Why it failed, or why nobody knows whether it did: the caller observes and plans anew.
    pub(super) async fn act(&mut self, action: &Action) -> Result<bool, Waiting> {
        match action {
            Action::Start(start) => self.start(start).await?,
            Action::Route { revision, instances } => {
                self.routing.route(revision, instances);
                self.reroute();
            }
            Action::Drain { instance, .. } => {
                self.routing.drain(instance);
                self.reroute();
            }
            Action::Stop { instance, grace } => {
                // No task is sent to what is about to end.
                self.routing.drain(instance);
                self.reroute();
                let stop = self.shared.parts.runtime.stop(instance, *grace);
                self.shared.runtime_call(stop).await.map_err(|error| self.failed("stop", instance, &error))?;
                self.never_started.remove(instance);
            }
            Action::Forget => return self.forget().await,
        }
        Ok(false)
    }

    async fn start(&mut self, start: &StartInstance) -> Result<(), Waiting> {
        let started = self.shared.parts.runtime.start(start);
        let error = match self.shared.runtime_call(started).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let message = error.to_string();
        let cause = match &error {
            RuntimeError::Unavailable { .. } => return Err(self.failed("start", &start.name, &error)),
            RuntimeError::Refused { reason, .. } => ExitCause::Refused { reason: (*reason).to_owned(), message },
            RuntimeError::Failed { reason, .. } => ExitCause::StartFailed { reason: (*reason).to_owned(), message },
        };
        let text = format!("{} could not be started: {error}", start.name);
        self.shared.event(&self.entry.name, Severity::Warning, error.reason(), text);
        let never = Instance::never_started(start.name.clone(), cause, self.shared.parts.clock.now());
        self.never_started.insert(start.name.clone(), never);
        Ok(())
    }

    fn failed(&self, what: &str, instance: &InstanceName, error: &RuntimeError) -> Waiting {
        Waiting::RuntimeUnavailable { message: format!("{what} of {instance}: {error}") }
    }

    /// Nothing of the performer is left. `false` where it is wanted again.
    async fn forget(&mut self) -> Result<bool, Waiting> {
        if self.shared.leaving() == Some(ShutdownPolicy::StopAll) {
            self.shared.parts.client.set_targets(&self.entry.name, Vec::new());
            self.entry.leave();
            return Ok(true);
        }
        let entry = Arc::clone(&self.entry);
        let _writer = entry.writer.lock().await;
        let Some(record) = entry.record().filter(|record| record.intent.deleted) else { return Ok(false) };
        let lost = |error: crate::ports::StoreError| Waiting::StoreUnavailable { message: error.to_string() };
        if record.configured.is_none() {
            self.shared.delete(&entry.name).await.map_err(lost)?;
            self.shared.forget(&entry);
        } else {
            // Remembered as removed: the configuration that still names it does not bring it back by itself.
            let remembered = crate::lifecycle::PerformerRecord { history: Default::default(), ..record.clone() };
            if remembered != record {
                self.shared.save(&remembered).await.map_err(lost)?;
            }
            entry.commit(remembered, false);
            entry.rest();
            self.shared.notices.tell(&entry.name);
        }
        self.shared.parts.client.set_targets(&entry.name, Vec::new());
        Ok(true)
    }
}
