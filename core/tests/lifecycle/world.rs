//! A simulated platform: instances that start slowly, fail, hang and vanish, actions that fail before or after they
//! took effect, observations that lag, an executor that dies between any two steps.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::timing::START_SEEN_WITHIN;
use hourglass_core::lifecycle::{
    Action, ExitCause, Health, History, Instance, InstanceState, Intent, Owner, Plan, StartDelay, plan,
};
use hourglass_core::performer::{InstanceName, PerformerSpec, Revision, UpgradeStrategy};

use crate::rules;

/// What becomes of instances of an image, by the last letter of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    Healthy,
    /// Healthy, after two thirds of the ready deadline.
    Slow,
    NeverReady,
    CrashesAtStart,
    /// Ready for a second, then gone, for ever.
    CrashesWhenReady,
    Refused,
    Unschedulable,
    PullsForEver,
}

pub(crate) const IMAGES: [(&str, Nature); 8] = [
    ("avs:a", Nature::Healthy),
    ("avs:b", Nature::Healthy),
    ("avs:slow", Nature::Slow),
    ("avs:never", Nature::NeverReady),
    ("avs:crash", Nature::CrashesAtStart),
    ("avs:refused", Nature::Refused),
    ("avs:nowhere", Nature::Unschedulable),
    ("avs:pull", Nature::PullsForEver),
];

fn nature(image: &str) -> Nature {
    if image == "avs:loop" {
        return Nature::CrashesWhenReady;
    }
    IMAGES.iter().find(|(name, _)| *name == image).map_or(Nature::Healthy, |(_, nature)| *nature)
}

pub(crate) const READY_DEADLINE: Duration = Duration::from_secs(60);
pub(crate) const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

/// One instance as the platform has it.
#[derive(Debug, Clone)]
pub(crate) struct Sim {
    pub(crate) instance: Instance,
    nature: Nature,
    /// Time it has been running, by a clock that does not jump.
    age: Duration,
    hung: bool,
    /// Tasks that never end.
    pub(crate) stuck_tasks: bool,
    /// When it was told to stop.
    stopping: Option<Duration>,
}

/// How an action ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not done, and the actor is told so.
    Before,
    /// It is done, and the actor is told it is not.
    After,
    /// The executor dies instead.
    Crash,
}

/// The platform, the store, and the executor between them.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) intent: Intent,
    pub(crate) history: History,
    pub(crate) sims: BTreeMap<InstanceName, Sim>,
    pub(crate) ghosts: BTreeMap<InstanceName, Instance>,
    pub(crate) ever: BTreeSet<InstanceName>,
    pub(crate) forgotten: bool,
    /// Routing by revision, as a Kubernetes Service does; it survives the executor.
    pub(crate) service: bool,
    selector: Option<Revision>,
    unrouted: BTreeSet<InstanceName>,
    /// What was observed last, for observations that lag.
    last: Vec<Instance>,
    last_age: Duration,
}

impl World {
    pub(crate) fn new(strategy: UpgradeStrategy, replicas: u32) -> Self {
        let mut spec =
            PerformerSpec::new("0x1111111111111111111111111111111111111111".parse().unwrap(), "avs:a".parse().unwrap());
        spec.replicas = replicas;
        spec.upgrade.strategy = strategy;
        spec.upgrade.ready_deadline = READY_DEADLINE;
        spec.upgrade.drain_deadline = DRAIN_DEADLINE;
        Self {
            now: Timestamp::from_secs(1_800_000_000),
            intent: Intent::new("sq".parse().unwrap(), spec),
            history: History::default(),
            sims: BTreeMap::new(),
            ghosts: BTreeMap::new(),
            ever: BTreeSet::new(),
            forgotten: false,
            service: false,
            selector: None,
            unrouted: BTreeSet::new(),
            last: Vec::new(),
            last_age: Duration::ZERO,
        }
    }

    pub(crate) fn edit(&mut self, image: &str) {
        self.intent.spec.image = image.parse().unwrap();
    }

    pub(crate) fn promote(&mut self) {
        self.intent.promoted = Some(self.intent.spec.revision());
    }

