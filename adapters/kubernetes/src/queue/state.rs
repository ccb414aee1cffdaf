use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::run::{Outcome, QueueOptions};
use crate::pace::{delay, jittered};

/// Where every key stands. Pure: time is an argument.
pub(super) struct State<K> {
    options: QueueOptions,
    /// To be taken, oldest first.
    ready: VecDeque<(K, Instant)>,
    /// To be made ready then; the number tells keys of one instant apart.
    later: BTreeMap<(Instant, u64), K>,
    keys: HashMap<K, Entry>,
    number: u64,
}

#[derive(Default)]
struct Entry {
    place: Place,
    failures: u32,
    /// After a failure: not before, whatever comes.
    not_before: Option<Instant>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    Ready,
    Later(Instant, u64),
    Running {
        again: bool,
    },
}

impl<K: Clone + Eq + Hash> State<K> {
    pub(super) fn new(options: QueueOptions) -> Self {
        Self { options, ready: VecDeque::new(), later: BTreeMap::new(), keys: HashMap::new(), number: 0 }
    }

    /// Wants a key to be run soon. Whether something is ready now that was not.
    pub(super) fn add(&mut self, key: &K, now: Instant) -> bool {
        let entry = self.keys.entry(key.clone()).or_default();
        match entry.place {
            Place::Ready => return false,
            Place::Running { .. } => {
                entry.place = Place::Running { again: true };
                return false;
            }
            Place::Later(at, number) => {
                let not_before = entry.not_before.unwrap_or(now);
                if not_before > now {
                    if not_before < at {
                        self.later.remove(&(at, number));
                        self.postpone(key, not_before);
                    }
                    return false;
                }
                self.later.remove(&(at, number));
            }
            Place::Nowhere => {}
        }
        self.make_ready(key, now);
        true
    }

    /// Makes ready what has waited long enough; says until when nothing else will be.
    pub(super) fn ripen(&mut self, now: Instant) -> (usize, Option<Instant>) {
        let mut ripe = 0;
        while let Some(first) = self.later.first_entry() {
            let at = first.key().0;
            if at > now {
                return (ripe, Some(at));
            }
            let key = first.remove();
            self.make_ready(&key, now);
            ripe += 1;
        }
        (ripe, None)
    }

    /// The next key, which then is running.
    pub(super) fn take(&mut self) -> Option<K> {
        let (key, _) = self.ready.pop_front()?;
        if let Some(entry) = self.keys.get_mut(&key) {
            entry.place = Place::Running { again: false };
        }
        Some(key)
    }

    /// Puts a key back that was run. Whether something is ready now that was not.
    pub(super) fn done(&mut self, key: &K, outcome: Outcome, now: Instant) -> bool {
        let Some(entry) = self.keys.get_mut(key) else { return false };
        let again = matches!(entry.place, Place::Running { again: true });
        entry.place = Place::Nowhere;
        let wake = match outcome {
            Outcome::Done { wake_in } => {
                (entry.failures, entry.not_before) = (0, None);
                wake_in.map(|wake_in| now + wake_in)
            }
            Outcome::Failed => {
                entry.failures = entry.failures.saturating_add(1);
                let wait = jittered(delay(self.options.first_delay, self.options.longest_delay, entry.failures));
                entry.not_before = Some(now + wait.min(self.options.shortest_pause));
                Some(now + wait)
            }
        };
        let wake = if again { Some(entry.not_before.unwrap_or(now)) } else { wake };
        match wake {
            Some(at) if at <= now => {
                self.make_ready(key, now);
                true
            }
            Some(at) => {
                self.postpone(key, at);
                true
            }
            None => {
                self.keys.remove(key);
                false
            }
        }
    }

    fn make_ready(&mut self, key: &K, now: Instant) {
        self.ready.push_back((key.clone(), now));
        self.keys.entry(key.clone()).or_default().place = Place::Ready;
    }

    fn postpone(&mut self, key: &K, at: Instant) {
        self.number += 1;
        self.later.insert((at, self.number), key.clone());
        self.keys.entry(key.clone()).or_default().place = Place::Later(at, self.number);
    }

    /// How many keys wait for a worker.
    pub(super) fn depth(&self) -> usize {
        self.ready.len()
    }

    /// How long the first of them has waited.
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.ready.front().map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(*since))
    }

    /// How many keys a worker has.
    pub(super) fn running(&self) -> usize {
        self.keys.values().filter(|entry| matches!(entry.place, Place::Running { .. })).count()
    }

    /// How many keys failed when they were last run.
    pub(super) fn failing(&self) -> usize {
        self.keys.values().filter(|entry| entry.failures > 0).count()
    }
}
