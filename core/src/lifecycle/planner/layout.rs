//! Which revision serves, which instances stay.

use std::collections::BTreeSet;

use super::Planner;
use crate::lifecycle::{Good, Instance};
use crate::performer::{InstanceName, PerformerSpec, Revision, UpgradeStrategy};
use crate::ports::Severity;

/// How things are to be.
#[derive(Default)]
pub(super) struct Layout {
    /// Revisions that are to have instances, with what they are started from: the wanted one first.
    pub(super) run: Vec<(Revision, PerformerSpec)>,
    /// The revision that tasks go to; `None` where nothing can serve.
    pub(super) route: Option<Revision>,
    /// Instances that stay. Every other one of ours goes.
    pub(super) keep: BTreeSet<InstanceName>,
    /// The revision that keeps serving while another is on trial.
    pub(super) holder: Option<Revision>,
    /// Whether instances may go even where nothing else serves.
    pub(super) may_interrupt: bool,
}

impl Planner<'_> {
    pub(super) fn lay_out(&mut self) -> Layout {
        if self.wanted() == 0 {
            return Layout { may_interrupt: true, holder: self.holder(), ..Layout::default() };
        }
        self.switch_if_due();
        let recreate = self.intent.spec.upgrade.strategy == UpgradeStrategy::Recreate;
        let on_trial = self.on_trial();
        let holder = self.holder();
        let mut layout = Layout { holder: holder.clone(), may_interrupt: recreate, ..Layout::default() };

        if on_trial {
            layout.run.push((self.desired.clone(), self.intent.spec.clone()));
        }
        // With `Recreate` the old revision makes room first; it comes back if the new one is withdrawn.
        if let Some(good) = self.history.good.as_ref().filter(|_| !(on_trial && recreate)) {
            layout.run.push((good.revision.clone(), good.spec.clone()));
        }
        for (revision, _) in layout.run.clone() {
            let mut live = self.live(&revision);
            live.sort_by_key(|i| (!i.is_ready(), self.ended(i), self.draining(i), !i.routed, &i.name));
            layout.keep.extend(live.iter().take(self.wanted()).map(|instance| instance.name.clone()));
        }
        // What nobody knows how to start again is kept whole until something else serves.
        if let Some(holder) = holder.as_ref().filter(|_| self.history.good.is_none() && !(on_trial && recreate)) {
            layout.keep.extend(self.live(holder).iter().map(|instance| instance.name.clone()));
        }

        layout.route = self.route(on_trial, recreate, holder.as_ref());
        if let Some(route) = &layout.route {
            let stands_in = !layout.keep.iter().any(|name| name.revision == *route);
            let ready = self.mine.iter().filter(|i| stands_in && i.name.revision == *route && i.is_ready());
            layout.keep.extend(ready.map(|instance| instance.name.clone()));
        }
        for name in &layout.keep {
            if let Some(note) = self.history.instances.get_mut(name) {
                note.drain_until = None;
                note.ended = false;
            }
        }
        layout
    }

    /// The switch itself: from here on the wanted revision is the good one, whatever becomes of it.
    fn switch_if_due(&mut self) {
        if !self.on_trial() || !self.can_take_over() {
            return;
        }
        let holder = self.holder();
        // What is found routed was promoted before its history was lost.
        let found_routed = self.mine.iter().any(|i| i.name.revision == self.desired && i.routed && i.is_ready());
        let promoted = self.intent.promoted.as_ref() == Some(&self.desired);
        let gated = self.intent.spec.upgrade.strategy == UpgradeStrategy::BlueGreen && holder.is_some();
        if gated && !promoted && !found_routed {
            return;
        }
        let message = match &holder {
            Some(holder) => format!("revision {} takes over from {holder}", self.desired),
            None => format!("revision {} is in service", self.desired),
        };
        self.tell(Severity::Normal, "RevisionInService", message);
        self.history.previous = holder;
        self.history.trial = None;
        self.history.good =
            Some(Good { revision: self.desired.clone(), spec: self.intent.spec.clone(), since: self.now });
    }

    fn route(&self, on_trial: bool, recreate: bool, holder: Option<&Revision>) -> Option<Revision> {
        let serves = |revision: &&Revision| self.ready(revision) > 0;
        let good = self.history.good.as_ref().map(|good| &good.revision);
        if recreate && on_trial {
            return None;
        }
        if let Some(revision) = good.filter(serves).or_else(|| holder.filter(serves)) {
            return Some(revision.clone());
        }
        if recreate {
            return None;
        }
        // Somebody who served before may stand in; the revision on trial or withdrawn may not.
        let barred = self.history.trial.as_ref().map(|trial| &trial.revision);
        let served = |i: &&Instance| i.routed || self.history.previous.as_ref() == Some(&i.name.revision);
        let ready = self.mine.iter().copied().filter(|i| i.is_ready() && Some(&i.name.revision) != barred);
        ready.filter(served).max_by_key(|i| (i.routed, i.name.suffix)).map(|i| i.name.revision.clone())
    }
}
