use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;

use crate::lifecycle::{History, Intent, PerformerRecord};
use crate::performer::{PerformerName, PerformerSpec};
use crate::ports::{Changes, ManagerError, PerformerManager, PerformerView, Severity};
use crate::service::manager::bell::Rings;
use crate::service::manager::configuration;
use crate::service::manager::options::{ManagerOptions, ShutdownPolicy};
use crate::service::manager::pace::{Backoff, within};
use crate::service::manager::restart::until_done;
use crate::service::manager::routing::fill;
use crate::service::manager::shared::{Change, DEFECT, ManagerParts, Shared};

/// The [`PerformerManager`] over any [`InstanceRuntime`](crate::ports::InstanceRuntime): for each performer it observes,
/// plans, saves the history, and acts, again and again.
///
/// - What [`apply`](PerformerManager::apply) and [`remove`](PerformerManager::remove) take is durable when they return.
/// - Nothing is done that is not justified by a history in the store. A store that fails stops every change, and nothing
///   that serves: routes stay, and after a restart what is ready is routed to.
/// - Performers are independent of each other.
/// - Dropping it stops nothing: its work belongs to the spawner. [`LoopingManager::shutdown`] does.
pub struct LoopingManager {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for LoopingManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoopingManager").finish_non_exhaustive()
    }
}

impl LoopingManager {
    /// Takes up what the store remembers and what runs, and follows the configuration.
    ///
    /// Returns when every performer is being looked after; that they serve is seen in
    /// [`list`](PerformerManager::list). Where the store can be read but not written, what it remembers is served, the
    /// configuration is tried again in the background, and a `StoreUnavailable` event says so.
    ///
    /// # Errors
    /// [`ManagerError::Store`] where the store cannot be read: without it, every instance would look like an orphan.
    pub async fn start(
        parts: ManagerParts,
        options: ManagerOptions,
        configured: Vec<(PerformerName, PerformerSpec)>,
    ) -> Result<Arc<Self>, ManagerError> {
        let shared = Shared::new(parts, options);
        let records = shared.load().await?;
        // Before anything is looked for on the platform: what the configuration names is never an orphan.
        shared.set_configured(configured.into_iter().collect());
        // Before anything is adopted: a change that comes first would be missed otherwise.
        Self::follow(&shared);
        records.into_iter().for_each(|record| shared.adopt_record(record));
        let manager = Arc::new(Self { shared });
        // An error has been told as an event, and is being mended.
        let _ = manager.follow_configuration().await;
        let shared = Arc::clone(&manager.shared);
        manager.shared.parts.spawner.spawn_service("orphan search", Box::pin(search_orphans(shared)));
        Ok(manager)
    }

    /// Follows a changed configuration. A deployed artifact stays in force unless the configuration asks for something
    /// else than it asked last; performers that left the configuration are removed unless something else was deployed
    /// to them. See the module for the whole table.
    ///
    /// # Errors
    /// The first; every performer was tried. What the store could not take is tried again in the background.
    pub async fn configure(&self, desired: Vec<(PerformerName, PerformerSpec)>) -> Result<(), ManagerError> {
        self.shared.set_configured(desired.into_iter().collect());
        self.follow_configuration().await
    }

    async fn follow_configuration(&self) -> Result<(), ManagerError> {
        let (_, desired) = self.shared.configured();
        let applied = configuration::apply(&self.shared, &desired).await;
        if matches!(applied, Err(ManagerError::Store(_))) {
            let shared = Arc::clone(&self.shared);
            let retry = async move {
                let tell = |panic: String| {
                    for name in shared.configured().1.keys() {
                        shared.event(name, Severity::Warning, DEFECT, panic.clone());
                    }
                };
                until_done(&shared, || configuration::retry(Arc::clone(&shared)), tell).await;
            };
            self.shared.parts.spawner.spawn("configuration retry", Box::pin(retry));
        }
        applied
    }

    /// Passes on what the runtime and the client notice.
    fn follow(shared: &Arc<Shared>) {
        let (runtime, client) = (Arc::clone(shared), Arc::clone(shared));
        let of_runtime = follow(runtime, Rings::RUNTIME, |shared| shared.parts.runtime.watch());
        let of_client = follow(client, Rings::CLIENT, |shared| shared.parts.client.watch());
        shared.parts.spawner.spawn_service("runtime notices", Box::pin(of_runtime));
        shared.parts.spawner.spawn_service("health notices", Box::pin(of_client));
    }

