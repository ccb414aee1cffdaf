use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

/// Whether the process can do its work, as the sum of named conditions. Clones share them.
///
/// Each condition is held by the one part that knows the truth about it. It begins as not ready, and is not ready any
/// more when its holder is gone: a part that died cannot leave a good word behind.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    conditions: Mutex<BTreeMap<&'static str, State>>,
    started: AtomicBool,
    broken: Mutex<Option<String>>,
    /// What `conditions` come to; set under their lock, so that it never says something older.
    ready: watch::Sender<bool>,
}

#[derive(Debug, Clone)]
struct State {
    ready: bool,
    gating: bool,
    reason: String,
}

/// One condition as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionState {
    /// Its name.
    pub name: &'static str,
    /// Whether it holds.
    pub ready: bool,
    /// Whether readiness waits for it.
    pub gating: bool,
    /// Why it is as it is, for people.
    pub reason: String,
}

impl Readiness {
    /// No conditions, not started.
    pub fn new() -> Self {
        Self::default()
    }

    /// A condition without which the process is not ready. One name has one holder.
    pub fn condition(&self, name: &'static str) -> Condition {
        self.register(name, true)
    }

    /// A condition that is shown, and that readiness does not wait for.
    pub fn informational(&self, name: &'static str) -> Condition {
        self.register(name, false)
    }

    fn register(&self, name: &'static str, gating: bool) -> Condition {
        let condition = Condition { readiness: self.clone(), name, gating };
        condition.set(false, "starting".into());
        condition
    }

    /// Says that the start is over: what was to be opened is open, whether or not performers are ready yet.
    pub fn started(&self) {
        self.shared.started.store(true, Ordering::Release);
    }

    /// Says that the process cannot recover and should be restarted: `/health` fails from now on.
    pub fn broken(&self, reason: impl Into<String>) {
        let reason = reason.into();
        tracing::error!(%reason, "the process is broken");
        self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// Why the process should be restarted, if so.
    pub fn broken_reason(&self) -> Option<String> {
        self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the start is over.
    pub fn is_started(&self) -> bool {
        self.shared.started.load(Ordering::Acquire)
    }

    /// Whether there is a condition to wait for and every one of them holds.
    pub fn is_ready(&self) -> bool {
        *self.shared.ready.borrow()
    }

    /// Follows [`is_ready`](Self::is_ready). A change that is taken back before anybody looked may go unseen.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.shared.ready.subscribe()
    }

    /// Every condition, by name.
    pub fn conditions(&self) -> Vec<ConditionState> {
        let state = |(name, state): (&&'static str, &State)| ConditionState {
            name,
            ready: state.ready,
            gating: state.gating,
            reason: state.reason.clone(),
        };
        self.lock().iter().map(state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, State>> {
        self.shared.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn all_hold(conditions: &BTreeMap<&'static str, State>) -> bool {
    let mut gating = conditions.values().filter(|state| state.gating).peekable();
    gating.peek().is_some() && gating.all(|state| state.ready)
}

/// The right to say whether one condition holds.
#[derive(Debug)]
pub struct Condition {
    readiness: Readiness,
    name: &'static str,
    gating: bool,
}

impl Condition {
    /// It holds; `reason` says in which way.
    pub fn ready(&self, reason: impl Into<String>) {
        self.set(true, reason.into());
    }

    /// It does not hold; `reason` says why, and what would mend it.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(false, reason.into());
    }

    fn set(&self, ready: bool, reason: String) {
        let state = State { ready, gating: self.gating, reason };
        let before = {
            let mut conditions = self.readiness.lock();
            let before = conditions.insert(self.name, state.clone());
            let all = all_hold(&conditions);
            self.readiness.shared.ready.send_if_modified(|ready| std::mem::replace(ready, all) != all);
            before
        };
        // Only changes are worth a line; a check that repeats itself is not.
        if before.is_none_or(|before| before.ready != ready) {
            let (condition, reason) = (self.name, &state.reason);
            tracing::info!(condition, ready, %reason, "a condition of readiness changed");
        }
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.set(false, "whoever observed this has ended".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gating_condition_counts_and_no_other() {
        let readiness = Readiness::new();
        assert!(!readiness.is_ready(), "nothing is known yet");
        let journal = readiness.condition("journal");
        let performers = readiness.condition("performers");
        let _aggregator = readiness.informational("aggregator");
        journal.ready("writable");
        assert!(!readiness.is_ready());
        performers.ready("2 of 2");
        assert!(readiness.is_ready());
        journal.not_ready("the disk is full: free some space");
        assert!(!readiness.is_ready());
        let reasons: Vec<_> = readiness.conditions().into_iter().map(|state| (state.name, state.reason)).collect();
        assert_eq!(
            reasons,
            [
                ("aggregator", "starting".to_owned()),
                ("journal", "the disk is full: free some space".to_owned()),
                ("performers", "2 of 2".to_owned()),
            ]
        );
    }

    #[test]
    fn a_holder_that_is_gone_leaves_no_good_word() {
        let readiness = Readiness::new();
        let journal = readiness.condition("journal");
        journal.ready("writable");
        drop(journal);
        assert!(!readiness.is_ready());
        assert_eq!(readiness.conditions()[0].reason, "whoever observed this has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_told_and_nothing_else() {
        let readiness = Readiness::new();
        let mut watched = readiness.watch();
        let (journal, performers) = (readiness.condition("journal"), readiness.condition("performers"));
        let other = readiness.informational("aggregator");
        journal.ready("writable");
        other.ready("there");
        journal.ready("writable still");
        assert!(!watched.has_changed().unwrap(), "nothing has come of it yet");
        let follower = tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 3 {
                watched.changed().await.unwrap();
                seen.push(*watched.borrow_and_update());
            }
            seen
        });
        for step in 0..3 {
            match step {
                0 => performers.ready("2 of 2"),
                1 => other.not_ready("gone, and nobody waits for it"),
                _ => journal.not_ready("full"),
            }
            assert_eq!(readiness.is_ready(), step < 2);
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        // Also when a holder dies, and also to who comes late.
        journal.ready("writable");
        assert_eq!(follower.await.unwrap(), [true, false, true]);
        drop(performers);
        assert!(!*readiness.watch().borrow());
    }

    #[test]
    fn what_broke_first_is_the_reason() {
        let readiness = Readiness::new();
        assert_eq!(readiness.broken_reason(), None);
        readiness.broken("first");
        readiness.broken("second");
        assert_eq!(readiness.broken_reason().as_deref(), Some("first"));
    }
}
