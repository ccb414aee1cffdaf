use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::lifecycle::{Action, History, Instance, Plan, Waiting, plan};
use crate::performer::InstanceName;
use crate::ports::Severity;
use crate::service::manager::entry::{Entry, Wanted};
use crate::service::manager::options::ShutdownPolicy;
use crate::service::manager::pace::Backoff;
use crate::service::manager::routing::{Routing, fill};
use crate::service::manager::shared::Shared;
use crate::time::Timestamp;

/// Looks after one performer: observes, plans, saves, acts, and waits until something may have changed.
///
/// Keepers share nothing but the ports and a bound on calls: one that is slow or stuck delays no other.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) entry: Arc<Entry>,
    pub(super) routing: Routing,
    /// Instances that the runtime refused to start: it does not observe them, and the planner is to know.
    pub(super) never_started: BTreeMap<InstanceName, Instance>,
    /// What the runtime said last, and when; `None` where it is to be asked again.
    observed: Option<(Vec<Instance>, Timestamp)>,
    /// What was planned from last.
    seen: Vec<Instance>,
    /// The actions of the plan before this one.
    repeated: Vec<Action>,
    /// While all performers are stopped for a shutdown: what happened, in memory only.
    farewell: Option<History>,
    failures: Backoff,
    repeats: Backoff,
}

/// How a round ended.
enum Round {
    /// Something was done: look what came of it.
    Acted,
    /// Nothing is to be done until something changes, or this much time has passed.
    Idle(Duration),
    /// Something failed.
    Failed,
    /// There is nothing left to look after.
    Over,
}

