//! Instances that fail, each counted once.

use std::collections::BTreeSet;

use super::Planner;
use super::timing::{HUNG_AFTER, STABLE_AFTER, back_off};
use crate::lifecycle::{ExitCause, Failure, Failures, Health, Instance, InstanceNote, InstanceState};
use crate::performer::Revision;
use crate::ports::Severity;
use crate::time::Timestamp;

impl Planner<'_> {
    /// Counts new failures of the wanted and the good revision. Returns a refusal of the wanted one, if there is one.
    pub(super) fn count_failures(&mut self) -> Option<Failure> {
        let good = self.history.good.as_ref().map(|good| good.revision.clone());
        let mut refused = None;
        let mut counted = BTreeSet::new();
        for instance in self.mine.clone() {
            let revision = &instance.name.revision;
            if *revision != self.desired && Some(revision) != good.as_ref() {
                continue;
            }
            // How an instance ends that was to end anyway means nothing.
            let Some(note) = self.note(instance).filter(|note| !note.ended && note.drain_until.is_none()).cloned()
            else {
                continue;
            };
            match self.judge(instance, &note) {
                Verdict::Fine => {}
                Verdict::FailsAt(at) => self.wake(at),
                Verdict::Failed(failure) => {
                    if matches!(instance.state, InstanceState::Exited { cause: ExitCause::Refused { .. }, .. })
                        && *revision == self.desired
                    {
                        refused = Some(failure.clone());
                    }
                    self.tell(Severity::Warning, "InstanceFailed", format!("{} {failure}", instance.name));
                    let platform =
                        matches!(instance.state, InstanceState::Exited { cause: ExitCause::StartFailed { .. }, .. });
                    self.count(revision, &note, failure, platform, counted.insert(revision.clone()));
                    if let Some(note) = self.history.instances.get_mut(&instance.name) {
                        note.ended = true;
                    }
                }
            }
        }
        refused
    }

    /// Whether an instance has failed, or will have unless it is observed otherwise.
    fn judge(&self, instance: &Instance, note: &InstanceNote) -> Verdict {
        let ready_by = note.since + self.intent.spec.upgrade.ready_deadline;
        match &instance.state {
            InstanceState::Exited { cause, output, .. } => {
                Verdict::Failed(Failure::exited(cause, output.as_deref(), self.now))
            }
            // Where a start waits for something, a restart would only wait for it again.
            InstanceState::Starting { waiting_for: None } if self.now >= ready_by => {
                Verdict::Failed(Failure::new("NotReadyInTime", "did not start in time", self.now))
            }
            InstanceState::Starting { waiting_for: None } => Verdict::FailsAt(ready_by),
            InstanceState::Running => {
                let Health::NotReady { since, reason } = &instance.health else { return Verdict::Fine };
                let unhealthy_at = note.unhealthy_since.unwrap_or(*since) + HUNG_AFTER;
                let fails_at = if note.ready_since.is_some() { unhealthy_at } else { unhealthy_at.max(ready_by) };
                if self.now < fails_at {
                    return Verdict::FailsAt(fails_at);
                }
                let reason_code = if note.ready_since.is_some() { "Hung" } else { "NotReadyInTime" };
                Verdict::Failed(Failure::new(reason_code, &format!("runs but is not healthy: {reason}"), self.now))
            }
            InstanceState::Starting { waiting_for: Some(_) } | InstanceState::Stopping => Verdict::Fine,
        }
    }

    /// `first` of its revision in this plan: instances that fail together fail once.
    fn count(&mut self, revision: &Revision, note: &InstanceNote, failure: Failure, platform: bool, first: bool) {
        let stable = note.ready_since.is_some_and(|since| self.now.since(since) >= STABLE_AFTER);
        let before = self.history.failures.get(revision);
        let (count, until) = match before {
            Some(before) if !first => (before.count, before.until),
            Some(before) if !stable && before.until > self.now => (before.count, before.until),
            Some(before) if !stable => {
                let count = before.count.saturating_add(1);
                (count, self.now + back_off(count))
            }
            _ => (1, self.now + back_off(1)),
        };
        self.history.failures.insert(revision.clone(), Failures { count, until, last: failure, platform });
    }
}

enum Verdict {
    Fine,
    FailsAt(Timestamp),
    Failed(Failure),
}