    /// Ends the management of performers, and with [`ShutdownPolicy::StopAll`] the performers too. Takes at most
    /// `deadline`; returns those that were not finished with by then.
    ///
    /// Nothing can be applied or removed from now on. What is wanted stays as it is.
    pub async fn shutdown(&self, policy: ShutdownPolicy, deadline: Duration) -> Vec<PerformerName> {
        self.shared.leave(policy);
        let unfinished = || {
            let entries = self.shared.entries();
            let kept = entries.iter().filter(|entry| entry.is_kept());
            kept.map(|entry| entry.name.clone()).collect::<Vec<_>>()
        };
        let finished = async {
            while !unfinished().is_empty() {
                self.shared.sleep(Duration::from_millis(10)).await;
            }
        };
        within(&*self.shared.parts.clock, deadline, finished).await;
        unfinished()
    }
}

async fn follow(
    shared: Arc<Shared>,
    rings: Rings,
    watch: impl Fn(&Shared) -> Changes<PerformerName> + Send + Sync + 'static,
) {
    loop {
        let mut changes = watch(&shared);
        // Whatever changed while nobody watched.
        shared.ring_all(rings);
        while let Some(name) = changes.next().await {
            if let Some(entry) = shared.entry(&name) {
                entry.bell.ring(rings);
            }
        }
        shared.sleep(Duration::from_secs(1)).await;
    }
}

/// Looks for instances of ours that belong to no performer: at once, then now and then, while the manager stays.
async fn search_orphans(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(shared.options.first_backoff, shared.options.longest_backoff);
    while shared.leaving().is_none() {
        let delay = match shared.runtime_call(shared.parts.runtime.performers()).await {
            Ok(names) => {
                names.iter().for_each(|name| shared.adopt_orphan(name));
                backoff.succeeded();
                shared.options.orphan_search
            }
            // Keepers tell that the runtime does not answer.
            Err(_) => backoff.failed(),
        };
        shared.sleep(delay).await;
    }
    std::future::pending().await
}

#[async_trait]
impl PerformerManager for LoopingManager {
    async fn apply(&self, intent: Intent) -> Result<(), ManagerError> {
        let applied = |before: Option<&PerformerRecord>| {
            Change::Write(Box::new(PerformerRecord {
                intent: intent.clone(),
                history: before.map_or_else(History::default, |record| record.history.clone()),
                configured: before.and_then(|record| record.configured.clone()),
            }))
        };
        self.shared.change(&intent.name, applied).await
    }

    async fn apply_if(&self, expected: &Intent, intent: Intent) -> Result<bool, ManagerError> {
        let as_expected = AtomicBool::new(false);
        let applied = |before: Option<&PerformerRecord>| {
            let Some(record) = before.filter(|record| record.intent == *expected) else { return Change::Keep };
            as_expected.store(true, Ordering::Relaxed);
            Change::Write(Box::new(PerformerRecord { intent: intent.clone(), ..record.clone() }))
        };
        self.shared.change(&expected.name, applied).await?;
        Ok(as_expected.into_inner())
    }

    async fn remove(&self, name: &PerformerName) -> Result<(), ManagerError> {
        let removed = |before: Option<&PerformerRecord>| match before {
            Some(record) if !record.intent.deleted => {
                let mut record = record.clone();
                record.intent.deleted = true;
                Change::Write(Box::new(record))
            }
            _ => Change::Keep,
        };
        self.shared.change(name, removed).await
    }

    /// From memory; health and load as the client knows them now.
    async fn list(&self) -> Result<Vec<PerformerView>, ManagerError> {
        let parts = &self.shared.parts;
        let reports_health = parts.runtime.capabilities().reports_health;
        let view = |entry: Arc<super::entry::Entry>| {
            let mut view = entry.view()?;
            if !reports_health {
                fill(&mut view.instances, &parts.client.targets(&entry.name));
            }
            Some(view)
        };
        Ok(self.shared.entries().into_iter().filter_map(view).collect())
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.shared.notices.watch()
    }
}
