//! The layout as actions.

use super::layout::Layout;
use super::timing::{MAX_UNSEEN_STARTS, START_SEEN_WITHIN};
use super::{Planner, is_up};
use crate::lifecycle::{Action, Instance, InstanceNote, InstanceState, Plan, StartInstance};
use crate::performer::{InstanceName, PerformerSpec, Revision, UpgradeStrategy};
use crate::ports::Severity;
use crate::time::Timestamp;

/// What goes, as far as people want to know.
#[derive(Default)]
pub(super) struct Leaving {
    /// Instances that finish their tasks, and until when each may.
    pub(super) draining: Vec<(InstanceName, Timestamp)>,
    /// The tasks that they have; `None` where that cannot be known.
    pub(super) tasks: Option<u32>,
    /// Instances that were told to stop and are still there.
    pub(super) stopping: u32,
}

impl Planner<'_> {
    /// Drains and stops everything, then asks to be forgotten.
    pub(super) fn tear_down(mut self) -> Plan {
        let layout = Layout { may_interrupt: true, ..Layout::default() };
        let unseen: Vec<Timestamp> = self.history.instances.values().filter(|n| !n.seen).map(|n| n.since).collect();
        if self.mine.is_empty() && unseen.is_empty() {
            let status = self.status(&layout, &Leaving::default());
            let Self { history, events, .. } = self;
            return Plan { actions: vec![Action::Forget], history, status, events, ..Plan::default() };
        }
        for since in unseen {
            self.wake(since + START_SEEN_WITHIN);
        }
        self.carry_out(&layout)
    }

    /// First what keeps tasks going, then what takes instances away: a stuck predecessor blocks nobody.
    pub(super) fn carry_out(mut self, layout: &Layout) -> Plan {
        let (removals, leaving) = self.remove(layout);
        let mut actions: Vec<Action> = self.reroute(layout).into_iter().collect();
        for (revision, spec) in &layout.run {
            for name in self.start(revision, layout) {
                actions.push(Action::Start(Box::new(StartInstance { name, spec: PerformerSpec::clone(spec) })));
            }
        }
        actions.extend(removals);
        let status = self.status(layout, &leaving);
        let waiting = self.waiting(layout, &leaving);
        let Self { history, events, wake_at, .. } = self;
        Plan { actions, history, status, waiting, wake_at, events }
    }

    fn reroute(&self, layout: &Layout) -> Option<Action> {
        let revision = layout.route.as_ref()?;
        let kept = |i: &&&Instance| layout.keep.contains(&i.name) && i.name.revision == *revision;
        let missing = self.mine.iter().filter(kept).any(|i| i.is_ready() && !i.routed);
        let astray = |i: &&Instance| i.routed && i.name.revision != *revision && is_up(i) && !self.draining(i);
        if !missing && !self.mine.iter().any(astray) {
            return None;
        }
        let instances = self.mine.iter().filter(kept).filter(|i| i.is_ready() || i.routed);
        Some(Action::Route { revision: revision.clone(), instances: instances.map(|i| i.name.clone()).collect() })
    }

    /// Names of the instances of a revision that are to be started now.
    fn start(&mut self, revision: &Revision, layout: &Layout) -> Vec<InstanceName> {
        let unseen = self.unseen(revision);
        let seen_by = self.history.instances.iter().filter(|(name, note)| name.revision == *revision && !note.seen);
        if let Some(since) = seen_by.map(|(_, note)| note.since).min() {
            self.wake(since + START_SEEN_WITHIN);
        }
        let kept = layout.keep.iter().filter(|name| name.revision == *revision).count();
        let mut missing = self.wanted().saturating_sub(kept + unseen).min(MAX_UNSEEN_STARTS.saturating_sub(unseen));
        if self.intent.spec.upgrade.strategy == UpgradeStrategy::Recreate {
            missing = missing.min(self.room(revision));
        }
        let until = self.history.failures.get(revision).map_or(self.now, |failures| failures.until);
        if missing == 0 || until > self.now {
            if missing > 0 {
                self.wake(until);
            }
            return Vec::new();
        }
        if let Some(trial) = self.history.trial.as_mut().filter(|trial| trial.revision == *revision) {
            if trial.started.is_none() {
                trial.started = Some(self.now);
            }
            let deadline = self.now + self.intent.spec.upgrade.ready_deadline;
            if !trial.was_ready && trial.started == Some(self.now) {
                self.wake(deadline);
            }
        }
        self.wake(self.now + START_SEEN_WITHIN);
        (0..missing).map(|_| self.name(revision)).collect()
    }

    /// With `Recreate`, how many instances may be started without running beside one that is still there.
    fn room(&self, revision: &Revision) -> usize {
        let there = |i: &&&Instance| !matches!(i.state, InstanceState::Exited { .. });
        let others = self.mine.iter().filter(there).any(|i| i.name.revision != *revision);
        let unseen = self.history.instances.iter().filter(|(_, note)| !note.seen);
        if others || unseen.clone().any(|(name, _)| name.revision != *revision) {
            return 0;
        }
        self.wanted().saturating_sub(self.mine.iter().filter(there).count() + unseen.count())
    }

    /// The next name. The counter goes on even if the start is never carried out; what others took is skipped.
    fn name(&mut self, revision: &Revision) -> InstanceName {
        let ours = self.mine.iter().filter_map(|instance| instance.name.suffix.checked_add(1)).max();
        let mut suffix = self.history.next_suffix.max(ours.unwrap_or(0));
        loop {
            let name = InstanceName { performer: self.intent.name.clone(), revision: revision.clone(), suffix };
            suffix = suffix.wrapping_add(1);
            if self.taken.contains(&name) {
                continue;
            }
            self.history.next_suffix = suffix;
            let note = InstanceNote {
                since: self.now,
                seen: false,
                ready_since: None,
                unhealthy_since: None,
                drain_until: None,
                ended: false,
            };
            self.history.instances.insert(name.clone(), note);
            self.tell(Severity::Normal, "InstanceStarting", format!("{name} is started"));
            return name;
        }
    }

    /// Drains and stops what is not kept.
    fn remove(&mut self, layout: &Layout) -> (Vec<Action>, Leaving) {
        let serves = |i: &Instance| i.is_ready() && Some(&i.name.revision) == layout.route.as_ref();
        let replaced = self.mine.iter().any(|i| serves(i) && layout.keep.contains(&i.name));
        let withdrawn = self.history.trial.as_ref().filter(|t| t.withdrawn.is_some()).map(|t| t.revision.clone());
        let grace = self.intent.spec.upgrade.stop_grace;
        let (mut drains, mut stops) = (Vec::new(), Vec::new());
        let mut leaving = Leaving { tasks: Some(0), ..Leaving::default() };
        for instance in self.mine.clone() {
            if layout.keep.contains(&instance.name) {
                continue;
            }
            if instance.state == InstanceState::Stopping {
                leaving.stopping += 1;
                continue;
            }
            let dispensable = replaced || layout.may_interrupt || withdrawn.as_ref() == Some(&instance.name.revision);
            if instance.is_ready() && !dispensable {
                continue;
            }
            match self.drain(instance) {
                Some((until, action)) => {
                    leaving.draining.push((instance.name.clone(), until));
                    leaving.tasks = leaving.tasks.zip(instance.in_flight).map(|(sum, more)| sum.saturating_add(more));
                    drains.extend(action);
                    self.wake(until);
                }
                None => {
                    if let Some(note) = self.history.instances.get_mut(&instance.name) {
                        note.ended = true;
                    }
                    leaving.stopping += 1;
                    stops.push(Action::Stop { instance: instance.name.clone(), grace });
                }
            }
        }
        drains.extend(stops);
        (drains, leaving)
    }

    /// Until when an instance that goes may finish its tasks, and the action if it still gets new ones; `None` when it
    /// is to be stopped now.
    fn drain(&mut self, instance: &Instance) -> Option<(Timestamp, Option<Action>)> {
        let deadline = self.now + self.intent.spec.upgrade.drain_deadline;
        let note = self.history.instances.get_mut(&instance.name)?;
        let begun = note.drain_until.is_some();
        let busy = instance.routed || instance.in_flight.map_or(begun, |tasks| tasks > 0);
        if !is_up(instance) || note.ended || !busy {
            return None;
        }
        let until = *note.drain_until.get_or_insert(deadline);
        if self.now >= until {
            return None;
        }
        if !begun {
            self.tell(
                Severity::Normal,
                "Draining",
                format!("{} gets no new tasks, stopped at {until} at the latest", instance.name),
            );
        }
        let tell = !begun || instance.routed;
        Some((until, tell.then(|| Action::Drain { instance: instance.name.clone(), deadline: until })))
    }
}
