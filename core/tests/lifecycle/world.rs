//! A simulated platform and the executor on it: actions that fail before or after they took effect, observations that
//! lag, an executor that dies between any two steps.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::timing::START_SEEN_WITHIN;
use hourglass_core::lifecycle::{
    Action, ExitCause, History, Instance, InstanceState, Intent, Owner, Plan, StartDelay, plan,
};
use hourglass_core::performer::{InstanceName, PerformerSpec, Revision, UpgradeStrategy};

use crate::rules;
use crate::sim::{Nature, Sim, nature};

pub(crate) const READY_DEADLINE: Duration = Duration::from_secs(60);
pub(crate) const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

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

    pub(crate) fn put(&mut self, instance: Instance, nature: Nature) {
        self.sims.insert(instance.name.clone(), Sim::new(instance, nature));
    }

    pub(crate) fn ours(&self) -> impl Iterator<Item = &Sim> {
        self.sims.values().filter(|sim| sim.instance.owner == Owner::Ours)
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
