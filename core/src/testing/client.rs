use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use futures_util::future::{Either, select};

use crate::lifecycle::Health;
use crate::performer::{InstanceName, PerformerName};
use crate::ports::{CallError, Changes, Clock, Notices, PerformerClient, Spawner, Target, TargetState, TaskCall};
use crate::testing::platform::FakePlatform;

type Probe = dyn Fn(&Target) -> Result<(), String> + Send + Sync;
type Handler = dyn Fn(Target, TaskCall) -> BoxFuture<'static, Result<Vec<u8>, CallError>> + Send + Sync;

/// A [`PerformerClient`] without a network: health comes from a probe, answers from a handler.
pub struct FakeClient {
    clock: Arc<dyn Clock>,
    probe: Box<Probe>,
    handler: Mutex<Arc<Handler>>,
    performers: Mutex<BTreeMap<PerformerName, Vec<Known>>>,
    notices: Notices<PerformerName>,
    retargeted: Notices<()>,
}

impl std::fmt::Debug for FakeClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeClient").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Known {
    target: Target,
    health: Health,
    in_flight: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeClient {
    /// Checks every target with `probe` each `interval`; up to ten times as seldom while nothing changes. Answers tasks with their own payload until
    /// [`Self::answer_with`] says otherwise.
    pub fn new(
        clock: Arc<dyn Clock>,
        spawner: &dyn Spawner,
        interval: Duration,
        probe: impl Fn(&Target) -> Result<(), String> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let echo: Arc<Handler> = Arc::new(|_, call| Box::pin(async move { Ok(call.payload) }));
        let client = Arc::new(Self {
            clock: Arc::clone(&clock),
            probe: Box::new(probe),
            handler: Mutex::new(echo),
            performers: Mutex::default(),
            notices: Notices::new(),
            retargeted: Notices::new(),
        });
        let watched: Weak<Self> = Arc::downgrade(&client);
        let mut retargeted = client.retargeted.watch();
        let checks = async move {
            let mut intervals = 1;
            loop {
                if let Either::Right(_) = select(clock.sleep(interval * intervals), retargeted.next()).await {
                    clock.sleep(interval).await;
                    intervals = 1;
                }
                let Some(client) = watched.upgrade() else { return };
                intervals = if client.check() { 1 } else { 10.min(intervals + 1) };
            }
        };
        spawner.spawn("fake health checks", Box::pin(checks));
        client
    }

    /// One whose targets are the instances of `platform`, checked every 10 ms.
    pub fn of_platform(clock: Arc<dyn Clock>, spawner: &dyn Spawner, platform: &Arc<FakePlatform>) -> Arc<Self> {
        let platform = Arc::clone(platform);
        Self::new(clock, spawner, Duration::from_millis(10), move |target| platform.probe(&target.instance))
    }

    /// From now on tasks are answered so.
    pub fn answer_with(
        &self,
        handler: impl Fn(Target, TaskCall) -> BoxFuture<'static, Result<Vec<u8>, CallError>> + Send + Sync + 'static,
    ) {
        *lock(&self.handler) = Arc::new(handler);
    }

    /// Says how many tasks an instance has not answered, whatever was really sent to it.
    pub fn set_in_flight(&self, instance: &InstanceName, count: u32) {
        self.with(instance, |known| known.in_flight = count);
        self.notices.tell(&instance.performer);
    }

    /// Targets that get tasks, of every performer.
    pub fn routed(&self) -> Vec<InstanceName> {
        let performers = lock(&self.performers);
        let known = performers.values().flatten();
        known.filter(|known| known.target.routed).map(|known| known.target.instance.clone()).collect()
    }

    /// Checks the health of every target now; `true` where one has changed.
    pub fn check(&self) -> bool {
        let now = self.clock.now();
        let mut changed = Vec::new();
        for (performer, known) in lock(&self.performers).iter_mut() {
            for known in known {
                let health = match ((self.probe)(&known.target), &known.health) {
                    (Ok(()), Health::Ready { since }) => Health::Ready { since: *since },
                    (Ok(()), _) => Health::Ready { since: now },
                    (Err(reason), Health::NotReady { since, .. }) => Health::NotReady { since: *since, reason },
                    (Err(reason), _) => Health::NotReady { since: now, reason },
                };
                if health != known.health {
                    known.health = health;
                    changed.push(performer.clone());
                }
            }
        }
        changed.iter().for_each(|performer| self.notices.tell(performer));
        !changed.is_empty()
    }

    fn with(&self, instance: &InstanceName, change: impl FnOnce(&mut Known)) {
        let mut performers = lock(&self.performers);
        let known = performers.get_mut(&instance.performer).into_iter().flatten();
        if let Some(known) = known.into_iter().find(|known| known.target.instance == *instance) {
            change(known);
        }
    }

    /// Counts a call on the least loaded healthy target that gets tasks.
    fn admit(&self, performer: &PerformerName) -> Result<Target, String> {
        let mut performers = lock(&self.performers);
        let known = performers.get_mut(performer).ok_or("no instance is known")?;
        let routed = known.iter_mut().filter(|known| known.target.routed);
        let healthy = routed.filter(|known| matches!(known.health, Health::Ready { .. }));
        let chosen = healthy.min_by_key(|known| known.in_flight).ok_or("no instance is healthy and gets tasks")?;
        chosen.in_flight += 1;
        Ok(chosen.target.clone())
    }
}

#[async_trait]
impl PerformerClient for FakeClient {
    fn set_targets(&self, performer: &PerformerName, targets: Vec<Target>) {
        let mut performers = lock(&self.performers);
        let before = performers.remove(performer).unwrap_or_default();
        let known = |target: Target| {
            let same =
                |known: &&Known| known.target.instance == target.instance && known.target.endpoint == target.endpoint;
            match before.iter().find(same) {
                Some(known) => Known { target, ..known.clone() },
                None => Known { target, health: Health::Unknown, in_flight: 0 },
            }
        };
        let after: Vec<Known> = targets.into_iter().map(known).collect();
        if !after.is_empty() {
            performers.insert(performer.clone(), after);
        }
        drop(performers);
        self.retargeted.tell(&());
    }

    fn targets(&self, performer: &PerformerName) -> Vec<TargetState> {
        let performers = lock(&self.performers);
        let known = performers.get(performer).into_iter().flatten();
        known
            .map(|known| TargetState {
                instance: known.target.instance.clone(),
                routed: known.target.routed,
                health: known.health.clone(),
                in_flight: known.in_flight,
            })
            .collect()
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.notices.watch()
    }

    async fn execute(&self, performer: &PerformerName, call: TaskCall) -> Result<Vec<u8>, CallError> {
        let mut deadline = self.clock.sleep(call.deadline);
        let target = loop {
            let detail = match self.admit(performer) {
                Ok(target) => break target,
                Err(detail) => detail,
            };
            let soon = self.clock.sleep(Duration::from_millis(5));
            if let Either::Right(_) = select(soon, &mut deadline).await {
                return Err(CallError::NotReady { performer: performer.clone(), detail });
            }
        };
        let instance = target.instance.clone();
        let handler = Arc::clone(&lock(&self.handler));
        let limit = call.deadline;
        // Counted until the answer or the deadline; a dropped call stops counting too.
        let _counted = Counted { client: self, instance: &instance };
        match select(handler(target, call), deadline).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(CallError::Deadline(limit)),
        }
    }
}

struct Counted<'a> {
    client: &'a FakeClient,
    instance: &'a InstanceName,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.client.with(self.instance, |known| known.in_flight = known.in_flight.saturating_sub(1));
        self.client.notices.tell(&self.instance.performer);
    }
}
