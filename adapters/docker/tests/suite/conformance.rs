use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use hourglass_core::Timestamp;
use hourglass_core::performer::{InstanceName, PerformerSpec};
use hourglass_core::ports::{Clock, InstanceRuntime};
use hourglass_core::testing::conformance::{Conduct, RuntimeHarness, instance_runtime};
use hourglass_docker::ExecutorId;
use hourglass_docker::proxy::{Listen, Owner, Permits, ProxyOptions, SocketProxy};

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
    /// Where each of them finds the engine.
    hosts: [String; 2],
}

impl Harness {
    fn at(owners: [ExecutorId; 2], hosts: [String; 2]) -> Self {
        let [ours, other] = owners;
        Self { ours, other, hosts }
    }
}

#[async_trait]
impl RuntimeHarness for Harness {
    async fn runtime(&self, executor: &str) -> Arc<dyn InstanceRuntime> {
        let [ours, other] = &self.hosts;
        let (owner, host) = if executor == "conformance" { (&self.ours, ours) } else { (&self.other, other) };
        Arc::new(Executor::at(owner, host).await)
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
    let hosts = [host().to_owned(), host().to_owned()];
    instance_runtime(&Harness::at([owner(), owner()], hosts)).await;
}

/// The same through the socket proxy, each executor through one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_port_holds_behind_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let owners = [owner(), owner()];
    let mut gates = tokio::task::JoinSet::new();
    let mut hosts = [String::new(), String::new()];
    for (id, host) in owners.iter().zip(&mut hosts) {
        let listen = Listen::Unix(folder.path().join(id.as_str()));
        let engine = engine().host().strip_prefix("unix://").unwrap().into();
        let options = ProxyOptions { engine, owner: Owner::Id(id.clone()), permits: Permits::default() };
        gates.spawn(SocketProxy::bind(&listen, options).await.unwrap().serve());
        *host = format!("unix://{}", folder.path().join(id.as_str()).display());
    }
    host();
    instance_runtime(&Harness::at(owners, hosts)).await;
}
