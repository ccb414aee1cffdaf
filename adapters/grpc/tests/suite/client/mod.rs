mod calls;
mod conformance;
mod health;
mod resend;
mod routing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hourglass_core::lifecycle::Health;
use hourglass_core::performer::PerformerName;
use hourglass_core::ports::{PerformerClient as _, TaskCall};
use hourglass_core::task::TaskId;
use hourglass_grpc::client::{ClientOptions, ConnectionMetrics, GrpcPerformerClient};

use crate::support::{LONG, clock_and_spawner, eventually};

#[derive(Default)]
pub(crate) struct Errors(AtomicUsize);

impl ConnectionMetrics for Errors {
    fn connection_error(&self, _: &PerformerName) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) struct Client {
    client: Arc<GrpcPerformerClient>,
    errors: Arc<Errors>,
}

impl std::ops::Deref for Client {
    type Target = Arc<GrpcPerformerClient>;

    fn deref(&self) -> &Arc<GrpcPerformerClient> {
        &self.client
    }
}

/// A client whose ordinary health checks come so rarely that no test sees one.
pub(crate) fn client(change: impl FnOnce(&mut ClientOptions)) -> Client {
    let mut options = ClientOptions { health_interval: Duration::from_secs(3600), ..ClientOptions::default() };
    change(&mut options);
    let errors = Arc::new(Errors::default());
    let (clock, spawner) = clock_and_spawner();
    Client { client: Arc::new(GrpcPerformerClient::new(options, clock, spawner, errors.clone())), errors }
}

pub(crate) fn name() -> PerformerName {
    "p".parse().unwrap()
}

pub(crate) fn call() -> TaskCall {
    TaskCall {
        task_id: TaskId::new([0xab; 32]),
        payload: b"0x04".to_vec(),
        deadline: LONG,
        idempotent: false,
        traceparent: None,
    }
}

impl Client {
    pub(crate) fn healths(&self) -> Vec<Health> {
        self.client.targets(&name()).into_iter().map(|target| target.health).collect()
    }

    pub(crate) async fn all_ready(&self) {
        let ready = || self.healths().iter().all(|health| matches!(health, Health::Ready { .. }));
        eventually("every target is ready", ready).await;
    }

    /// Waits until the first target is not ready, and says why.
    pub(crate) async fn not_ready(&self) -> String {
        eventually("the target is not ready", || matches!(self.healths()[0], Health::NotReady { .. })).await;
        let Health::NotReady { reason, .. } = self.healths().remove(0) else { panic!("ready again") };
        reason
    }

    pub(crate) fn in_flight(&self) -> Vec<u32> {
        self.client.targets(&name()).into_iter().map(|target| target.in_flight).collect()
    }

    pub(crate) fn connection_errors(&self) -> usize {
        self.errors.0.load(Ordering::SeqCst)
    }
}
