//! A performer store in memory, and what every performer store promises.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::address::Address;
use crate::lifecycle::{History, Intent, PerformerRecord};
use crate::performer::{PerformerName, PerformerSpec};
use crate::ports::{PerformerStore, StoreError};

/// A [`PerformerStore`] in memory.
///
/// Clones share one memory, so that a clone is "the same store, opened again".
#[derive(Debug, Clone, Default)]
pub struct MemoryPerformerStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<PerformerName, PerformerRecord>,
    outage: Option<StoreError>,
    fail_writes: u32,
    writes: u64,
}

impl MemoryPerformerStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every call fails with this message until [`Self::mend`].
    pub fn break_with(&self, message: &str) {
        self.state().outage = Some(StoreError { message: message.into() });
    }

    /// The next `count` writes fail and change nothing.
    pub fn fail_writes(&self, count: u32) {
        self.state().fail_writes = count;
    }

    /// Ends every failure.
    pub fn mend(&self) {
        let mut state = self.state();
        state.outage = None;
        state.fail_writes = 0;
    }

    /// How many writes have succeeded: what is already as wanted need not be written again.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// What is kept, ordered by name, also during an outage.
    pub fn records(&self) -> Vec<PerformerRecord> {
        self.state().records.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        match &state.outage {
            Some(error) => Err(error.clone()),
            None => Ok(state),
        }
    }

    fn writable(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.available()?;
        if state.fail_writes > 0 {
            state.fail_writes -= 1;
            return Err(StoreError { message: "a write failed on purpose".into() });
        }
        state.writes += 1;
        Ok(state)
    }
}

#[async_trait]
impl PerformerStore for MemoryPerformerStore {
    async fn load(&self) -> Result<Vec<PerformerRecord>, StoreError> {
        Ok(self.available()?.records.values().cloned().collect())
    }

    async fn save(&self, record: &PerformerRecord) -> Result<(), StoreError> {
        self.writable()?.records.insert(record.intent.name.clone(), record.clone());
        Ok(())
    }

    async fn delete(&self, name: &PerformerName) -> Result<(), StoreError> {
        self.writable()?.records.remove(name);
        Ok(())
    }
}

/// The record of a performer with every default, of an AVS made of `seed`.
pub fn sample_performer(name: &str, seed: u8) -> PerformerRecord {
    let name = name.parse().expect("a valid name");
    let spec = PerformerSpec::new(Address::new([seed; 20]), "example/performer:1".parse().expect("a valid image"));
    PerformerRecord {
        intent: Intent { name, spec: spec.clone(), deleted: false, promoted: None, retry: 0 },
        history: History::default(),
        configured: Some(spec),
    }
}

/// What every performer store promises: what was written is there, whole, also after it was opened again.
///
/// `store` is empty. `reopen` closes it, as far as it can be closed, and opens the same store again.
pub async fn conformance_performer_store<R, F>(store: Arc<dyn PerformerStore>, reopen: R)
where
    R: FnOnce(Arc<dyn PerformerStore>) -> F,
    F: Future<Output = Arc<dyn PerformerStore>>,
{
    assert_eq!(load(&*store).await, vec![], "a fresh store is empty");
    let (a, b, c) = (sample_performer("a", 1), sample_performer("b", 2), sample_performer("c", 3));
    for record in [&a, &b, &c] {
        store.save(record).await.expect("a performer is saved");
    }
    assert_eq!(load(&*store).await, vec![a.clone(), b.clone(), c.clone()], "everything that was saved is loaded");

    let changed = PerformerRecord {
        intent: Intent { deleted: true, retry: u32::MAX, promoted: "0123456789".parse().ok(), ..b.intent.clone() },
        configured: None,
        ..b
    };
    store.save(&changed).await.expect("a performer is replaced");
    store.delete(&a.intent.name).await.expect("a performer is deleted");
    store.delete(&a.intent.name).await.expect("deleting what is not there is no error");
    assert_eq!(load(&*store).await, vec![changed.clone(), c.clone()], "a save replaces, a delete removes");

    let store = reopen(store).await;
    assert_eq!(load(&*store).await, vec![changed.clone(), c], "writes outlive a reopening, deletions too");
    store.save(&a).await.expect("a name can be used again");
    assert_eq!(load(&*store).await.len(), 3, "and is there");
}

/// Everything in the store, ordered by name.
async fn load(store: &dyn PerformerStore) -> Vec<PerformerRecord> {
    let mut records = store.load().await.expect("the store can be read");
    records.sort_by(|a, b| a.intent.name.cmp(&b.intent.name));
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::FutureExt;

    #[test]
    fn memory_conforms() {
        let store = MemoryPerformerStore::new();
        let again = store.clone();
        conformance_performer_store(Arc::new(store), async move |_| Arc::new(again) as Arc<dyn PerformerStore>)
            .now_or_never()
            .expect("a memory never waits");
    }

    #[test]
    fn scripted_failures_change_nothing() {
        let store = MemoryPerformerStore::new();
        let record = sample_performer("a", 1);
        async {
            store.fail_writes(1);
            store.save(&record).await.unwrap_err();
            assert_eq!((store.records().len(), store.writes()), (0, 0));
            store.save(&record).await.unwrap();
            store.break_with("gone");
            assert_eq!(store.load().await.unwrap_err().message, "gone");
            store.mend();
            assert_eq!(store.load().await.unwrap(), vec![record.clone()]);
        }
        .now_or_never()
        .expect("a memory never waits");
    }
}