    /// Everything that what happens next depends on.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:?}", (self.now, &self.intent, &self.history, &self.sims, &self.ghosts, &self.selector))
    }

    pub(crate) fn observe(&mut self) -> Vec<Instance> {
        let mut observed: Vec<Instance> = self.sims.values().map(|sim| sim.instance.clone()).collect();
        if self.service {
            for instance in &mut observed {
                instance.routed =
                    self.selector.as_ref() == Some(&instance.name.revision) && !self.unrouted.contains(&instance.name);
            }
        }
        observed.extend(self.ghosts.values().cloned());
        self.last.clone_from(&observed);
        self.last_age = Duration::ZERO;
        observed
    }

    /// Observes, plans, checks, saves and carries out; `faults` are for the actions in their order.
    pub(crate) fn step(&mut self, faults: &[Option<Fault>]) -> Plan {
        let observed = self.observe();
        self.step_with(&observed, faults)
    }

    /// The same with what was observed last, which lags by less than the planner allows for.
    pub(crate) fn stale_step(&mut self) -> Plan {
        if self.last_age >= START_SEEN_WITHIN {
            return self.step(&[]);
        }
        let observed = self.last.clone();
        self.step_with(&observed, &[])
    }

    pub(crate) fn look(&mut self) -> Plan {
        let observed = self.observe();
        self.decide(&observed)
    }

    fn decide(&mut self, observed: &[Instance]) -> Plan {
        let plan = plan(&self.intent, &self.history, observed, self.now);
        rules::check_plan(self, observed, &plan);
        plan
    }

    fn step_with(&mut self, observed: &[Instance], faults: &[Option<Fault>]) -> Plan {
        let plan = self.decide(observed);
        if self.forgotten {
            return plan;
        }
        self.history = plan.history.clone();
        for (at, action) in plan.actions.iter().enumerate() {
            match faults.get(at).copied().flatten() {
                Some(Fault::Before) => break,
                Some(Fault::Crash) => {
                    self.restart();
                    break;
                }
                Some(Fault::After) => {
                    self.act(action);
                    break;
                }
                None => self.act(action),
            }
            rules::check_routing(self);
        }
        plan
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Start(start) => {
                if self.sims.get(&start.name).is_some_and(|sim| sim.instance.owner == Owner::Foreign) {
                    return;
                }
                assert!(self.ever.insert(start.name.clone()), "{} was used before", start.name);
                if self.sims.contains_key(&start.name) {
                    return;
                }
                let nature = nature(start.spec.image.as_str());
                let mut instance = Instance::never_started(start.name.clone(), ExitCause::Unknown, self.now);
                if nature == Nature::Refused {
                    let cause = ExitCause::Refused { reason: "ImageNotFound".into(), message: "no such image".into() };
                    instance.state = InstanceState::Exited { cause, at: self.now, output: None };
                    self.ghosts.insert(start.name.clone(), instance);
                    return;
                }
                let waiting_for = match nature {
                    Nature::Unschedulable => Some(StartDelay::Unschedulable { detail: "0/3 nodes".into() }),
                    Nature::PullsForEver => Some(StartDelay::Pulling { detail: "10 %".into() }),
                    _ => None,
                };
                instance.state = InstanceState::Starting { waiting_for };
                self.put(instance, nature);
            }
            Action::Route { revision, instances } => {
                self.selector = Some(revision.clone());
                for name in instances {
                    self.unrouted.remove(name);
                }
                for sim in self.sims.values_mut() {
                    sim.instance.routed = instances.contains(&sim.instance.name);
                }
            }
            Action::Drain { instance, .. } => {
                self.unrouted.insert(instance.clone());
                if let Some(sim) = self.sims.get_mut(instance) {
                    sim.instance.routed = false;
                }
            }
            Action::Stop { instance, grace } => {
                self.ghosts.remove(instance);
                let Some(sim) = self.sims.get_mut(instance) else { return };
                if matches!(sim.instance.state, InstanceState::Exited { .. }) {
                    self.sims.remove(instance);
                    return;
                }
                sim.instance.state = InstanceState::Stopping;
                sim.instance.routed = false;
                // One that hangs does not hear the request.
                sim.stopping = Some(if sim.hung { *grace } else { Duration::from_secs(1) });
            }
            Action::Forget => {
                assert!(self.sims.values().all(|sim| sim.instance.owner == Owner::Foreign), "forgotten too early");
                self.forgotten = true;
            }
        }
    }

    fn put(&mut self, instance: Instance, nature: Nature) {
        let sim = Sim { nature, age: Duration::ZERO, hung: false, stuck_tasks: false, stopping: None, instance };
        self.sims.insert(sim.instance.name.clone(), sim);
    }

    /// Somebody else's instance under a name that looks like ours.
    pub(crate) fn add_foreign(&mut self, suffix: u32) {
        let name = InstanceName {
            performer: self.intent.name.clone(),
            revision: self.intent.spec.revision(),
            suffix: self.history.next_suffix + suffix,
        };
        if self.sims.contains_key(&name) {
            return;
        }
        let mut instance = Instance::never_started(name, ExitCause::Unknown, self.now);
        instance.owner = Owner::Foreign;
        instance.state = InstanceState::Running;
        instance.health = Health::Ready { since: self.now };
        instance.routed = suffix == 1;
        self.put(instance, Nature::Healthy);
    }

    /// The executor dies and comes back: what it had only in memory is lost.
    pub(crate) fn restart(&mut self) {
        self.ghosts.clear();
        for sim in self.sims.values_mut().filter(|sim| sim.instance.owner == Owner::Ours) {
            sim.instance.routed = false;
            sim.instance.in_flight = None;
            if sim.instance.state == InstanceState::Running {
                sim.instance.health = Health::Unknown;
            }
        }
    }

    /// The store is gone; what was ever started stays known to the test alone.
    pub(crate) fn lose_history(&mut self) {
        self.history = History::default();
        // A number that was used by an instance that nobody sees may be used again then: nobody can know.
        self.ever.clear();
        self.observe();
    }

    /// Somebody sets the clock.
    pub(crate) fn set_clock(&mut self, to: Timestamp) {
        self.now = to;
        self.observe();
    }

    pub(crate) fn ours(&self) -> impl Iterator<Item = &Sim> {
        self.sims.values().filter(|sim| sim.instance.owner == Owner::Ours)
    }

    fn nth(&mut self, n: usize) -> Option<&mut Sim> {
        let count = self.ours().count();
        let mut mine = self.sims.values_mut().filter(|sim| sim.instance.owner == Owner::Ours);
        mine.nth(n.checked_rem(count)?)
    }

    /// The nth instance, modulo their number, ends by itself.
    pub(crate) fn kill(&mut self, n: usize) {
        let at = self.now;
        if let Some(sim) = self.nth(n) {
            sim.instance.state = InstanceState::Exited { cause: ExitCause::Signal(9), at, output: None };
            sim.instance.routed = false;
        }
    }

    pub(crate) fn hang(&mut self, n: usize) {
        if let Some(sim) = self.nth(n) {
            sim.hung = true;
        }
    }

    pub(crate) fn unhang(&mut self, n: usize) {
        if let Some(sim) = self.nth(n) {
            sim.hung = false;
        }
    }

    pub(crate) fn vanish(&mut self, n: usize) {
        if let Some(name) = self.nth(n).map(|sim| sim.instance.name.clone()) {
            self.sims.remove(&name);
        }
    }

    pub(crate) fn stick_tasks(&mut self, n: usize) {
        if let Some(sim) = self.nth(n) {
            sim.stuck_tasks = true;
        }
    }

    /// Time passes for the instances, and on the wall clock.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.last_age += time;
        let now = self.now;
        for sim in self.sims.values_mut() {
            sim.age += time;
            sim.grow(now);
        }
        for sim in self.sims.values_mut() {
            sim.stopping = sim.stopping.map(|left| left.saturating_sub(time));
        }
        self.sims.retain(|_, sim| sim.stopping != Some(Duration::ZERO));
    }

    /// Runs without faults until nothing more happens; returns how many plans that took.
    pub(crate) fn settle(&mut self, at_most: usize) -> usize {
        for steps in 0..at_most {
            let before = self.history.clone();
            let shape = self.shape();
            let plan = self.step(&[]);
            if self.forgotten {
                return steps;
            }
            if !plan.actions.is_empty() || plan.history != before {
                continue;
            }
            self.pass(Duration::from_secs(1));
            if self.shape() != shape || self.ours().any(Sim::due) {
                continue;
            }
            match plan.wake_at {
                Some(at) => self.pass(at.since(self.now)),
                None => return steps,
            }
        }
        panic!("not settled after {at_most} plans: {:#?}", self.look());
    }

    /// What of the platform can change by itself.
    fn shape(&self) -> Vec<impl PartialEq + use<>> {
        let sims = self.sims.values().filter(|sim| sim.instance.owner == Owner::Ours);
        sims.map(|sim| {
            let i = &sim.instance;
            (i.name.clone(), discriminant(&i.state), discriminant(&i.health), sim.stopping, i.in_flight)
        })
        .collect()
    }
}

