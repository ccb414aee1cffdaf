use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use hourglass_core::Timestamp;
use hourglass_core::performer::{InstanceName, PerformerSpec};
use hourglass_core::ports::{Clock, InstanceRuntime};
use hourglass_core::testing::conformance::{Conduct, RuntimeHarness, instance_runtime};
use hourglass_docker::ExecutorId;

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

struct Harness {
    ours: ExecutorId,
    other: ExecutorId,
}

#[async_trait]
impl RuntimeHarness for Harness {
    async fn runtime(&self, executor: &str) -> Arc<dyn InstanceRuntime> {
        let owner = if executor == "conformance" { &self.ours } else { &self.other };
        Arc::new(Executor::new(owner).await)
    }

    fn spec(&self, conduct: Conduct) -> PerformerSpec {
        match conduct {
            Conduct::Runs => spec(OBEYS, &[]),
            Conduct::ExitsWith3 => spec(OBEYS, &["exit", "3"]),
            Conduct::IgnoresStop => spec(STUBBORN, &[]),
            Conduct::CannotStart => PerformerSpec { command: vec!["/no/such/file".into()], ..spec(OBEYS, &[]) },
        }
    }

    fn clock(&self) -> &dyn Clock {
        &RealClock
    }

    async fn add_foreign(&self, name: &InstanceName) -> bool {
        foreign(host(), &format!("hourglass-{}-{name}", self.ours.short())).await;
        true
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_holds() {
    let harness = Harness { ours: owner(), other: owner() };
    instance_runtime(&harness).await;
}
