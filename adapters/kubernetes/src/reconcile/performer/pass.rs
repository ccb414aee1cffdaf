use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Action, History, InstanceState, Plan, Waiting, plan};
use hourglass_core::performer::{InstanceName, PerformerName, UpgradeStrategy};

use super::controller::PerformerController;
use super::failure::PassError;
use super::gather::Gathered;
use super::memory::Memory;
use super::report::Reported;
use super::routing::{self, Routing};
use super::wish::Wish;
use crate::api::{Performer, PerformerStatus};
use crate::build::Site;
use crate::cache::Key;
use crate::lease::Term;
use crate::names;
use crate::observe::PodRecord;
use crate::status::{self, View};

/// One look after one Performer.
pub(super) struct Pass<'a> {
    pub(super) controller: &'a Arc<PerformerController>,
    pub(super) term: Term,
    pub(super) key: Key,
    pub(super) memory: Memory,
}

/// How a pass ended well.
pub(super) enum Ended {
    /// There is nothing left to look after.
    Gone,
    /// Nothing more is to be done until something changes, or this much time has passed.
    Waiting(Option<Duration>),
}

/// After actions, what came of them is looked at soon even if nobody tells.
const AFTER_ACTIONS: Duration = Duration::from_secs(5);

impl Pass<'_> {
    pub(super) async fn run(&mut self) -> Result<Ended, PassError> {
        let stores = &self.controller.parts.stores;
        let Some(mut record) = stores.performers.get(&self.key) else { return Ok(Ended::Gone) };
        if self.memory.uid != record.uid {
            let first_look = self.memory.first_look && self.memory.uid.is_empty();
            self.memory = Memory { uid: record.uid.clone(), first_look, ..Memory::default() };
        }
        let mut read = record.object();
        if let Ok(object) = &read
            && !record.leaving
            && self.add_finalizer(object).await?
        {
            record = stores.performers.get(&self.key).ok_or(PassError::Stale)?;
            read = record.object();
        }
        match read {
            Ok(object) => self.look_after(&object, None).await,
            Err((Some(bare), error)) => self.look_after(&bare, Some(error.to_string())).await,
            Err((None, error)) => Err(PassError::Defect(format!("its metadata cannot be read: {error}"))),
        }
    }

    async fn look_after(&mut self, object: &Performer, unreadable: Option<String>) -> Result<Ended, PassError> {
        let parts = &self.controller.parts;
        let now = parts.clock.now();
        let durable = status::history(object.status.as_ref()).map_err(PassError::NewerHistory)?;
        if status::unreadable(object.status.as_ref()) {
            self.warn(now, "HistoryUnreadable", "status.history cannot be read: what runs is found by looking".into());
        }
        let executor = object.spec.executor_ref.as_deref().filter(|name| !name.is_empty());
        let defaults = executor.and_then(|name| parts.stores.executors.get(&Key::new(self.key.namespace(), name)));
        let defaults = defaults.and_then(|executor| executor.scheduling());
        let wish = Wish::of(object, unreadable, &durable, defaults.as_ref(), &parts.tables);
        let Some(name) = wish.name.clone() else { return self.unnamed(object, &wish).await };
        let mut never_started = std::mem::take(&mut self.memory.never_started);
        let gathered =
            Gathered::new(&parts.stores, &self.key, &name, object, wish.executor.as_deref(), &mut never_started);
        self.memory.never_started = never_started;
        if let Some(intent) = &wish.intent
            && self.take_over(&gathered, &intent.spec, wish.executor.as_deref()).await?
        {
            return Ok(Ended::Waiting(Some(Duration::ZERO)));
        }
        self.admit(&gathered, wish.executor.as_deref()).await?;
        self.tell_notices(&gathered.pods, now);
        self.planned(object, &name, &wish, &gathered, durable, now).await
    }

    /// Plans and carries out.
    async fn planned(
        &mut self,
        object: &Performer,
        name: &PerformerName,
        wish: &Wish,
        gathered: &Gathered,
        durable: History,
        now: Timestamp,
    ) -> Result<Ended, PassError> {
        let Some(intent) = &wish.intent else {
            let port = gathered.service.as_ref().and_then(|service| service.ports.first());
            let port = port.and_then(|port| u16::try_from(port.port).ok()).unwrap_or_default();
            let new = status::status(&View { plan: None, ..self.view(object, wish, gathered, port, now) });
            return self.said(object, &new, None).await;
        };
        let mut history = match self.memory.planned.take() {
            Some((planned, then_durable)) if then_durable == durable => planned,
            _ => durable.clone(),
        };
        if std::mem::take(&mut self.memory.first_look) {
            // Starts that another operator had decided and that are not there were not carried out. Waiting for them
            // would only cost time; one that comes all the same is one too many and goes.
            let there = |name: &InstanceName| gathered.instances.iter().any(|instance| instance.name == *name);
            history.instances.retain(|name, note| note.seen || there(name));
        }
        let plan = plan(intent, &history, &gathered.instances, now);
        self.memory.planned = Some((plan.history.clone(), durable.clone()));
        let wake = self.wake(&plan, gathered, now);
        let service = gathered.service.as_deref();
        let revision = routing::revision(intent, &plan, service);
        let port = routing::port(intent, &plan.history, &revision, service);
        let (key, controller) = (self.key.clone(), self.controller);
        let site = Site {
            namespace: key.namespace(),
            performer: name,
            uid: object.metadata.uid.as_deref().unwrap_or_default(),
            executor: wish.executor.as_deref(),
            tables: &controller.parts.tables,
            headless: wish.headless,
        };
        if plan.actions == [Action::Forget] {
            return self.forget(object).await;
        }
        let routing =
            if intent.deleted { Routing::AsItIs } else { routing::routing(&site, intent, &revision, port, service) };
        let nothing_to_do = plan.actions.is_empty() && routing == Routing::AsItIs;
        if nothing_to_do {
            self.memory.blocked = None;
        }
        let view = View { plan: Some(&plan), ..self.view(object, wish, gathered, port, now) };
        let mut new = status::status(&view);
        // Executors may only be told of a pod to which nothing new is sent any more.
        new.draining_pods.retain(|pod| !still_selected(gathered, pod));
        if nothing_to_do {
            self.tell_plan(&plan);
            self.tell_waiting(name, &plan, now);
            if !intent.deleted {
                self.budget(&site, intent, &revision).await?;
            }
            return self.said(object, &new, wake).await;
        }
        let settled = plan.history == durable || plan.actions.is_empty() || is_first_start(&durable, gathered, &plan);
        // What could not be done the last time is told before it is tried again.
        if !settled || self.memory.blocked.is_some() {
            self.report(object, &new, true).await?;
        }
        self.tell_plan(&plan);
        self.tell_waiting(name, &plan, now);
        let alone = intent.spec.upgrade.strategy == UpgradeStrategy::Recreate;
        self.carry_out(&site, gathered, &plan, routing, alone, now).await?;
        self.memory.blocked = None;
        let soon = wake.map_or(AFTER_ACTIONS, |wake| wake.min(AFTER_ACTIONS));
        let again = !self.memory.never_started.is_empty();
        Ok(Ended::Waiting(Some(if again { Duration::ZERO } else { soon })))
    }

    fn view<'v>(
        &'v self,
        object: &'v Performer,
        wish: &'v Wish,
        gathered: &'v Gathered,
        port: u16,
        now: Timestamp,
    ) -> View<'v> {
        View {
            object,
            name: wish.name.as_ref(),
            plan: None,
            waiting: self.memory.blocked.as_ref(),
            instances: &gathered.instances,
            problems: &wish.problems,
            wanted: wish.wanted.as_ref(),
            port,
            now,
        }
    }

    /// The Service together with what starts; then what goes, unless tasks might still be sent there.
    ///
    /// Where an instance must be `alone`, nothing is started while a pod is left whose kubelet might run it once more: one
    /// that crashes again and again has ended for the planner, and not for its node.
    async fn carry_out(
        &mut self,
        site: &Site<'_>,
        gathered: &Gathered,
        plan: &Plan,
        routing: Routing,
        alone: bool,
        now: Timestamp,
    ) -> Result<(), PassError> {
        let ended = gathered.instances.iter().filter(|one| matches!(one.state, InstanceState::Exited { .. }));
        let starts_wait = alone && ended.filter_map(|one| gathered.pod(site.uid, &one.name)).any(|pod| pod.may_run());
        let starts: &[Action] = if starts_wait { &[] } else { &plan.actions };
        if starts_wait {
            // What was decided is not under way: it is decided again when that pod is gone.
            self.memory.first_look = true;
        }
        for action in &plan.actions {
            if let Action::Route { revision, instances } = action {
                self.select_again(gathered, revision, instances).await?;
            }
        }
        let service = names::service(site.performer);
        let (routed, (never, started)) = join(self.route(&service, routing), self.start_all(site, starts, now)).await;
        self.memory.never_started.extend(never.into_iter().map(|instance| (instance.name.clone(), instance)));
        if let Err(error) = routed.as_ref().and(started.as_ref()) {
            self.block(error, now);
        }
        routed.and(started)?;
        for action in &plan.actions {
            if let Action::Stop { instance, .. } = action {
                self.memory.never_started.remove(instance);
            }
        }
        self.remove(gathered, &plan.actions).await
    }

    /// The status where nothing else is to be done.
    async fn said(
        &mut self,
        object: &Performer,
        new: &PerformerStatus,
        wake: Option<Duration>,
    ) -> Result<Ended, PassError> {
        let wake = match self.report(object, new, false).await? {
            Reported::Said => wake,
            Reported::Later(left) => Some(wake.map_or(left, |wake| wake.min(left))),
        };
        Ok(Ended::Waiting(wake))
    }

    /// Keeps what the API server would not take, for the next status; what it cannot do now is no news for users.
    fn block(&mut self, error: &PassError, now: Timestamp) {
        if let Some(message) = error.told() {
            self.warn(now, error.reason(), message.clone());
            self.memory.blocked = Some(Waiting::RuntimeUnavailable { message });
        }
    }

    /// When to come back without news.
    fn wake(&self, plan: &Plan, gathered: &Gathered, now: Timestamp) -> Option<Duration> {
        let overdue = gathered.pods.iter().filter_map(|pod| pod.overdue_at()).filter(|at| *at > now).min();
        let at = plan.wake_at.into_iter().chain(overdue).min()?;
        Some(at.since(now))
    }
}

/// Whether a plan starts the very first pods. Nothing has to be durable before: planned again from nothing and what is
/// observed, it is the same plan, and its names are the same.
fn is_first_start(durable: &History, gathered: &Gathered, plan: &Plan) -> bool {
    *durable == History::default()
        && gathered.instances.is_empty()
        && plan.actions.iter().all(|action| matches!(action, Action::Start(_)))
}

/// Whether the Service still leads to a pod.
fn still_selected(gathered: &Gathered, pod: &str) -> bool {
    let selected = |found: &&Arc<PodRecord>| gathered.service.as_ref().is_some_and(|service| service.selects(found));
    gathered.pods.iter().find(|found| *found.name == *pod).is_some_and(|found| selected(&found))
}