/// Rounds follow each other no faster than this, whatever notices come.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// After a failure, a notice does not bring the next attempt sooner than this.
const SHORTEST_BACKOFF: Duration = Duration::from_millis(250);

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, entry: Arc<Entry>) -> Self {
        let (first, most) = (shared.options.first_backoff, shared.options.longest_backoff);
        Self {
            shared,
            entry,
            routing: Routing::default(),
            never_started: BTreeMap::new(),
            observed: None,
            seen: Vec::new(),
            repeated: Vec::new(),
            farewell: None,
            failures: Backoff::new(first, most),
            repeats: Backoff::new(first, most),
        }
    }

    /// Until the performer is gone or the manager ends.
    pub(super) async fn keep(mut self) {
        loop {
            if self.shared.leaving() == Some(ShutdownPolicy::LeaveRunning) {
                return self.entry.leave();
            }
            let (at_least, at_most) = match self.round().await {
                Round::Over => return,
                Round::Acted => (SHORTEST_PAUSE, SHORTEST_PAUSE),
                Round::Idle(duration) => (SHORTEST_PAUSE, duration),
                Round::Failed => {
                    self.observed = None;
                    let delay = self.failures.failed();
                    (delay.min(SHORTEST_BACKOFF), delay)
                }
            };
            self.pause(at_least, at_most).await;
        }
    }

    async fn round(&mut self) -> Round {
        let Some(mut wanted) = self.entry.wanted() else { return Round::Idle(self.shared.options.resync) };
        if self.shared.leaving() == Some(ShutdownPolicy::StopAll) {
            wanted.record.intent.deleted = true;
            wanted.record.history = self.farewell.clone().unwrap_or(wanted.record.history);
        }
        let instances = match self.observe().await {
            Ok(instances) => instances,
            Err(waiting) => {
                self.blocked(waiting);
                return Round::Failed;
            }
        };
        let now = self.shared.parts.clock.now();
        let plan = plan(&wanted.record.intent, &wanted.record.history, &instances, now);
        self.seen = instances;
        let saved = self.save(&wanted, &plan).await;
        match saved {
            Ok(true) => {}
            Ok(false) => return Round::Acted,
            Err(waiting) => {
                self.tell(&plan, Some(waiting), now);
                self.serve_cold(&plan);
                return Round::Failed;
            }
        }
        for event in &plan.events {
            self.shared.parts.events.emit(event.clone());
        }
        self.tell(&plan, plan.waiting.clone(), now);
        self.carry_out(&wanted, &plan, now).await
    }

    async fn carry_out(&mut self, wanted: &Wanted, plan: &Plan, now: Timestamp) -> Round {
        if plan.actions.is_empty() {
            self.failures.succeeded();
            self.repeats.succeeded();
            self.repeated.clear();
            let wake = plan.wake_at.map_or(Duration::MAX, |at| at.since(now));
            return Round::Idle(wake.min(self.shared.options.resync));
        }
        self.observed = None;
        for action in &plan.actions {
            // What is wanted has changed: the rest of this plan may be wrong.
            if self.entry.generation() != wanted.generation {
                return Round::Acted;
            }
            match self.act(action).await {
                Ok(false) => {}
                Ok(true) => return Round::Over,
                Err(waiting) => {
                    self.blocked(waiting);
                    return Round::Failed;
                }
            }
        }
        self.failures.succeeded();
        if self.repeated == plan.actions {
            // The same again: what was done is not observed yet, or has no effect.
            return Round::Idle(self.repeats.failed());
        }
        self.repeats.succeeded();
        self.repeated.clone_from(&plan.actions);
        Round::Acted
    }

    /// Every instance, with what the client knows of it.
    async fn observe(&mut self) -> Result<Vec<Instance>, Waiting> {
        let now = self.shared.parts.clock.now();
        let age = self.shared.options.observation_age;
        let fresh = |at: Timestamp| now.since(at).max(at.since(now)) <= age;
        let mut instances = match self.observed.take() {
            Some((instances, at)) if fresh(at) => {
                self.observed = Some((instances.clone(), at));
                instances
            }
            _ => {
                let asked = self.shared.parts.runtime.observe(&self.entry.name);
                let instances = self.shared.runtime_call(asked).await;
                let instances =
                    instances.map_err(|error| Waiting::RuntimeUnavailable { message: error.to_string() })?;
                self.observed = Some((instances.clone(), now));
                instances
            }
        };
        // One that is there after all is what it is.
        self.never_started.retain(|name, _| instances.iter().all(|instance| instance.name != *name));
        self.send_targets(&instances);
        self.fill(&mut instances);
        instances.extend(self.never_started.values().cloned());
        Ok(instances)
    }

    fn fill(&self, instances: &mut [Instance]) {
        if !self.shared.parts.runtime.capabilities().reports_health {
            fill(instances, &self.shared.parts.client.targets(&self.entry.name));
        }
    }

    fn send_targets(&mut self, instances: &[Instance]) {
        let targets = self.routing.targets(instances);
        if self.routing.differs(&targets) {
            self.shared.parts.client.set_targets(&self.entry.name, targets.clone());
            self.routing.sent(targets);
        }
    }

    /// Routes anew after a routing action.
    pub(super) fn reroute(&mut self) {
        let instances = std::mem::take(&mut self.seen);
        self.send_targets(&instances);
        self.seen = instances;
    }

    /// Writes the history of a plan. `false` where what is wanted has changed meanwhile: the plan is void.
    async fn save(&mut self, wanted: &Wanted, plan: &Plan) -> Result<bool, Waiting> {
        if self.shared.leaving() == Some(ShutdownPolicy::StopAll) {
            let planned_for_it = wanted.record.intent.deleted;
            if planned_for_it {
                self.farewell = Some(plan.history.clone());
            }
            return Ok(planned_for_it);
        }
        if plan.history == wanted.record.history && !self.entry.is_uncertain() {
            return Ok(self.entry.generation() == wanted.generation);
        }
        let _writer = self.entry.writer.lock().await;
        if self.entry.generation() != wanted.generation {
            return Ok(false);
        }
        let mut record = wanted.record.clone();
        record.history = plan.history.clone();
        let saved = self.shared.save(&record).await;
        saved.map_err(|error| Waiting::StoreUnavailable { message: error.to_string() })?;
        self.entry.commit(record, false);
        Ok(true)
    }

    /// Routes to what is ready where nothing is routed yet, although the plan could not be saved: a performer that runs
    /// must serve again after a restart on a full disk, and a route that is forgotten is only planned again.
    fn serve_cold(&mut self, plan: &Plan) {
        for action in &plan.actions {
            if let Action::Route { revision, instances } = action
                && self.routing.is_cold()
            {
                self.routing.route(revision, instances);
                self.reroute();
            }
        }
    }

    /// Shows what a plan says.
    fn tell(&self, plan: &Plan, waiting: Option<Waiting>, now: Timestamp) {
        let before = self.entry.waiting();
        let told = Plan { waiting, ..plan.clone() };
        if let Some(event) = told.waiting_event(&self.entry.name, before.as_ref(), now) {
            self.shared.parts.events.emit(event);
        }
        if self.entry.publish(told.status, told.waiting, self.seen.clone()) {
            self.shared.notices.tell(&self.entry.name);
        }
    }

    /// Shows what keeps it from being looked after; the rest of what is seen stays.
    fn blocked(&self, waiting: Waiting) {
        let message = waiting.to_string();
        let reason = waiting.reason();
        if self.entry.block(waiting) {
            self.shared.event(&self.entry.name, Severity::Warning, reason, message);
            self.shared.notices.tell(&self.entry.name);
        }
    }

    /// Waits for something to change.
    async fn pause(&mut self, at_least: Duration, at_most: Duration) {
        self.shared.sleep(at_least).await;
        let mut enough = pin!(self.shared.parts.clock.sleep(at_most.saturating_sub(at_least)));
        loop {
            let woken = match select(pin!(self.entry.bell.wait()), enough.as_mut()).await {
                Either::Left((rings, _)) => Some(rings),
                Either::Right(_) => None,
            };
            match woken {
                Some(rings) if rings.runtime => break self.observed = None,
                Some(rings) if rings.asked => break,
                Some(_) if !self.has_client_news() => {}
                Some(_) => break,
                None => break self.observed = None,
            }
        }
    }

    /// Whether what the client knows would make another plan. That a task came or went would not, unless an instance is
    /// to become idle.
    fn has_client_news(&self) -> bool {
        let mut now = self.seen.clone();
        self.fill(&mut now);
        let differs = |(before, now): (&Instance, &Instance)| {
            before.health != now.health
                || before.routed != now.routed
                || (self.routing.is_draining() && before.in_flight != now.in_flight)
        };
        let synthetic = |instance: &Instance| self.never_started.contains_key(&instance.name);
        self.seen.iter().zip(&now).filter(|(before, _)| !synthetic(before)).any(differs)
    }
}
