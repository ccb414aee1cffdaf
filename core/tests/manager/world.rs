//! A platform, a store, and executors that come and go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use hourglass_core::Address;
use hourglass_core::lifecycle::{InstanceState, Intent, PerformerRecord};
use hourglass_core::performer::{InstanceName, PerformerName, PerformerSpec};
use hourglass_core::ports::{PerformerManager, PerformerStore, PerformerView, StoreError};
use hourglass_core::service::manager::{LoopingManager, ManagerOptions, ManagerParts};
use hourglass_core::testing::{
    Call, FakeClient, FakePlatform, FakeRuntime, RecordingEvents, Simulation, SimulationSpawner, VirtualClock,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What outlives an executor.
pub(crate) struct World {
    pub(crate) sim: Simulation,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) platform: Arc<FakePlatform>,
    pub(crate) store: Arc<TestStore>,
    pub(crate) options: ManagerOptions,
}

/// One life of an executor.
pub(crate) struct Executor {
    pub(crate) manager: Arc<LoopingManager>,
    pub(crate) client: Arc<FakeClient>,
    pub(crate) events: Arc<RecordingEvents>,
    pub(crate) group: SimulationSpawner,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let sim = Simulation::new(seed);
        let clock = Arc::new(sim.clock());
        let platform = FakePlatform::new(clock.clone(), Arc::new(sim.spawner()));
        Self { sim, clock, platform, store: Arc::default(), options: ManagerOptions::default() }
    }

    /// Starts an executor, without waiting until anything serves.
    pub(crate) fn boot(&self, configured: &[(&str, &PerformerSpec)]) -> Executor {
        self.try_boot(configured).unwrap()
    }

    pub(crate) fn try_boot(
        &self,
        configured: &[(&str, &PerformerSpec)],
    ) -> Result<Executor, hourglass_core::ports::ManagerError> {
        let group = self.sim.spawner();
        let client = FakeClient::of_platform(self.clock.clone(), &group, &self.platform);
        let events = Arc::new(RecordingEvents::default());
        let parts = ManagerParts {
            runtime: Arc::new(FakeRuntime::new(self.platform.clone(), "us")),
            client: client.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            spawner: Arc::new(group.clone()),
            events: events.clone(),
        };
        let configured = configured.iter().map(|(name, spec)| (name.parse().unwrap(), (*spec).clone())).collect();
        let manager = self.sim.block_on(LoopingManager::start(parts, self.options.clone(), configured))?;
        Ok(Executor { manager, client, events, group })
    }

    /// SIGKILL.
    pub(crate) fn kill(&self, executor: Executor) {
        self.sim.kill(&executor.group);
    }

    /// Lets time pass until something is so.
    pub(crate) fn until(&self, what: &str, limit: Duration, right: impl Fn() -> bool) -> Duration {
        let began = self.clock.elapsed();
        while !right() {
            assert!(
                self.clock.elapsed() - began < limit,
                "{what}: not within {limit:?}\n{:#?}",
                self.platform.instances()
            );
            self.sim.run_for(Duration::from_millis(10));
        }
        self.clock.elapsed() - began
    }

    /// Lets a minute pass in which nothing may be started or stopped.
    pub(crate) fn assert_stable(&self) {
        let before = self.platform.writes().len();
        self.sim.run_for(60 * SECOND);
        let writes = self.platform.writes();
        assert_eq!(writes.len(), before, "nothing more is done: {:?}", &writes[before..]);
    }

    /// Names of instances that have not ended.
    pub(crate) fn running(&self) -> Vec<InstanceName> {
        let instances = self.platform.instances().into_iter();
        instances.filter(|(_, state)| *state == InstanceState::Running).map(|(name, _)| name).collect()
    }

    pub(crate) fn starts(&self) -> usize {
        self.platform.writes().iter().filter(|(_, call)| matches!(call, Call::Start(_))).count()
    }
}

impl Executor {
    pub(crate) fn views(&self) -> Vec<PerformerView> {
        self.manager.list().now_or_never().unwrap().unwrap()
    }

