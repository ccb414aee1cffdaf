use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_lock::Semaphore;

use crate::lifecycle::PerformerRecord;
use crate::performer::{PerformerName, PerformerSpec};
use crate::ports::{
    Clock, Event, EventSink, InstanceRuntime, ManagerError, Notices, PerformerClient, PerformerStore, RuntimeError,
    Severity, Spawner, StoreError,
};
use crate::service::manager::bell::Rings;
use crate::service::manager::entry::{Entry, orphaned};
use crate::service::manager::keeper::Keeper;
use crate::service::manager::options::{ManagerOptions, ShutdownPolicy};
use crate::service::manager::pace::{Backoff, within};
use crate::service::manager::restart::until_done;

/// What a manager works with.
#[derive(Clone)]
pub struct ManagerParts {
    /// Runs instances.
    pub runtime: Arc<dyn InstanceRuntime>,
    /// Routes to them and checks their health.
    pub client: Arc<dyn PerformerClient>,
    /// Keeps what is wanted over restarts. Nobody else may write to it.
    pub store: Arc<dyn PerformerStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Runs the keepers.
    pub spawner: Arc<dyn Spawner>,
    /// Is told what happens.
    pub events: Arc<dyn EventSink>,
}

impl std::fmt::Debug for ManagerParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagerParts").finish_non_exhaustive()
    }
}

/// What all keepers share.
pub(super) struct Shared {
    pub(super) parts: ManagerParts,
    pub(super) options: ManagerOptions,
    pub(super) notices: Notices<PerformerName>,
    entries: Mutex<BTreeMap<PerformerName, Arc<Entry>>>,
    permits: Semaphore,
    leaving: Mutex<Option<ShutdownPolicy>>,
    /// What the configuration asks for, and the count of its changes.
    configured: Mutex<(u64, BTreeMap<PerformerName, PerformerSpec>)>,
}

/// Reason of an event that says that our own code panicked.
pub(super) const DEFECT: &str = "InternalError";

/// What a change makes of a record.
pub(super) enum Change {
    /// Nothing.
    Keep,
    /// This.
    Write(Box<PerformerRecord>),
    /// It is not remembered any longer. Only for a record that is deleted and that no keeper looks after.
    Delete,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(parts: ManagerParts, options: ManagerOptions) -> Arc<Self> {
        Arc::new(Self {
            permits: Semaphore::new(options.concurrent_calls.max(1)),
            parts,
            options,
            notices: Notices::new(),
            entries: Mutex::default(),
            leaving: Mutex::new(None),
            configured: Mutex::default(),
        })
    }

    pub(super) fn entries(&self) -> Vec<Arc<Entry>> {
        lock(&self.entries).values().cloned().collect()
    }

    pub(super) fn entry(&self, name: &PerformerName) -> Option<Arc<Entry>> {
        lock(&self.entries).get(name).cloned()
    }

    /// How the manager is going away, if it is.
    pub(super) fn leaving(&self) -> Option<ShutdownPolicy> {
        *lock(&self.leaving)
    }

    pub(super) fn leave(&self, policy: ShutdownPolicy) {
        *lock(&self.leaving) = Some(policy);
        self.ring_all(Rings::ASKED);
    }

    pub(super) fn ring_all(&self, rings: Rings) {
        self.entries().iter().for_each(|entry| entry.bell.ring(rings));
    }

    pub(super) fn configured(&self) -> (u64, BTreeMap<PerformerName, PerformerSpec>) {
        lock(&self.configured).clone()
    }

    pub(super) fn set_configured(&self, performers: BTreeMap<PerformerName, PerformerSpec>) {
        let mut configured = lock(&self.configured);
        *configured = (configured.0 + 1, performers);
    }

    /// Takes up a performer that the store remembers.
    pub(super) fn adopt_record(self: &Arc<Self>, record: PerformerRecord) {
        let entry = Arc::new(Entry::with_record(record));
        lock(&self.entries).insert(entry.name.clone(), Arc::clone(&entry));
        self.keep(&entry);
    }

