use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::join;

use super::{LOOK, in_time};
use crate::lifecycle::{ExitCause, Instance, InstanceState, Owner, StartInstance};
use crate::performer::{InstanceName, PerformerName, PerformerSpec};
use crate::ports::{Changes, Clock, InstanceRuntime, RuntimeError};

/// What an instance is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// Run until it is told to stop, then end at once.
    Runs,
    /// Run for less than a second and end by itself with exit code 3.
    ExitsWith3,
    /// Run, and ignore the request to stop: only a kill ends it.
    IgnoresStop,
    /// Be impossible to start: no such image, no such file.
    CannotStart,
}

/// Gives the suite a real platform.
#[async_trait]
pub trait RuntimeHarness: Send + Sync {
    /// A new runtime object on the same platform, for the executor of this name: what a restart of it makes.
    async fn runtime(&self, executor: &str) -> Arc<dyn InstanceRuntime>;

    /// A specification whose instances conduct themselves so.
    fn spec(&self, conduct: Conduct) -> PerformerSpec;

    /// The time by which the platform works.
    fn clock(&self) -> &dyn Clock;

    /// Puts an instance of this name there that no executor made. `false` where the platform has no such thing.
    async fn add_foreign(&self, name: &InstanceName) -> bool;

    /// How long any single step may take.
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}

/// Every promise of [`InstanceRuntime`].
///
/// Uses performers whose names begin with `conformance-`, and leaves nothing behind where it does not panic.
///
/// # Panics
/// At the first promise that does not hold.
pub async fn instance_runtime(harness: &dyn RuntimeHarness) {
    knows_nothing_of_strangers(harness).await;
    starts_once(harness).await;
    tells_how_an_instance_ended(harness).await;
    says_that_a_start_is_impossible(harness).await;
    kills_after_the_grace_period(harness).await;
    runs_several_of_one_performer(harness).await;
    finds_its_instances_after_a_restart(harness).await;
    leaves_other_executors_alone(harness).await;
    leaves_foreign_instances_alone(harness).await;
}

const GRACE: Duration = Duration::from_secs(5);

struct Suite<'a> {
    harness: &'a dyn RuntimeHarness,
    runtime: Arc<dyn InstanceRuntime>,
    performer: PerformerName,
    changes: Changes<PerformerName>,
}

impl<'a> Suite<'a> {
    async fn new(harness: &'a dyn RuntimeHarness, topic: &str) -> Self {
        let runtime = harness.runtime("conformance").await;
        let performer = PerformerName::sanitised(&format!("conformance-{topic}")).expect("a name");
        let changes = runtime.watch();
        Self { harness, runtime, performer, changes }
    }

    fn request(&self, conduct: Conduct, suffix: u32) -> StartInstance {
        let spec = self.harness.spec(conduct);
        let name = InstanceName { performer: self.performer.clone(), revision: spec.revision(), suffix };
        StartInstance { name, spec }
    }

    async fn start(&self, conduct: Conduct, suffix: u32) -> InstanceName {
        let request = self.request(conduct, suffix);
        let started = self.runtime.start(&request).await;
        assert_eq!(started, Ok(()), "start of {}", request.name);
        request.name
    }

    async fn observe(&self) -> Vec<Instance> {
        let observed = self.runtime.observe(&self.performer).await.expect("observe");
        let names: BTreeSet<_> = observed.iter().map(|instance| &instance.name).collect();
        assert_eq!(names.len(), observed.len(), "every instance is observed once");
        assert!(names.iter().all(|name| name.performer == self.performer), "only of the performer asked for");
        observed
    }

    async fn performers(&self) -> Vec<PerformerName> {
        self.runtime.performers().await.expect("performers")
    }

    /// Waits until an instance is observed so; `None` stands for "not there".
    async fn until(&self, name: &InstanceName, what: &str, right: impl Fn(Option<&Instance>) -> bool + Send) {
        let look = async {
            loop {
                let observed = self.observe().await;
                if right(observed.iter().find(|instance| instance.name == *name)) {
                    return;
                }
                self.harness.clock().sleep(LOOK).await;
            }
        };
        in_time(self.harness.clock(), self.harness.patience(), &format!("{name} {what}"), look).await;
    }

    async fn until_running(&self, name: &InstanceName) -> Instance {
        self.until(name, "runs and has an endpoint", |instance| {
            instance.is_some_and(|instance| {
                assert!(!matches!(instance.state, InstanceState::Exited { .. }), "it ended: {instance:?}");
                instance.state == InstanceState::Running && instance.endpoint.is_some()
            })
        })
        .await;
        self.observe().await.into_iter().find(|instance| instance.name == *name).expect("what runs is still there")
    }

