use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::lifecycle::{ExitCause, Health, Instance, InstanceState, Owner, StartInstance};
use crate::performer::{Endpoint, Image, InstanceName, PerformerName};
use crate::ports::{Changes, Clock, Notices, RuntimeError, Spawner};
use crate::time::Timestamp;

/// What instances run on, in memory. It outlives the executors that use it, and does to instances what is scripted for
/// their images.
pub struct FakePlatform {
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawner>,
    state: Mutex<State>,
    notices: Notices<PerformerName>,
}

impl std::fmt::Debug for FakePlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakePlatform").finish_non_exhaustive()
    }
}

type Faults = dyn FnMut(&Call) -> Fault + Send;

#[derive(Default)]
struct State {
    instances: BTreeMap<InstanceName, Unit>,
    behaviours: BTreeMap<String, Behaviour>,
    calls: Vec<(Timestamp, Call)>,
    faults: Option<Box<Faults>>,
    started: u16,
}

struct Unit {
    /// `None` is somebody who is no executor at all.
    executor: Option<String>,
    behaviour: Behaviour,
    image: Option<Image>,
    state: InstanceState,
    started_at: Timestamp,
    running_since: Option<Timestamp>,
    /// Whether it has got ready. Set by a timer: by the wall clock a jump of it would undo it.
    warm: bool,
    hung: bool,
    port: u16,
}

/// What becomes of instances of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// From the request until it runs.
    pub start_delay: Duration,
    /// From when it runs until it is healthy; `None` is never.
    pub ready_after: Option<Duration>,
    /// From when it runs until it ends by itself, and how.
    pub ends: Option<(Duration, ExitCause)>,
    /// What it printed by then.
    pub output: Option<String>,
    /// Whether it takes the grace period and a kill to end it.
    pub ignores_stop: bool,
    /// What a start answers instead of starting.
    pub refusal: Option<RuntimeError>,
}

impl Default for Behaviour {
    /// Runs after 20 ms, healthy 50 ms later, and stays so.
    fn default() -> Self {
        Self {
            start_delay: Duration::from_millis(20),
            ready_after: Some(Duration::from_millis(50)),
            ends: None,
            output: None,
            ignores_stop: false,
            refusal: None,
        }
    }
}

/// A call to the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// [`InstanceRuntime::observe`](crate::ports::InstanceRuntime::observe).
    Observe(PerformerName),
    /// [`InstanceRuntime::performers`](crate::ports::InstanceRuntime::performers).
    Performers,
    /// [`InstanceRuntime::start`](crate::ports::InstanceRuntime::start).
    Start(InstanceName),
    /// [`InstanceRuntime::stop`](crate::ports::InstanceRuntime::stop).
    Stop(InstanceName),
}

impl Call {
    /// Whether it changes anything.
    pub const fn is_write(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Stop(_))
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It fails without an effect.
    Before(RuntimeError),
    /// It has its effect, and the caller sees an error.
    After(RuntimeError),
    /// It never returns.
    Hang,
    /// It takes this long.
    Slow(Duration),
}