    /// Takes up instances that belong to no performer, to remove them.
    pub(super) fn adopt_orphan(self: &Arc<Self>, name: &PerformerName) {
        // What the configuration names and the store could not take yet is no orphan.
        if lock(&self.configured).1.contains_key(name) {
            return;
        }
        let entry = {
            let mut entries = lock(&self.entries);
            if entries.contains_key(name) {
                return;
            }
            let Some(record) = orphaned(name.clone()) else { return };
            let entry = Arc::new(Entry::with_record(record));
            entries.insert(name.clone(), Arc::clone(&entry));
            entry
        };
        let message = "instances of ours belong to no performer that is known: they are drained and removed";
        self.event(name, Severity::Warning, "OrphansFound", message.to_owned());
        self.keep(&entry);
    }

    /// Makes sure that somebody looks after it.
    fn keep(self: &Arc<Self>, entry: &Arc<Entry>) {
        if entry.take_care() {
            let (shared, entry) = (Arc::clone(self), Arc::clone(entry));
            let keeper = async move {
                let keep = || Keeper::new(Arc::clone(&shared), Arc::clone(&entry)).keep();
                until_done(&shared, keep, |panic| shared.event(&entry.name, Severity::Warning, DEFECT, panic)).await;
            };
            self.parts.spawner.spawn("performer keeper", Box::pin(keeper));
        }
    }

    /// Changes what is wanted of a performer, durably. `change` sees the latest record, or `None`.
    pub(super) async fn change(
        self: &Arc<Self>,
        name: &PerformerName,
        change: impl Fn(Option<&PerformerRecord>) -> Change,
    ) -> Result<(), ManagerError> {
        loop {
            if self.leaving().is_some() {
                return Err(ManagerError::Unavailable("the executor is shutting down".to_owned()));
            }
            let Some(entry) = self.entry(name).or_else(|| self.new_entry(name, &change)) else { return Ok(()) };
            let _writer = entry.writer.lock().await;
            if entry.is_gone() {
                continue;
            }
            let before = entry.record();
            let result = self.change_entry(&entry, before.as_ref(), change(before.as_ref())).await;
            if before.is_none() && entry.record().is_none() && !entry.is_gone() {
                self.undo(&entry, &result);
            }
            return result;
        }
    }

    /// A place for a performer that `change` would make; `None` where it would not.
    fn new_entry(
        &self,
        name: &PerformerName,
        change: &impl Fn(Option<&PerformerRecord>) -> Change,
    ) -> Option<Arc<Entry>> {
        if !matches!(change(None), Change::Write(_)) {
            return None;
        }
        let mut entries = lock(&self.entries);
        Some(Arc::clone(entries.entry(name.clone()).or_insert_with(|| Arc::new(Entry::new(name.clone())))))
    }

    async fn change_entry(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        before: Option<&PerformerRecord>,
        change: Change,
    ) -> Result<(), ManagerError> {
        match change {
            // A first write that failed may have been made all the same: what is not wanted must not come back.
            Change::Keep if before.is_none() && entry.is_uncertain() => {
                self.delete(&entry.name).await?;
                self.forget(entry);
                Ok(())
            }
            Change::Keep => Ok(()),
            Change::Delete => {
                self.delete(&entry.name).await?;
                self.forget(entry);
                Ok(())
            }
            Change::Write(after) if before == Some(&*after) => Ok(()),
            Change::Write(after) => {
                if !after.intent.deleted {
                    self.take_slot(entry)?;
                }
                let saved = self.save(&after).await;
                entry.reserve(false);
                if saved.is_err() {
                    entry.doubt();
                }
                saved?;
                entry.commit(*after, true);
                self.keep(entry);
                self.notices.tell(&entry.name);
                Ok(())
            }
        }
    }