    async fn until_gone(&self, name: &InstanceName) {
        self.until(name, "is gone", |instance| instance.is_none()).await;
    }

    async fn stop(&self, name: &InstanceName, grace: Duration) {
        assert_eq!(self.runtime.stop(name, grace).await, Ok(()), "stop of {name}");
    }

    async fn noticed(&mut self, what: &str) {
        let (clock, patience) = (self.harness.clock(), self.harness.patience());
        let performer = self.performer.clone();
        let changes = &mut self.changes;
        let notice = async {
            while let Some(changed) = changes.next().await {
                if changed == performer {
                    return true;
                }
            }
            false
        };
        assert!(in_time(clock, patience, what, notice).await, "the stream of notices ended");
    }
}

async fn knows_nothing_of_strangers(harness: &dyn RuntimeHarness) {
    let suite = Suite::new(harness, "stranger").await;
    assert_eq!(suite.observe().await, []);
    assert!(!suite.performers().await.contains(&suite.performer));
    let name = suite.request(Conduct::Runs, 1).name;
    suite.stop(&name, GRACE).await;
}

async fn starts_once(harness: &dyn RuntimeHarness) {
    let mut suite = Suite::new(harness, "once").await;
    let request = suite.request(Conduct::Runs, 1);
    let both = join(suite.runtime.start(&request), suite.runtime.start(&request)).await;
    assert_eq!(both, (Ok(()), Ok(())), "two starts of one instance at once");
    suite.noticed("a notice of a start").await;
    let first = suite.until_running(&request.name).await;
    assert_eq!(first.owner, Owner::Ours);
    assert!(suite.performers().await.contains(&suite.performer));

    suite.start(Conduct::Runs, 1).await;
    let observed = suite.observe().await;
    assert_eq!(observed.len(), 1, "a start of what runs makes no other");
    let same = |instance: &Instance| (instance.platform_id.clone(), instance.endpoint.clone(), instance.started_at);
    assert_eq!(observed.first().map(same), Some(same(&first)), "a start of what runs leaves it alone");

    suite.stop(&request.name, GRACE).await;
    suite.stop(&request.name, GRACE).await;
    suite.until_gone(&request.name).await;
    suite.stop(&request.name, GRACE).await;
    assert!(!suite.performers().await.contains(&suite.performer), "nothing of it is left");
}

async fn tells_how_an_instance_ended(harness: &dyn RuntimeHarness) {
    let mut suite = Suite::new(harness, "ended").await;
    let name = suite.start(Conduct::ExitsWith3, 1).await;
    let ended = |instance: Option<&Instance>| {
        instance.is_some_and(|instance| {
            matches!(&instance.state, InstanceState::Exited { cause, .. }
            if *cause == ExitCause::Code(3))
        })
    };
    suite.until(&name, "is seen to have exited with code 3", ended).await;
    suite.noticed("a notice of an end").await;
    assert!(suite.performers().await.contains(&suite.performer), "remains count");
    suite.start(Conduct::ExitsWith3, 1).await;
    assert!(ended(suite.observe().await.first()), "a start of what has ended leaves it as it is");
    suite.stop(&name, GRACE).await;
    suite.until_gone(&name).await;
}

async fn says_that_a_start_is_impossible(harness: &dyn RuntimeHarness) {
    let suite = Suite::new(harness, "impossible").await;
    let request = suite.request(Conduct::CannotStart, 1);
    match suite.runtime.start(&request).await {
        Err(error) => {
            let knows = matches!(error, RuntimeError::Refused { .. } | RuntimeError::Failed { .. });
            assert!(knows, "an impossible start is known to have failed: {error:?}");
            assert!(!error.to_string().is_empty() && !error.reason().is_empty());
        }
        Ok(()) => {
            let failed = |instance: Option<&Instance>| {
                instance.is_some_and(|instance| {
                    assert!(instance.state != InstanceState::Running, "it cannot run");
                    let InstanceState::Exited { cause, .. } = &instance.state else { return false };
                    assert!(matches!(cause, ExitCause::StartFailed { .. } | ExitCause::Refused { .. }), "{cause:?}");
                    true
                })
            };
            suite.until(&request.name, "is seen to have failed to start", failed).await;
        }
    }
    suite.stop(&request.name, GRACE).await;
    suite.until_gone(&request.name).await;
}

