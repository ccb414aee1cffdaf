use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::join;

use super::{LOOK, in_time};
use crate::lifecycle::Health;
use crate::performer::{Endpoint, InstanceName, PerformerName};
use crate::ports::{CallError, Clock, PerformerClient, Target, TargetState, TaskCall};
use crate::task::TaskId;

/// What is behind an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Healthy; answers a task with its payload.
    Echoes,
    /// Answers health checks with `NOT_SERVING`, and would echo tasks.
    NotServing,
    /// Healthy; never answers a task.
    Swallows,
    /// Healthy; answers a task with an error of its own.
    Refuses,
    /// Nothing listens.
    Absent,
}

/// Gives the suite a client and services to talk to.
#[async_trait]
pub trait ClientHarness: Send + Sync {
    /// A client that knows no performer.
    async fn client(&self) -> Arc<dyn PerformerClient>;

    /// The endpoint of a new service, which is there until the suite ends.
    async fn serve(&self, service: Service) -> Endpoint;

    /// The time by which the client works.
    fn clock(&self) -> &dyn Clock;

    /// How long any single step may take; health checks among them.
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}

/// Every promise of [`PerformerClient`] that needs no particular transport.
///
/// # Panics
/// At the first promise that does not hold.
pub async fn performer_client(harness: &dyn ClientHarness) {
    sends_tasks_only_where_they_are_routed(harness).await;
    tells_the_health_of_every_target(harness).await;
    counts_tasks_in_flight(harness).await;
    passes_on_what_the_performer_says(harness).await;
}

struct Suite<'a> {
    harness: &'a dyn ClientHarness,
    client: Arc<dyn PerformerClient>,
    performer: PerformerName,
}

impl<'a> Suite<'a> {
    async fn new(harness: &'a dyn ClientHarness) -> Self {
        let performer = PerformerName::sanitised("conformance").expect("a name");
        Self { harness, client: harness.client().await, performer }
    }

    async fn target(&self, service: Service, suffix: u32, routed: bool) -> Target {
        let revision = "0123456789".parse().expect("a revision");
        let instance = InstanceName { performer: self.performer.clone(), revision, suffix };
        Target { instance, endpoint: self.harness.serve(service).await, routed }
    }

    async fn execute(&self, payload: &[u8], deadline: Duration) -> Result<Vec<u8>, CallError> {
        let call = TaskCall {
            task_id: TaskId::new([7; 32]),
            payload: payload.to_vec(),
            deadline,
            idempotent: false,
            traceparent: None,
        };
        let limit = deadline + self.harness.patience();
        in_time(self.harness.clock(), limit, "an answer or an error", self.client.execute(&self.performer, call)).await
    }

    async fn until(&self, what: &str, right: impl Fn(&[TargetState]) -> bool + Send) {
        let look = async {
            while !right(&self.client.targets(&self.performer)) {
                self.harness.clock().sleep(LOOK).await;
            }
        };
        in_time(self.harness.clock(), self.harness.patience(), what, look).await;
    }
}

const SHORT: Duration = Duration::from_millis(300);

async fn sends_tasks_only_where_they_are_routed(harness: &dyn ClientHarness) {
    let suite = Suite::new(harness).await;
    let unknown = suite.execute(b"x", SHORT).await;
    assert!(matches!(unknown, Err(CallError::NotReady { .. })), "of a performer that is not known: {unknown:?}");

    let mut target = suite.target(Service::Echoes, 1, false).await;
    suite.client.set_targets(&suite.performer, vec![target.clone()]);
    let healthy = |states: &[TargetState]| states.iter().all(|state| matches!(state.health, Health::Ready { .. }));
    suite.until("a target that gets no tasks is checked", |states| states.len() == 1 && healthy(states)).await;
    let unrouted = suite.execute(b"x", SHORT).await;
    assert!(matches!(unrouted, Err(CallError::NotReady { .. })), "with no target that gets tasks: {unrouted:?}");

    target.routed = true;
    // A task that is there before its target waits for it.
    let (early, ()) = join(suite.execute(b"early", harness.patience()), async {
        harness.clock().sleep(LOOK).await;
        suite.client.set_targets(&suite.performer, vec![target.clone()]);
    })
    .await;
    assert_eq!(early, Ok(b"early".to_vec()));
    assert_eq!(suite.execute(b"", harness.patience()).await, Ok(Vec::new()));

    suite.client.set_targets(&suite.performer, Vec::new());
    assert_eq!(suite.client.targets(&suite.performer), [], "an empty list forgets the performer");
    let forgotten = suite.execute(b"x", SHORT).await;
    assert!(matches!(forgotten, Err(CallError::NotReady { .. })), "of a performer that was forgotten: {forgotten:?}");
}

async fn tells_the_health_of_every_target(harness: &dyn ClientHarness) {
    let suite = Suite::new(harness).await;
    let mut changes = suite.client.watch();
    let not_serving = suite.target(Service::NotServing, 1, true).await;
    let absent = suite.target(Service::Absent, 2, true).await;
    suite.client.set_targets(&suite.performer, vec![not_serving, absent]);
    let unhealthy =
        |state: &TargetState| matches!(&state.health, Health::NotReady { reason, .. } if !reason.is_empty());
    suite.until("neither is healthy, with a reason", |states| states.len() == 2 && states.iter().all(unhealthy)).await;
    let notice = in_time(harness.clock(), harness.patience(), "a notice of a change of health", changes.next()).await;
    assert_eq!(notice.as_ref(), Some(&suite.performer));
    let answer = suite.execute(b"x", SHORT).await;
    assert!(matches!(answer, Err(CallError::NotReady { .. })), "with no healthy target: {answer:?}");
    suite.client.set_targets(&suite.performer, Vec::new());
}

async fn counts_tasks_in_flight(harness: &dyn ClientHarness) {
    let suite = Suite::new(harness).await;
    let target = suite.target(Service::Swallows, 1, true).await;
    suite.client.set_targets(&suite.performer, vec![target]);
    let one = |states: &[TargetState]| states.iter().any(|state| state.in_flight == 1);
    let deadline = Duration::from_secs(3);
    let (answer, ()) = join(suite.execute(b"x", deadline), suite.until("the task is counted", one)).await;
    assert_eq!(answer, Err(CallError::Deadline(deadline)));
    let none = |states: &[TargetState]| states.iter().all(|state| state.in_flight == 0);
    suite.until("a task that was given up is no longer counted", none).await;
    suite.client.set_targets(&suite.performer, Vec::new());
}

async fn passes_on_what_the_performer_says(harness: &dyn ClientHarness) {
    let suite = Suite::new(harness).await;
    let target = suite.target(Service::Refuses, 1, true).await;
    suite.client.set_targets(&suite.performer, vec![target]);
    let answer = suite.execute(b"x", harness.patience()).await;
    assert!(matches!(answer, Err(CallError::Performer { .. })), "{answer:?}");
    suite.client.set_targets(&suite.performer, Vec::new());
}