    pub(crate) fn view(&self, name: &str) -> Option<PerformerView> {
        self.views().into_iter().find(|view| view.intent.name.as_str() == name)
    }

    /// Whether a performer's tasks go to a healthy instance of this specification, and to nothing else.
    pub(crate) fn serves(&self, name: &str, spec: &PerformerSpec) -> bool {
        let routed = self.routed(name);
        let healthy =
            |view: PerformerView| view.instances.iter().any(|instance| instance.routed && instance.is_ready());
        !routed.is_empty()
            && routed.iter().all(|instance| instance.revision == spec.revision())
            && self.view(name).is_some_and(healthy)
    }

    pub(crate) fn routed(&self, name: &str) -> Vec<InstanceName> {
        self.client.routed().into_iter().filter(|instance| instance.performer.as_str() == name).collect()
    }

    pub(crate) fn apply(&self, world: &World, name: &str, spec: &PerformerSpec) {
        world.sim.block_on(self.manager.apply(intent(name, spec))).unwrap();
    }

    pub(crate) fn remove(&self, world: &World, name: &str) {
        world.sim.block_on(self.manager.remove(&name.parse().unwrap())).unwrap();
    }
}

pub(crate) fn intent(name: &str, spec: &PerformerSpec) -> Intent {
    Intent::new(name.parse().unwrap(), spec.clone())
}

pub(crate) fn spec(image: &str) -> PerformerSpec {
    PerformerSpec::new(Address::new([1; 20]), image.parse().unwrap())
}

/// Durable over kills; fails when told to.
#[derive(Default)]
pub(crate) struct TestStore {
    records: Mutex<BTreeMap<PerformerName, PerformerRecord>>,
    broken: Mutex<Broken>,
    saves: Mutex<usize>,
}

#[derive(Default)]
struct Broken {
    reads: bool,
    writes: bool,
    /// Fails every write for which this says so; `true` for "after it was written".
    fault: Option<Box<dyn FnMut() -> Option<bool> + Send>>,
}

/// A fault may be a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TestStore {
    pub(crate) fn break_writes(&self, broken: bool) {
        lock(&self.broken).writes = broken;
    }

    pub(crate) fn break_reads(&self, broken: bool) {
        lock(&self.broken).reads = broken;
    }

    pub(crate) fn set_faults(&self, fault: impl FnMut() -> Option<bool> + Send + 'static) {
        lock(&self.broken).fault = Some(Box::new(fault));
    }

    pub(crate) fn heal(&self) {
        *lock(&self.broken) = Broken::default();
    }

    pub(crate) fn record(&self, name: &str) -> Option<PerformerRecord> {
        self.records.lock().unwrap().get(&name.parse().unwrap()).cloned()
    }

    pub(crate) fn saves(&self) -> usize {
        *self.saves.lock().unwrap()
    }

    fn write(&self, effect: impl FnOnce(&mut BTreeMap<PerformerName, PerformerRecord>)) -> Result<(), StoreError> {
        let mut broken = lock(&self.broken);
        let fault = broken.fault.as_mut().and_then(|fault| fault());
        let failed = || StoreError { message: "no space left on device".into() };
        if broken.writes || fault == Some(false) {
            return Err(failed());
        }
        effect(&mut self.records.lock().unwrap());
        *self.saves.lock().unwrap() += 1;
        fault.map_or(Ok(()), |_| Err(failed()))
    }
}

#[async_trait]
impl PerformerStore for TestStore {
    async fn load(&self) -> Result<Vec<PerformerRecord>, StoreError> {
        if lock(&self.broken).reads {
            return Err(StoreError { message: "input/output error".into() });
        }
        Ok(self.records.lock().unwrap().values().cloned().collect())
    }

    async fn save(&self, record: &PerformerRecord) -> Result<(), StoreError> {
        self.write(|records| {
            records.insert(record.intent.name.clone(), record.clone());
        })
    }

    async fn delete(&self, name: &PerformerName) -> Result<(), StoreError> {
        self.write(|records| {
            records.remove(name);
        })
    }
}
