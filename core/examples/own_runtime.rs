//! A runtime of your own under the executor's manager, tested against its port's promises and under faults, without
//! waiting: in a simulated world, an hour of back-off takes no time.
//!
//! ```text
//! cargo run -p hourglass-core --features test-util --example own_runtime
//! ```
//!
//! `Counted` is the runtime of your own; so that the example stays short, it passes everything on to the in-memory one.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hourglass_core::lifecycle::{ExitCause, Instance, InstanceState, Intent, StartInstance};
use hourglass_core::performer::{InstanceName, PerformerName, PerformerSpec};
use hourglass_core::ports::{Changes, Clock, InstanceRuntime, PerformerManager, RuntimeCapabilities, RuntimeError};
use hourglass_core::service::manager::{LoopingManager, ManagerOptions, ManagerParts};
use hourglass_core::testing::conformance::{Conduct, RuntimeHarness, instance_runtime};
use hourglass_core::testing::{
    Behaviour, Call, FakeClient, FakePlatform, FakeRuntime, Fault, MemoryPerformerStore, RecordingEvents, Simulation,
    VirtualClock,
};

struct Counted {
    inner: FakeRuntime,
    starts: AtomicU32,
}

#[async_trait]
impl InstanceRuntime for Counted {
    async fn observe(&self, performer: &PerformerName) -> Result<Vec<Instance>, RuntimeError> {
        self.inner.observe(performer).await
    }

    async fn performers(&self) -> Result<Vec<PerformerName>, RuntimeError> {
        self.inner.performers().await
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.inner.watch()
    }

    async fn start(&self, request: &StartInstance) -> Result<(), RuntimeError> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        self.inner.start(request).await
    }

    async fn stop(&self, name: &InstanceName, grace: Duration) -> Result<(), RuntimeError> {
        self.inner.stop(name, grace).await
    }

    fn capabilities(&self) -> RuntimeCapabilities {
        self.inner.capabilities()
    }
}

/// A simulated world with a platform in it.
struct World {
    simulation: Simulation,
    clock: Arc<VirtualClock>,
    platform: Arc<FakePlatform>,
}

impl World {
    fn new(seed: u64) -> Self {
        let simulation = Simulation::new(seed);
        let clock = Arc::new(simulation.clock());
        let platform = FakePlatform::new(clock.clone(), Arc::new(simulation.spawner()));
        Self { simulation, clock, platform }
    }

    fn counted(&self, executor: &str) -> Counted {
        Counted { inner: FakeRuntime::new(self.platform.clone(), executor), starts: AtomicU32::new(0) }
    }
}

fn spec(image: &str) -> Result<PerformerSpec, Box<dyn Error>> {
    let avs = "0x1111111111111111111111111111111111111111".parse()?;
    Ok(PerformerSpec::new(avs, image.parse()?))
}

/// How the conformance suite brings about what it looks at. With a real platform: images that do so.
struct Harness {
    world: World,
    spec: PerformerSpec,
}

#[async_trait]
impl RuntimeHarness for Harness {
    async fn runtime(&self, executor: &str) -> Arc<dyn InstanceRuntime> {
        Arc::new(self.world.counted(executor))
    }

    fn spec(&self, conduct: Conduct) -> PerformerSpec {
        let behaviour = match conduct {
            Conduct::Runs => Behaviour::default(),
            Conduct::ExitsWith3 => {
                Behaviour { ends: Some((Duration::from_millis(200), ExitCause::Code(3))), ..Behaviour::default() }
            }
            Conduct::IgnoresStop => Behaviour { ignores_stop: true, ..Behaviour::default() },
            Conduct::CannotStart => {
                let refusal = RuntimeError::Refused { reason: "ImageNotFound", message: "no such image".into() };
                Behaviour { refusal: Some(refusal), ..Behaviour::default() }
            }
        };
        self.world.platform.script(self.spec.image.as_str(), behaviour);
        self.spec.clone()
    }

    fn clock(&self) -> &dyn Clock {
        &*self.world.clock
    }

    async fn add_foreign(&self, name: &InstanceName) -> bool {
        self.world.platform.add_foreign(name);
        true
    }
}

/// One upgrade while every n-th write fails, before or after its effect. Returns how many starts it took.
fn upgrade(seed: u64) -> Result<u32, Box<dyn Error>> {
    let world = World::new(seed);
    let runtime = Arc::new(world.counted("executor"));
    let parts = ManagerParts {
        runtime: runtime.clone(),
        client: FakeClient::of_platform(world.clock.clone(), &world.simulation.spawner(), &world.platform),
        store: Arc::new(MemoryPerformerStore::new()),
        clock: world.clock.clone(),
        spawner: Arc::new(world.simulation.spawner()),
        events: Arc::new(RecordingEvents::default()),
    };
    let (old, new) = (spec("my-org/square:v1")?, spec("my-org/square:v2")?);
    let name: PerformerName = "square".parse()?;
    let configured = vec![(name.clone(), old)];
    let manager = world.simulation.block_on(LoopingManager::start(parts, ManagerOptions::default(), configured))?;
    world.simulation.run_for(Duration::from_secs(5));

    let mut write = seed;
    world.platform.set_faults(move |call: &Call| {
        let lost = || RuntimeError::Unavailable { platform: "the platform", message: "the answer was lost".into() };
        write += u64::from(call.is_write());
        match write % 4 {
            0 if call.is_write() => Fault::Before(lost()),
            2 if call.is_write() => Fault::After(lost()),
            _ => Fault::None,
        }
    });
    world.simulation.block_on(manager.apply(Intent::new(name, new.clone())))?;
    world.simulation.run_for(Duration::from_secs(600));

    let instances = world.platform.instances();
    let running: Vec<_> = instances.iter().filter(|(_, state)| *state == InstanceState::Running).collect();
    match running.as_slice() {
        [(name, _)] if name.revision == new.revision() => Ok(runtime.starts.load(Ordering::Relaxed)),
        other => Err(format!("seed {seed}: not one instance of the new revision but {other:?}").into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let harness = Harness { world: World::new(1), spec: spec("conformance")? };
    let simulation = harness.world.simulation.clone();
    simulation.block_on(instance_runtime(&harness));
    println!("the runtime keeps the promises of its port");

    let starts = (0..50).map(upgrade).collect::<Result<Vec<_>, _>>()?;
    println!("50 upgrades under faults ended with one instance of the new revision");
    println!("{} starts for 100 instances", starts.iter().sum::<u32>());
    Ok(())
}