    /// A performer that never came to be is forgotten; at once where the store was not asked, else when it is known that
    /// the store does not hold it.
    fn undo(self: &Arc<Self>, entry: &Arc<Entry>, result: &Result<(), ManagerError>) {
        if !entry.is_uncertain() {
            return self.forget(entry);
        }
        // One job is enough: only a write that was tried, and not a refusal for another reason, begins it.
        if matches!(result, Err(ManagerError::Store(_))) && entry.take_care() {
            let (shared, entry) = (Arc::clone(self), Arc::clone(entry));
            let job = async move {
                let work = || undo(Arc::clone(&shared), Arc::clone(&entry));
                until_done(&shared, work, |panic| shared.event(&entry.name, Severity::Warning, DEFECT, panic)).await;
            };
            self.parts.spawner.spawn("undo of a failed write", Box::pin(job));
        }
    }

    /// Counts and takes under one lock, so that two at once do not both get the last slot.
    fn take_slot(&self, entry: &Arc<Entry>) -> Result<(), ManagerError> {
        let entries = lock(&self.entries);
        let limit = self.options.max_performers;
        let taken = entries.values().filter(|entry| entry.takes_a_slot()).count();
        if !entry.takes_a_slot() && taken >= limit {
            return Err(ManagerError::TooMany { limit });
        }
        entry.reserve(true);
        Ok(())
    }

    /// Takes an entry out. The caller holds its writer lock.
    pub(super) fn forget(&self, entry: &Arc<Entry>) {
        let mut entries = lock(&self.entries);
        if entries.get(&entry.name).is_some_and(|known| Arc::ptr_eq(known, entry)) {
            entries.remove(&entry.name);
        }
        drop(entries);
        entry.bury();
        self.notices.tell(&entry.name);
    }

    pub(super) async fn save(&self, record: &PerformerRecord) -> Result<(), StoreError> {
        self.stored(self.parts.store.save(record)).await
    }

    pub(super) async fn delete(&self, name: &PerformerName) -> Result<(), StoreError> {
        self.stored(self.parts.store.delete(name)).await
    }

    pub(super) async fn load(&self) -> Result<Vec<PerformerRecord>, StoreError> {
        self.stored(self.parts.store.load()).await
    }

    async fn stored<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let limit = self.options.call_timeout;
        within(&*self.parts.clock, limit, work)
            .await
            .unwrap_or_else(|| Err(StoreError { message: format!("no answer within {limit:?}") }))
    }

    /// A call of the runtime, bounded in number and in time.
    pub(super) async fn runtime_call<T>(
        &self,
        work: impl Future<Output = Result<T, RuntimeError>>,
    ) -> Result<T, RuntimeError> {
        // Outside the time limit: who waits for a turn has not failed. Turns end, since calls have a limit.
        let _turn = self.permits.acquire().await;
        let limit = self.options.call_timeout;
        within(&*self.parts.clock, limit, work).await.unwrap_or_else(|| {
            let message = format!("no answer within {limit:?}");
            Err(RuntimeError::Unavailable { platform: "the runtime", message })
        })
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        self.parts.clock.sleep(duration).await;
    }

    pub(super) fn event(&self, performer: &PerformerName, severity: Severity, reason: &'static str, message: String) {
        let at = self.parts.clock.now();
        self.parts.events.emit(Event { performer: performer.clone(), at, severity, reason, message });
    }
}

/// Deletes what a failed first write may have left in the store, unless the performer has come to be meanwhile.
async fn undo(shared: Arc<Shared>, entry: Arc<Entry>) {
    let mut backoff = Backoff::new(shared.options.first_backoff, shared.options.longest_backoff);
    loop {
        shared.sleep(backoff.failed()).await;
        let _writer = entry.writer.lock().await;
        if entry.record().is_some() {
            entry.leave();
            return shared.keep(&entry);
        }
        if entry.is_gone() || shared.leaving().is_some() {
            return entry.leave();
        }
        if shared.delete(&entry.name).await.is_ok() {
            return shared.forget(&entry);
        }
    }
}
