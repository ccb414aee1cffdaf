use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::stream;
use hourglass_core::performer::PerformerName;
use hourglass_core::ports::Changes;
use tokio::sync::Notify;

/// Tells any number of watchers which performers have changed. Notices merge, so a slow watcher costs nothing.
#[derive(Default)]
pub(crate) struct Notices(Mutex<Vec<Weak<Watcher>>>);

#[derive(Default)]
struct Watcher {
    changed: Mutex<BTreeSet<PerformerName>>,
    wake: Notify,
}

impl Notices {
    pub(crate) fn tell(&self, performer: &PerformerName) {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| {
            let Some(watcher) = watcher.upgrade() else { return false };
            let mut changed = watcher.changed.lock().unwrap_or_else(PoisonError::into_inner);
            if !changed.contains(performer) {
                changed.insert(performer.clone());
                watcher.wake.notify_one();
            }
            true
        });
    }

    pub(crate) fn watch(&self) -> Changes<PerformerName> {
        let watcher = Arc::new(Watcher::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&watcher));
        Box::pin(stream::unfold(watcher, |watcher| async move {
            loop {
                let next = watcher.changed.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
                if let Some(performer) = next {
                    return Some((performer, watcher));
                }
                watcher.wake.notified().await;
            }
        }))
    }
}
