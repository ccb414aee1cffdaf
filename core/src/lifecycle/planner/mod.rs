//! The planner: one pure function, in five steps.
//!
//! ```text
//! remember   what is observed: first seen, first ready; clamp instants that a clock put into the future
//! failures   instances that ended, hang, or never became ready: counted once, with back-off
//! trial      the wanted revision on its way into service: its deadline, its withdrawal
//! layout     which revision serves, which instances stay, which go
//! act        the layout as actions, and report it as status, waiting and wake-up
//! ```

mod act;
mod failures;
mod layout;
mod remember;
mod report;
pub mod timing;
mod trial;

use std::collections::BTreeSet;

use crate::lifecycle::{History, Instance, InstanceNote, InstanceState, Intent, Owner, Plan};
use crate::performer::{InstanceName, Revision};
use crate::ports::{Event, Severity};
use crate::time::Timestamp;

/// Decides what to do about a performer now.
///
/// Total and deterministic: the same arguments give the same plan, and no arguments make it panic. What is observed of
/// other performers, and of instances that are not ours, is left alone.
///
/// Expected of the caller, in this order: observe; plan; save [`Plan::history`] if it changed; emit the events; carry
/// out the actions until one fails; then wait for an observation or [`Plan::wake_at`], and begin again. It may be
/// killed between any two of these.
pub fn plan(intent: &Intent, history: &History, observed: &[Instance], now: Timestamp) -> Plan {
    let mut planner = Planner::new(intent, history, observed, now);
    planner.remember();
    if intent.deleted {
        return planner.tear_down();
    }
    planner.begin_trial();
    let refused = planner.count_failures();
    planner.judge_trial(refused);
    let layout = planner.lay_out();
    planner.carry_out(&layout)
}

/// The arguments, and what has been decided so far.
struct Planner<'a> {
    intent: &'a Intent,
    now: Timestamp,
    /// Instances of ours, by name, each once.
    mine: Vec<&'a Instance>,
    /// Every name that somebody bears, foreign ones included.
    taken: BTreeSet<&'a InstanceName>,
    /// The revision that the intent asks for.
    desired: Revision,
    history: History,
    events: Vec<Event>,
    wake_at: Option<Timestamp>,
}

impl<'a> Planner<'a> {
    fn new(intent: &'a Intent, history: &History, observed: &'a [Instance], now: Timestamp) -> Self {
        let named = observed.iter().filter(|instance| instance.name.performer == intent.name);
        let foreign: BTreeSet<&InstanceName> =
            named.clone().filter(|instance| instance.owner == Owner::Foreign).map(|instance| &instance.name).collect();
        let mut mine: Vec<&Instance> = named.clone().filter(|instance| !foreign.contains(&instance.name)).collect();
        mine.sort_by(|a, b| a.name.cmp(&b.name));
        mine.dedup_by(|a, b| a.name == b.name);
        Self {
            intent,
            now,
            mine,
            taken: named.map(|instance| &instance.name).collect(),
            desired: intent.spec.revision(),
            history: history.clone(),
            events: Vec::new(),
            wake_at: None,
        }
    }

    fn note(&self, instance: &Instance) -> Option<&InstanceNote> {
        self.history.instances.get(&instance.name)
    }

    fn ended(&self, instance: &Instance) -> bool {
        self.note(instance).is_some_and(|note| note.ended)
    }

    fn draining(&self, instance: &Instance) -> bool {
        self.note(instance).is_some_and(|note| note.drain_until.is_some())
    }

    /// Instances of a revision that serve or may come to.
    ///
    /// One that has failed or was told to stop does not count, unless it is ready: then whoever was to stop it has not.
    fn live(&self, revision: &Revision) -> Vec<&'a Instance> {
        let of_revision = self.mine.iter().copied().filter(|instance| instance.name.revision == *revision);
        of_revision.filter(|i| i.is_ready() || (is_up(i) && !self.ended(i))).collect()
    }

    /// How many instances of a revision are ready.
    fn ready(&self, revision: &Revision) -> usize {
        self.mine.iter().filter(|instance| instance.name.revision == *revision && instance.is_ready()).count()
    }

    /// Starts of a revision that were decided and are not observed yet.
    fn unseen(&self, revision: &Revision) -> usize {
        self.history.instances.iter().filter(|(name, note)| name.revision == *revision && !note.seen).count()
    }

    fn wanted(&self) -> usize {
        usize::try_from(self.intent.spec.replicas).unwrap_or(usize::MAX)
    }

    /// Asks to be called again at `at`; instants that have passed cannot be waited for.
    fn wake(&mut self, at: Timestamp) {
        if at > self.now {
            self.wake_at = Some(self.wake_at.map_or(at, |earliest| earliest.min(at)));
        }
    }

    fn tell(&mut self, severity: Severity, reason: &'static str, message: String) {
        let performer = self.intent.name.clone();
        self.events.push(Event { performer, at: self.now, severity, reason, message });
    }
}

/// Whether it exists and was not told to stop, as far as the platform says.
const fn is_up(instance: &Instance) -> bool {
    matches!(instance.state, InstanceState::Starting { .. } | InstanceState::Running)
}
