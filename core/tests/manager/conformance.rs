//! The fakes keep the promises of their ports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use hourglass_core::lifecycle::ExitCause;
use hourglass_core::performer::{Endpoint, InstanceName, PerformerSpec};
use hourglass_core::ports::{CallError, Clock, InstanceRuntime, PerformerClient, RuntimeError};
use hourglass_core::testing::conformance::{
    ClientHarness, Conduct, RuntimeHarness, Service, instance_runtime, performer_client,
};
use hourglass_core::testing::{Behaviour, FakeClient, FakeRuntime};

use crate::world::{World, spec};

#[async_trait]
impl RuntimeHarness for World {
    async fn runtime(&self, executor: &str) -> Arc<dyn InstanceRuntime> {
        Arc::new(FakeRuntime::new(self.platform.clone(), executor))
    }

    fn spec(&self, conduct: Conduct) -> PerformerSpec {
        let image = format!("{conduct:?}").to_lowercase();
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
        self.platform.script(&image, behaviour);
        spec(&image)
    }

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn add_foreign(&self, name: &InstanceName) -> bool {
        self.platform.add_foreign(name);
        true
    }
}

#[test]
fn the_fake_runtime_is_a_runtime() {
    for seed in 0..5 {
        let world = World::new(seed);
        world.sim.block_on(instance_runtime(&world));
        let ours = world.platform.instances().into_iter().filter(|(name, _)| !name.to_string().contains("foreign"));
        assert_eq!(ours.count(), 0);
    }
}

struct Client(World);

#[async_trait]
impl ClientHarness for Client {
    async fn client(&self) -> Arc<dyn PerformerClient> {
        let probe = |target: &hourglass_core::ports::Target| match target.endpoint.host.as_str() {
            "absent" => Err("connection refused".to_owned()),
            "notserving" => Err("NOT_SERVING".to_owned()),
            _ => Ok(()),
        };
        let client = FakeClient::new(self.0.clock.clone(), &self.0.sim.spawner(), Duration::from_millis(50), probe);
        client.answer_with(|target, call| {
            async move {
                match target.endpoint.host.as_str() {
                    "swallows" => std::future::pending().await,
                    "refuses" => Err(CallError::Performer { code: "INTERNAL", message: "no".into() }),
                    _ => Ok(call.payload),
                }
            }
            .boxed()
        });
        client
    }

    async fn serve(&self, service: Service) -> Endpoint {
        Endpoint { host: format!("{service:?}").to_lowercase(), port: 1 }
    }

    fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }
}

#[test]
fn the_fake_client_is_a_client() {
    let world = World::new(0);
    let sim = world.sim.clone();
    sim.block_on(performer_client(&Client(world)));
}
