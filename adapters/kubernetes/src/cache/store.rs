use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use super::key::Key;
use super::observer::StoreObserver;
use crate::watch::{Record, newer};

/// How many deleted objects are remembered. More than can be deleted while news of them are under way.
const REMEMBERED_GONE: usize = 20_000;

/// Told which record changed, as it was and as it is. Called under no lock.
pub type Listener<R> = Box<dyn Fn(Option<&R>, Option<&R>) + Send + Sync>;

/// Records of one kind.
pub struct Store<R> {
    inner: RwLock<Inner<R>>,
    /// Under which other keys a record is to be found.
    index: fn(&R) -> Vec<Key>,
    listener: Listener<R>,
    synced: watch::Sender<bool>,
}

struct Inner<R> {
    records: HashMap<Key, Kept<R>>,
    indexed: BTreeMap<Key, BTreeSet<Key>>,
    gone: HashMap<Box<str>, ()>,
    gone_in_order: VecDeque<Box<str>>,
    /// Counts lists.
    round: u32,
    /// Whether the list that is under way overrules what is known to be newer, unless that came since it began.
    reset: bool,
}

struct Kept<R> {
    record: Arc<R>,
    /// The list in which it was seen, or during which it changed.
    round: u32,
}

impl<R: Record> Store<R> {
    /// An empty store that tells `listener` of changes.
    pub fn new(index: fn(&R) -> Vec<Key>, listener: Listener<R>) -> Arc<Self> {
        let inner = Inner {
            records: HashMap::new(),
            indexed: BTreeMap::new(),
            gone: HashMap::new(),
            gone_in_order: VecDeque::new(),
            round: 0,
            reset: false,
        };
        Arc::new(Self { inner: RwLock::new(inner), index, listener, synced: watch::Sender::new(false) })
    }

    /// What feeds it from a watch.
    pub fn observer(self: &Arc<Self>) -> StoreObserver<R> {
        StoreObserver::new(self.clone())
    }

    /// Whether there was a complete list. Stays true.
    pub fn is_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits for the first complete list.
    pub async fn synced(&self) {
        // The sender lives as long as this does.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// The record of a key.
    pub fn get(&self, key: &Key) -> Option<Arc<R>> {
        self.read().records.get(key).map(|kept| kept.record.clone())
    }

    /// The records under another key, by their own.
    pub fn indexed(&self, key: &Key) -> Vec<Arc<R>> {
        let inner = self.read();
        let keys = inner.indexed.get(key).into_iter().flatten();
        keys.filter_map(|key| inner.records.get(key)).map(|kept| kept.record.clone()).collect()
    }

    /// Every key, in no order.
    pub fn keys(&self) -> Vec<Key> {
        self.read().records.keys().cloned().collect()
    }

    /// Looks at every record, in no order. What is told must not come back here.
    pub fn each(&self, mut look: impl FnMut(&R)) {
        for kept in self.read().records.values() {
            look(&kept.record);
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.read().records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a record that is newer than what is known of the object. `false` where it is not.
    pub fn put(&self, record: R) -> bool {
        let (before, after) = {
            let mut inner = self.write();
            if inner.gone.contains_key(record.uid()) {
                return false;
            }
            let key = Key::new(record.namespace(), record.name());
            let (round, reset) = (inner.round, inner.reset);
            if let Some(kept) = inner.records.get_mut(&key) {
                let overruled = reset && kept.round != round;
                let known = &kept.record;
                let version = record.resource_version();
                // Of another object under the same name the newer one is the one that is there.
                if !overruled && !newer(version, known.resource_version()) {
                    kept.round = round;
                    return false;
                }
            }
            let after = Arc::new(record);
            let before = inner.records.insert(key.clone(), Kept { record: after.clone(), round });
            let before = before.map(|kept| kept.record);
            self.reindex(&mut inner, &key, before.as_deref(), Some(&after));
            (before, after)
        };
        (self.listener)(before.as_deref(), Some(&after));
        true
    }

    /// Takes that an object is gone for good.
    pub fn remove(&self, key: &Key, uid: &str) {
        let before = {
            let mut inner = self.write();
            inner.bury(uid);
            let is_it = inner.records.get(key).is_some_and(|kept| uid.is_empty() || kept.record.uid() == uid);
            if !is_it {
                return;
            }
            let before = inner.records.remove(key).map(|kept| kept.record);
            self.reindex(&mut inner, key, before.as_deref(), None);
            before
        };
        (self.listener)(before.as_deref(), None);
    }

    pub(super) fn begin_list(&self, reset: bool) {
        let mut inner = self.write();
        inner.round = inner.round.wrapping_add(1);
        inner.reset = reset;
        if reset {
            inner.gone.clear();
            inner.gone_in_order.clear();
        }
    }

    /// Something that cannot be read is there all the same: what was known of it stands.
    pub(super) fn mark(&self, key: &Key) {
        let mut inner = self.write();
        let round = inner.round;
        if let Some(kept) = inner.records.get_mut(key) {
            kept.round = round;
        }
    }

    /// Takes out what the list did not show. What is newer than the list may have come after it, and stays.
    pub(super) fn end_list(&self, version: &str) {
        let swept: Vec<Arc<R>> = {
            let mut inner = self.write();
            let (round, reset) = (inner.round, inner.reset);
            let unseen = |kept: &Kept<R>| {
                kept.round != round && (reset || !newer(kept.record.resource_version(), version) || version.is_empty())
            };
            let keys: Vec<Key> =
                inner.records.iter().filter(|(_, kept)| unseen(kept)).map(|(key, _)| key.clone()).collect();
            let swept = keys.iter().filter_map(|key| inner.records.remove(key).map(|kept| (key, kept.record)));
            let swept: Vec<(&Key, Arc<R>)> = swept.collect();
            for (key, record) in &swept {
                self.reindex(&mut inner, key, Some(record), None);
                inner.bury(record.uid());
            }
            inner.reset = false;
            swept.into_iter().map(|(_, record)| record).collect()
        };
        for record in swept {
            (self.listener)(Some(&record), None);
        }
        self.synced.send_replace(true);
    }

    fn reindex(&self, inner: &mut Inner<R>, key: &Key, before: Option<&R>, after: Option<&R>) {
        let (before, after) = (before.map(self.index), after.map(self.index));
        if before == after {
            return;
        }
        for under in before.into_iter().flatten() {
            if let Some(keys) = inner.indexed.get_mut(&under) {
                keys.remove(key);
                if keys.is_empty() {
                    inner.indexed.remove(&under);
                }
            }
        }
        for under in after.into_iter().flatten() {
            inner.indexed.entry(under).or_default().insert(key.clone());
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner<R>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner<R>> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Inner<R> {
    fn bury(&mut self, uid: &str) {
        if uid.is_empty() || self.gone.insert(uid.into(), ()).is_some() {
            return;
        }
        self.gone_in_order.push_back(uid.into());
        if self.gone_in_order.len() > REMEMBERED_GONE
            && let Some(oldest) = self.gone_in_order.pop_front()
        {
            self.gone.remove(&oldest);
        }
    }
}