impl Sim {
    fn ready_after(&self) -> Duration {
        match self.nature {
            Nature::Slow => READY_DEADLINE * 2 / 3,
            _ => Duration::from_secs(2),
        }
    }

    /// Whether it changes by itself soon.
    fn due(&self) -> bool {
        self.age <= self.ready_after() + Duration::from_secs(2)
    }

    fn grow(&mut self, now: Timestamp) {
        if self.instance.owner == Owner::Foreign {
            return;
        }
        match &self.instance.state {
            InstanceState::Starting { waiting_for: None } if self.age >= Duration::from_secs(1) => {
                self.instance.state = match self.nature {
                    Nature::CrashesAtStart => {
                        InstanceState::Exited { cause: ExitCause::Code(1), at: now, output: None }
                    }
                    _ => InstanceState::Running,
                };
            }
            InstanceState::Running => {
                let ready = !self.hung && self.nature != Nature::NeverReady && self.age >= self.ready_after();
                let was_ready = matches!(self.instance.health, Health::Ready { .. });
                match (&self.instance.health, ready) {
                    (Health::Ready { .. }, true) | (Health::NotReady { .. }, false) => {}
                    (_, true) => self.instance.health = Health::Ready { since: now },
                    (_, false) => {
                        self.instance.health = Health::NotReady { since: now, reason: "NOT_SERVING".into() };
                    }
                }
                if was_ready && self.nature == Nature::CrashesWhenReady {
                    self.instance.state = InstanceState::Exited { cause: ExitCause::Code(1), at: now, output: None };
                }
            }
            _ => {}
        }
        let busy = self.stuck_tasks || (self.instance.routed && self.instance.is_ready());
        self.instance.in_flight = Some(if busy { 1 } else { 0 });
    }
}
