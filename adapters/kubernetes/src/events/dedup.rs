use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Events that are remembered. What is older is told anew.
const REMEMBERED: usize = 4096;

/// A repetition after so long is something new.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// What makes two Events the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sort {
    pub(super) uid: String,
    pub(super) reason: String,
    pub(super) message: String,
}

/// What is to be done about an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Write a new one.
    New,
    /// Write this count into the one of this name.
    Again { name: String, count: u32 },
    /// Nothing now: it is counted.
    Counted,
}

/// Which Events were told already.
#[derive(Default)]
pub(super) struct Dedup {
    known: HashMap<Sort, Known>,
    order: VecDeque<Sort>,
}

struct Known {
    name: Option<String>,
    count: u32,
    last: Instant,
}

impl Dedup {
    /// Counts an Event. Repetitions are written at 2, 4, 8, 16 …
    pub(super) fn tell(&mut self, sort: &Sort, now: Instant) -> Told {
        let known = self.known.get_mut(sort).filter(|known| now.duration_since(known.last) < FORGOTTEN_AFTER);
        let Some(known) = known else {
            if self.known.insert(sort.clone(), Known { name: None, count: 1, last: now }).is_none() {
                self.order.push_back(sort.clone());
            }
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
            return Told::New;
        };
        known.count = known.count.saturating_add(1);
        known.last = now;
        match &known.name {
            Some(name) if known.count.is_power_of_two() => Told::Again { name: name.clone(), count: known.count },
            _ => Told::Counted,
        }
    }

    /// Takes the name under which a new Event was written.
    pub(super) fn written(&mut self, sort: &Sort, name: String) {
        if let Some(known) = self.known.get_mut(sort) {
            known.name = Some(name);
        }
    }

    /// Takes that an Event is not there: the next one is new.
    pub(super) fn forget(&mut self, sort: &Sort) {
        if self.known.remove(sort).is_some() {
            self.order.retain(|known| known != sort);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_told_less_and_less() {
        let (mut dedup, now) = (Dedup::default(), Instant::now());
        let sort = Sort { uid: "u".into(), reason: "R".into(), message: "m".into() };
        assert_eq!(dedup.tell(&sort, now), Told::New);
        dedup.written(&sort, "e".into());
        let counts: Vec<u32> = (0..100)
            .filter_map(|_| match dedup.tell(&sort, now) {
                Told::Again { count, .. } => Some(count),
                _ => None,
            })
            .collect();
        assert_eq!(counts, [2, 4, 8, 16, 32, 64]);
        assert_eq!(dedup.tell(&Sort { message: "other".into(), ..sort.clone() }, now), Told::New);
        assert_eq!(dedup.tell(&sort, now + FORGOTTEN_AFTER), Told::New);
        for n in 0..(REMEMBERED * 2) {
            dedup.tell(&Sort { message: n.to_string(), ..sort.clone() }, now);
        }
        assert!(dedup.known.len() <= REMEMBERED && dedup.order.len() <= REMEMBERED);
    }
}