async fn kills_after_the_grace_period(harness: &dyn RuntimeHarness) {
    let suite = Suite::new(harness, "stubborn").await;
    let name = suite.start(Conduct::IgnoresStop, 1).await;
    suite.until_running(&name).await;
    let (asked, grace) = (harness.clock().now(), Duration::from_millis(600));
    suite.stop(&name, grace).await;
    let stopping = suite.observe().await;
    let state = stopping.iter().find(|instance| instance.name == name).map(|instance| instance.state.clone());
    let took = harness.clock().now().since(asked);
    // Where the call returned at once, the grace period is not over: it must still be there, and known to be ending.
    assert!(
        state == Some(InstanceState::Stopping) || took >= grace,
        "{name} was told to stop {took:?} ago, and is seen as {state:?}"
    );
    suite.until_gone(&name).await;
    let took = harness.clock().now().since(asked);
    assert!(took >= grace * 9 / 10, "it had {grace:?} to end by itself, and was killed after {took:?}");
}

async fn runs_several_of_one_performer(harness: &dyn RuntimeHarness) {
    let suite = Suite::new(harness, "several").await;
    let mut other = suite.request(Conduct::Runs, 3);
    other.spec.args.push("--other-revision".to_owned());
    other.name.revision = other.spec.revision();
    let first = suite.start(Conduct::Runs, 1).await;
    let second = suite.start(Conduct::Runs, 2).await;
    assert_eq!(suite.runtime.start(&other).await, Ok(()));
    let mut endpoints = BTreeSet::new();
    for name in [&first, &second, &other.name] {
        endpoints.extend(suite.until_running(name).await.endpoint);
    }
    assert_eq!(endpoints.len(), 3, "each has an endpoint of its own");
    suite.stop(&first, GRACE).await;
    suite.until_gone(&first).await;
    assert_eq!(suite.observe().await.len(), 2, "the others are left alone");
    for name in [&second, &other.name] {
        suite.stop(name, GRACE).await;
        suite.until_gone(name).await;
    }
}

async fn finds_its_instances_after_a_restart(harness: &dyn RuntimeHarness) {
    let suite = Suite::new(harness, "restart").await;
    let name = suite.start(Conduct::Runs, 1).await;
    let before = suite.until_running(&name).await;
    let ending = suite.start(Conduct::ExitsWith3, 2).await;
    drop(suite);

    let suite = Suite::new(harness, "restart").await;
    assert!(suite.performers().await.contains(&suite.performer), "a restarted executor finds its performers");
    let after = suite.until_running(&name).await;
    assert_eq!(after.owner, Owner::Ours);
    let same = |instance: &Instance| (instance.platform_id.clone(), instance.endpoint.clone());
    assert_eq!(same(&after), same(&before), "it is the same instance");
    let ended = |instance: Option<&Instance>| {
        instance.is_some_and(|instance| matches!(instance.state, InstanceState::Exited { .. }))
    };
    suite.until(&ending, "is seen to have ended, although nobody looked", ended).await;
    suite.start(Conduct::Runs, 1).await;
    assert_eq!(suite.observe().await.len(), 2, "a start of what runs since before the restart makes no other");
    for name in [&name, &ending] {
        suite.stop(name, GRACE).await;
        suite.until_gone(name).await;
    }
}

async fn leaves_other_executors_alone(harness: &dyn RuntimeHarness) {
    let suite = Suite::new(harness, "neighbour").await;
    let name = suite.start(Conduct::Runs, 1).await;
    suite.until_running(&name).await;
    let other = harness.runtime("conformance-other").await;
    let seen = other.observe(&suite.performer).await.expect("observe by another executor");
    let ours = seen.into_iter().any(|instance| instance.owner == Owner::Ours);
    assert!(!ours, "another executor's instance is not ours");
    let performers = other.performers().await;
    assert!(performers.is_ok_and(|performers| !performers.contains(&suite.performer)));
    let _ = other.stop(&name, Duration::ZERO).await;
    harness.clock().sleep(LOOK * 5).await;
    suite.until_running(&name).await;
    suite.stop(&name, GRACE).await;
    suite.until_gone(&name).await;
}

async fn leaves_foreign_instances_alone(harness: &dyn RuntimeHarness) {
    let suite = Suite::new(harness, "foreign").await;
    let name = suite.request(Conduct::Runs, 1).name;
    if !harness.add_foreign(&name).await {
        return;
    }
    let foreign = |instance: Option<&Instance>| instance.is_some_and(|instance| instance.owner == Owner::Foreign);
    suite.until(&name, "is seen as foreign", foreign).await;
    let _ = suite.runtime.start(&suite.request(Conduct::Runs, 1)).await;
    let _ = suite.runtime.stop(&name, Duration::ZERO).await;
    harness.clock().sleep(LOOK * 5).await;
    assert!(foreign(suite.observe().await.first()), "a foreign instance is never touched");
    assert!(!suite.performers().await.contains(&suite.performer), "it is not one of ours");
}