impl FakePlatform {
    /// An empty one. Its own work runs on `spawner`, so that it goes on when an executor dies.
    pub fn new(clock: Arc<dyn Clock>, spawner: Arc<dyn Spawner>) -> Arc<Self> {
        Arc::new(Self { clock, spawner, state: Mutex::default(), notices: Notices::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, instances of `image` behave so.
    pub fn script(&self, image: &str, behaviour: Behaviour) {
        self.lock().behaviours.insert(image.to_owned(), behaviour);
    }

    /// Asks `faults` before every call what is to go wrong with it.
    pub fn set_faults(&self, faults: impl FnMut(&Call) -> Fault + Send + 'static) {
        self.lock().faults = Some(Box::new(faults));
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        self.lock().faults = None;
    }

    /// Every call so far that changes anything, with its time.
    pub fn writes(&self) -> Vec<(Timestamp, Call)> {
        self.lock().calls.iter().filter(|(_, call)| call.is_write()).cloned().collect()
    }

    /// How many calls there were so far.
    pub fn call_count(&self) -> usize {
        self.lock().calls.len()
    }

    /// Every instance there is, whoever owns it, and whether it has ended.
    pub fn instances(&self) -> Vec<(InstanceName, InstanceState)> {
        self.lock().instances.iter().map(|(name, unit)| (name.clone(), unit.state.clone())).collect()
    }

    /// Puts an instance there that nobody of ours made.
    pub fn add_foreign(&self, name: &InstanceName) {
        let now = self.clock.now();
        let unit = Unit {
            executor: None,
            behaviour: Behaviour::default(),
            image: None,
            state: InstanceState::Running,
            started_at: now,
            running_since: Some(now),
            warm: true,
            hung: false,
            port: 1,
        };
        self.lock().instances.insert(name.clone(), unit);
        self.notices.tell(&name.performer);
    }

    /// Ends an instance, as a crash would.
    pub fn crash(&self, name: &InstanceName, cause: ExitCause) {
        self.change(name, |unit, now| unit.state = InstanceState::Exited { cause, at: now, output: None });
    }

    /// Stops an instance from answering, or lets it answer again. It goes on running.
    pub fn hang(&self, name: &InstanceName, hung: bool) {
        self.change(name, |unit, _| unit.hung = hung);
    }

    /// Takes an instance away without a trace.
    pub fn vanish(&self, name: &InstanceName) {
        self.lock().instances.remove(name);
        self.notices.tell(&name.performer);
    }

    /// What a health check of this instance says now.
    ///
    /// # Errors
    /// Why it is not healthy.
    pub fn probe(&self, name: &InstanceName) -> Result<(), String> {
        let state = self.lock();
        let unit = state.instances.get(name).ok_or("connection refused")?;
        match unit.state {
            InstanceState::Running | InstanceState::Stopping if unit.hung => Err("no answer".to_owned()),
            InstanceState::Running if unit.warm => Ok(()),
            InstanceState::Running => Err("NOT_SERVING".to_owned()),
            _ => Err("connection refused".to_owned()),
        }
    }

    pub(super) fn begin(&self, call: Call) -> Fault {
        let now = self.clock.now();
        let mut state = self.lock();
        let fault = state.faults.as_mut().map_or(Fault::None, |faults| faults(&call));
        state.calls.push((now, call));
        fault
    }

    pub(super) fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(duration)
    }

    pub(super) fn watch(&self) -> Changes<PerformerName> {
        self.notices.watch()
    }

    pub(super) fn observe(&self, executor: &str, performer: &PerformerName) -> Vec<Instance> {
        let state = self.lock();
        let of_performer = state.instances.iter().filter(|(name, _)| name.performer == *performer);
        of_performer
            .map(|(name, unit)| Instance {
                name: name.clone(),
                owner: if unit.executor.as_deref() == Some(executor) { Owner::Ours } else { Owner::Foreign },
                state: unit.state.clone(),
                health: Health::Unknown,
                endpoint: unit.running_since.map(|_| Endpoint { host: "127.0.0.1".to_owned(), port: unit.port }),
                started_at: unit.started_at,
                routed: false,
                in_flight: None,
                platform_id: Some(format!("fake-{}", unit.port)),
                image: unit.image.clone(),
            })
            .collect()
    }

    pub(super) fn performers(&self, executor: &str) -> Vec<PerformerName> {
        let state = self.lock();
        let ours = state.instances.iter().filter(|(_, unit)| unit.executor.as_deref() == Some(executor));
        ours.map(|(name, _)| name.performer.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn start(self: &Arc<Self>, executor: &str, request: &StartInstance) -> Result<(), RuntimeError> {
        let name = request.name.clone();
        let behaviour = {
            let mut state = self.lock();
            if state.instances.contains_key(&name) {
                return Ok(());
            }
            let behaviour = state.behaviours.get(request.spec.image.as_str()).cloned().unwrap_or_default();
            if let Some(refusal) = behaviour.refusal {
                return Err(refusal);
            }
            state.started += 1;
            let unit = Unit {
                executor: Some(executor.to_owned()),
                behaviour: behaviour.clone(),
                image: Some(request.spec.image.clone()),
                state: InstanceState::Starting { waiting_for: None },
                started_at: self.clock.now(),
                running_since: None,
                warm: false,
                hung: false,
                port: 10_000 + state.started,
            };
            state.instances.insert(name.clone(), unit);
            behaviour
        };
        self.notices.tell(&name.performer);
        let platform = Arc::clone(self);
        let life = async move {
            platform.sleep(behaviour.start_delay).await;
            platform.change(&name, |unit, now| {
                if matches!(unit.state, InstanceState::Starting { .. }) {
                    unit.state = InstanceState::Running;
                    unit.running_since = Some(now);
                }
            });
            if let Some(after) = behaviour.ready_after {
                let (warmed, name) = (Arc::clone(&platform), name.clone());
                let warming = async move {
                    warmed.sleep(after).await;
                    warmed.change(&name, |unit, _| unit.warm = true);
                };
                platform.spawner.spawn("fake warming", Box::pin(warming));
            }
            let Some((after, cause)) = behaviour.ends else { return };
            platform.sleep(after).await;
            platform.change(&name, |unit, now| {
                if unit.state == InstanceState::Running {
                    let output = unit.behaviour.output.clone();
                    unit.state = InstanceState::Exited { cause, at: now, output };
                }
            });
        };
        self.spawner.spawn("fake instance", Box::pin(life));
        Ok(())
    }

    pub(super) fn stop(self: &Arc<Self>, executor: &str, name: &InstanceName, grace: Duration) {
        let delay = {
            let mut state = self.lock();
            let Some(unit) = state.instances.get_mut(name) else { return };
            if unit.executor.as_deref() != Some(executor) || unit.state == InstanceState::Stopping {
                return;
            }
            let ended = matches!(unit.state, InstanceState::Exited { .. });
            unit.state = InstanceState::Stopping;
            match (ended, unit.behaviour.ignores_stop || unit.hung) {
                (true, _) => Duration::ZERO,
                (false, true) => grace,
                (false, false) => Duration::from_millis(5),
            }
        };
        self.notices.tell(&name.performer);
        let (platform, name) = (Arc::clone(self), name.clone());
        let end = async move {
            platform.sleep(delay).await;
            platform.vanish(&name);
        };
        self.spawner.spawn("fake stop", Box::pin(end));
    }

    fn change(&self, name: &InstanceName, change: impl FnOnce(&mut Unit, Timestamp)) {
        let now = self.clock.now();
        if let Some(unit) = self.lock().instances.get_mut(name) {
            change(unit, now);
        }
        self.notices.tell(&name.performer);
    }
}
