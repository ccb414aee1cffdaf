//! What is observed, kept as far as the next plan needs it.

use super::Planner;
use super::timing::{START_SEEN_WITHIN, back_off};
use crate::lifecycle::{Health, InstanceNote};

impl Planner<'_> {
    pub(super) fn remember(&mut self) {
        self.clamp();
        let now = self.now;
        for instance in &self.mine {
            let note = self.history.instances.entry(instance.name.clone()).or_insert(InstanceNote {
                since: now,
                seen: true,
                ready_since: None,
                unhealthy_since: None,
                drain_until: None,
                ended: false,
            });
            note.seen = true;
            if instance.is_ready() && note.ready_since.is_none() {
                note.ready_since = Some(now);
            }
            // An instant that lies ahead says that the clock went back; waiting for it could take for ever.
            note.unhealthy_since = match &instance.health {
                Health::NotReady { since, .. } if *since > now => note.unhealthy_since.or(Some(now)),
                _ => None,
            };
        }
        let mine = &self.mine;
        self.history.instances.retain(|name, note| {
            mine.binary_search_by(|instance| instance.name.cmp(name)).is_ok()
                || (!note.seen && now < note.since + START_SEEN_WITHIN)
        });
        let good = self.history.good.as_ref().map(|good| &good.revision);
        self.history.failures.retain(|revision, _| *revision == self.desired || Some(revision) == good);
    }

    /// Brings every recorded instant to where a clock that never went back could have put it, so that no wait is
    /// longer than it was meant to be.
    fn clamp(&mut self) {
        let now = self.now;
        let drain_at_most = now + self.intent.spec.upgrade.drain_deadline;
        if let Some(good) = &mut self.history.good {
            good.since = good.since.min(now);
        }
        if let Some(trial) = &mut self.history.trial {
            trial.started = trial.started.map(|started| started.min(now));
        }
        for failures in self.history.failures.values_mut() {
            failures.until = failures.until.min(now + back_off(failures.count));
        }
        for note in self.history.instances.values_mut() {
            note.since = note.since.min(now);
            note.ready_since = note.ready_since.map(|since| since.min(now));
            note.unhealthy_since = note.unhealthy_since.map(|since| since.min(now));
            note.drain_until = note.drain_until.map(|until| until.min(drain_at_most));
        }
    }
}
