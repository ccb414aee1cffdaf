use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use hourglass_core::Timestamp;
use hourglass_core::performer::{InstanceName, PerformerSpec};
use hourglass_core::ports::{Clock, InstanceRuntime};
use hourglass_core::testing::conformance::{Conduct, RuntimeHarness, instance_runtime};
use hourglass_process::{Options, ProcessRuntime, Supervisor};

use crate::fixture::*;

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[async_trait]
impl RuntimeHarness for Fixture {
    async fn runtime(&self, executor: &str) -> Arc<dyn InstanceRuntime> {
        let state = self.path().join(executor);
        Arc::new(ProcessRuntime::open(&state, Supervisor::program(HOST), Options::default()).await.unwrap())
    }

    fn spec(&self, conduct: Conduct) -> PerformerSpec {
        let text = match conduct {
            Conduct::Runs | Conduct::CannotStart => "exec sleep 1000",
            Conduct::ExitsWith3 => "exit 3",
            Conduct::IgnoresStop => "trap '' TERM; while :; do sleep 0.1; done",
        };
        let mut spec = script(1, text).spec;
        if conduct == Conduct::CannotStart {
            spec.image = "/no/such/file".parse().unwrap();
        }
        spec
    }

    fn clock(&self) -> &dyn Clock {
        &RealClock
    }

    async fn add_foreign(&self, _: &InstanceName) -> bool {
        // Nobody else writes into a directory that is locked; `what_another_owner_made_is_left_alone` has the case.
        false
    }
}

#[tokio::test]
async fn the_port_holds() {
    let fixture = Fixture::new();
    instance_runtime(&fixture).await;
    eventually("no process is left", || fixture.processes().is_empty()).await;
}
