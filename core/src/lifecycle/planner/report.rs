//! The layout as people see it.

use super::Planner;
use super::act::Leaving;
use super::layout::Layout;
use super::timing::START_SEEN_WITHIN;
use crate::lifecycle::{Health, Instance, InstanceState, PerformerStatus, Phase, StartDelay, UpgradeStatus, Waiting};
use crate::performer::{InstanceName, Revision, UpgradeStrategy};

impl Planner<'_> {
    pub(super) fn status(&self, layout: &Layout, leaving: &Leaving) -> PerformerStatus {
        let routed = layout.route.clone().or_else(|| {
            self.mine.iter().find(|i| i.routed && layout.keep.contains(&i.name)).map(|i| i.name.revision.clone())
        });
        let serving = self.mine.iter().filter(|i| i.is_ready() && layout.keep.contains(&i.name));
        let serving = serving.filter(|i| Some(&i.name.revision) == layout.route.as_ref()).count();
        let wanted = if self.intent.deleted { 0 } else { self.intent.spec.replicas };
        let trial = self.history.trial.as_ref().filter(|_| !self.intent.deleted);
        let withdrawn = trial.and_then(|trial| trial.withdrawn.clone());
        let upgrade = trial.filter(|trial| trial.withdrawn.is_none() && wanted > 0).map(|trial| UpgradeStatus {
            from: layout.holder.clone(),
            to: trial.revision.clone(),
            started: trial.started,
            deadline: self.trial_deadline(),
            ready: count(self.ready(&trial.revision)),
        });
        let phase = match &upgrade {
            _ if self.intent.deleted => Phase::Terminating,
            Some(upgrade) if upgrade.from.is_some() => Phase::Upgrading,
            _ if serving > 0 || wanted == 0 => Phase::Running,
            None if withdrawn.is_some() && self.history.good.is_none() => Phase::Failed,
            _ => Phase::Pending,
        };
        let lacking = layout.run.iter().find(|(revision, _)| self.ready(revision) < self.wanted());
        let failed = lacking.and_then(|(revision, _)| self.history.failures.get(revision));
        let good = self.history.good.as_ref().filter(|good| Some(&good.revision) == routed.as_ref());
        PerformerStatus {
            phase,
            ready_replicas: count(serving),
            wanted_replicas: wanted,
            routed_since: good.map(|good| good.since),
            routed,
            desired: Some(self.desired.clone()),
            upgrade,
            failure: failed
                .map(|failures| failures.last.clone())
                .or_else(|| withdrawn.as_ref().map(|withdrawn| withdrawn.cause.clone())),
            withdrawn,
            draining: leaving.draining.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    fn trial_deadline(&self) -> Option<crate::Timestamp> {
        let trial = self
            .history
            .trial
            .as_ref()
            .filter(|trial| !trial.was_ready && !trial.overdue && trial.withdrawn.is_none())?;
        trial.started.map(|started| started + self.intent.spec.upgrade.ready_deadline)
    }

    /// The most telling reason why nothing more happens.
    pub(super) fn waiting(&self, layout: &Layout, leaving: &Leaving) -> Option<Waiting> {
        let going = || self.going(leaving);
        let makes_room = self.intent.spec.upgrade.strategy == UpgradeStrategy::Recreate
            && layout.run.iter().any(|(revision, _)| self.live(revision).is_empty() && self.unseen(revision) == 0);
        let first = if makes_room { going() } else { None };
        let coming = || layout.run.iter().find_map(|(revision, _)| self.coming(revision, layout));
        first
            .or_else(coming)
            .or_else(going)
            .or_else(|| self.not_seen_yet(|_| self.intent.deleted))
            .or_else(|| self.history.trial.as_ref()?.withdrawn.clone().map(Waiting::Withdrawn))
    }

    /// What keeps a revision from having all its instances ready, or from taking over.
    fn coming(&self, revision: &Revision, layout: &Layout) -> Option<Waiting> {
        let kept: Vec<&Instance> = self
            .mine
            .iter()
            .copied()
            .filter(|i| i.name.revision == *revision && layout.keep.contains(&i.name))
            .collect();
        let ready = kept.iter().filter(|i| i.is_ready()).count();
        let on_trial = self.on_trial() && *revision == self.desired;
        if ready >= self.wanted() {
            let trial = on_trial && layout.route.as_ref() != Some(revision);
            return trial.then(|| Waiting::AwaitingPromotion { revision: revision.clone() });
        }
        let delayed = kept.iter().find_map(|i| match &i.state {
            InstanceState::Starting { waiting_for: Some(StartDelay::Pulling { detail }) } => {
                Some(Waiting::ImagePull { instance: i.name.clone(), detail: detail.clone() })
            }
            InstanceState::Starting { waiting_for: Some(StartDelay::Unschedulable { detail }) } => {
                Some(Waiting::Unschedulable { instance: i.name.clone(), detail: detail.clone() })
            }
            _ => None,
        });
        let unhealthy = kept.iter().find_map(|i| match &i.health {
            Health::NotReady { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        let backing_off = self
            .history
            .failures
            .get(revision)
            .filter(|failures| failures.until > self.now && kept.len() + self.unseen(revision) < self.wanted());
        let backing_off = backing_off.map(|failures| Waiting::BackOff {
            revision: revision.clone(),
            until: failures.until,
            failures: failures.count,
            cause: failures.last.clone(),
        });
        let unseen = || self.not_seen_yet(|name| name.revision == *revision).filter(|_| self.asked_before(revision));
        delayed.or(backing_off).or_else(unseen).or_else(|| {
            Some(Waiting::AwaitingReady {
                revision: revision.clone(),
                ready: count(ready),
                wanted: self.intent.spec.replicas,
                until: self.trial_deadline().filter(|_| on_trial),
                detail: unhealthy,
            })
        })
    }

    /// Whether an earlier plan asked for starts of a revision that nobody has observed.
    fn asked_before(&self, revision: &Revision) -> bool {
        let mut unseen = self.history.instances.iter().filter(|(_, note)| !note.seen);
        unseen.any(|(name, note)| name.revision == *revision && note.since < self.now)
    }

    fn not_seen_yet(&self, of: impl Fn(&InstanceName) -> bool) -> Option<Waiting> {
        let unseen = self.history.instances.iter().filter(|(name, note)| !note.seen && of(name));
        let since = unseen.clone().map(|(_, note)| note.since).max()?;
        Some(Waiting::Starting { instances: count(unseen.count()), until: since + START_SEEN_WITHIN })
    }

    fn going(&self, leaving: &Leaving) -> Option<Waiting> {
        if let Some(until) = leaving.draining.iter().map(|(_, until)| *until).max() {
            let instances = count(leaving.draining.len());
            return Some(Waiting::Draining { instances, tasks: leaving.tasks, until });
        }
        (leaving.stopping > 0).then_some(Waiting::Stopping { instances: leaving.stopping })
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
