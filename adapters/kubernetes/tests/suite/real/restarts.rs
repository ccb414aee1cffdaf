//! The operator killed before and after every one of its writes, and replaced by another: it comes to the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use hourglass_kubernetes::connection::resources::{DISRUPTION_BUDGETS, PERFORMERS, PODS, SERVICES};
use hourglass_kubernetes::writer::{NoHook, Write, WriteFailure, WriteHook};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::world::{World, condition, is_ready};

/// At which write an operator dies.
#[derive(Debug, Clone, Copy)]
struct Moment {
    write: usize,
    /// The API server has answered, and nobody has heard it.
    after: bool,
}

/// Kills the operator at one of its writes, as far as the API server can tell: from there on it does nothing more.
struct Killer {
    at: Moment,
    writes: AtomicUsize,
    killed: Notify,
}

impl Killer {
    fn new(at: Moment) -> Arc<Self> {
        Arc::new(Self { at, writes: AtomicUsize::new(0), killed: Notify::new() })
    }

    async fn die(&self) {
        self.killed.notify_one();
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl WriteHook for Killer {
    async fn before(&self, _: &Write) {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        if number > self.at.write || (number == self.at.write && !self.at.after) {
            self.die().await;
        }
    }

    async fn after(&self, _: &Write, _: Result<(), &WriteFailure>) {
        // Of several that are under way together, all die.
        if self.writes.load(Ordering::SeqCst) > self.at.write {
            self.die().await;
        }
    }
}

/// Something that is asked of an operator, from a state that is reached before it can die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    Create,
    Upgrade,
    FailedUpgrade,
    Scale,
    Delete,
}

impl Story {
    async fn before(self, world: &World) {
        if self == Self::Create {
            return;
        }
        let operator = world.operator_with("before", Arc::new(NoHook)).await;
        create(world).await;
        world.until_ready("p").await;
        operator.stop().await;
    }

    async fn begin(self, world: &World) {
        match self {
            Self::Create => create(world).await,
            Self::Upgrade => world.patch("p", json!({ "spec": { "image": "ready:2" } })).await,
            Self::FailedUpgrade => world.patch("p", json!({ "spec": { "image": "unready:2" } })).await,
            Self::Scale => world.patch("p", json!({ "spec": { "replicas": 3 } })).await,
            Self::Delete => world.delete("p").await,
        }
    }

    /// Waits for the end of it, and gives what users see then, without what differs from run to run.
    async fn end(self, world: &World) -> Value {
        match self {
            Self::Delete => {
                world.until_gone("p").await;
                world.until_pods(0).await;
                return json!("gone");
            }
            Self::FailedUpgrade => {
                world.until("p", "withdrawn", |p| condition(p, "Stalled")["status"] == "True").await;
            }
            _ => drop(world.until_ready("p").await),
        }
        world.until_pods(if self == Self::Scale { 3 } else { 1 }).await;
        let settled = |p: &Value| p["status"]["drainingPods"].is_null() && (is_ready(p) || self == Self::FailedUpgrade);
        let performer = world.until("p", "settled", settled).await;
        let service = world.get(SERVICES, "performer-p").await.unwrap();
        let revisions = world.list(PODS).await.into_iter().map(|pod| {
            let labels = &pod["metadata"]["labels"];
            json!([labels["hourglass.eigenlayer.io/revision"], labels["hourglass.eigenlayer.io/serving"]])
        });
        let budget = world.until_budget("performer-p", self == Self::Scale).await;
        let status = &performer["status"];
        json!({
            "finalizers": performer["metadata"]["finalizers"], "phase": status["phase"], "revision": status["revision"],
            "replicas": status["replicas"], "readyReplicas": status["readyReplicas"],
            "withdrawn": status["withdrawn"]["revision"], "pods": revisions.collect::<Vec<_>>(),
            "selector": service["spec"]["selector"], "good": status["history"]["good"]["revision"],
            "budget": budget["spec"],
        })
    }
}

async fn create(world: &World) {
    let upgrade = json!({ "readyDeadlineSeconds": 10, "drainDeadlineSeconds": 1 });
    world.create("p", "ready:1", json!({ "upgradeStrategy": upgrade })).await;
}

/// Tells a story undisturbed: what comes of it, and how many writes it takes.
async fn undisturbed(story: Story) -> (Value, usize) {
    let world = World::new("whole").await;
    story.before(&world).await;
    let counting = Killer::new(Moment { write: usize::MAX, after: true });
    let _operator = world.operator_with("whole", counting.clone()).await;
    story.begin(&world).await;
    let end = story.end(&world).await;
    // What still is to be said is said.
    tokio::time::sleep(Duration::from_secs(3)).await;
    (end, counting.writes.load(Ordering::SeqCst))
}

/// Tells it with an operator that dies then. Whether it got so far.
async fn killed(story: Story, at: Moment, undisturbed: &Value) -> bool {
    let world = World::new("killed").await;
    story.before(&world).await;
    let killer = Killer::new(at);
    let first = world.operator_with("first", killer.clone()).await;
    story.begin(&world).await;
    let died = tokio::time::timeout(Duration::from_secs(20), killer.killed.notified()).await.is_ok();
    drop(first);
    let second = world.operator_with("second", Arc::new(NoHook)).await;
    assert_eq!(story.end(&world).await, *undisturbed, "{story:?}, killed at {at:?}");
    let pods = world.pod_names().await;
    let _ = second.leadership.leads().await;
    // What is left to be said is said, and then nothing more is written.
    world.until_quiet(Duration::from_secs(7)).await;
    assert_eq!(world.pod_names().await, pods, "{story:?}, killed at {at:?}: {:#?}", world.story().await);
    assert_eq!(story.end(&world).await, *undisturbed, "{story:?}, killed at {at:?}, in the end");
    died
}

/// Every `step`th moment of a story.
async fn campaign(story: Story, step: usize) {
    let (end, writes) = undisturbed(story).await;
    let moments = (0..writes).flat_map(|write| [false, true].map(|after| Moment { write, after })).step_by(step);
    let end = &end;
    let died: Vec<bool> = stream::iter(moments).map(|at| killed(story, at, end)).buffer_unordered(4).collect().await;
    let alive = died.iter().filter(|died| !**died).count();
    // The last writes of one run need not be there in another.
    assert!(alive * 3 <= died.len(), "{story:?}: {alive} of {} were never killed", died.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_some_writes_another_operator_comes_to_the_same() {
    for (story, step) in [(Story::Create, 3), (Story::Upgrade, 7), (Story::Delete, 5)] {
        campaign(story, step).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: make faults"]
async fn killed_at_every_write_another_operator_comes_to_the_same() {
    for story in [Story::Create, Story::Upgrade, Story::FailedUpgrade, Story::Scale, Story::Delete] {
        let began = Instant::now();
        campaign(story, 1).await;
        println!("{story:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_well_gives_its_lease_back_and_another_takes_over() {
    let world = World::new("handover").await;
    let first = world.operator_with("first", Arc::new(NoHook)).await;
    let _ = first.leadership.leads().await;
    let second = world.operator_with("second", Arc::new(NoHook)).await;
    world.create("p", "ready:1", json!({})).await;
    world.until_ready("p").await;
    assert!(!second.leadership.is_leading());
    first.stop().await;
    let stopped = Instant::now();
    let _ = second.leadership.leads().await;
    assert!(stopped.elapsed() < Duration::from_secs(2), "{:?}", stopped.elapsed());
    world.create("q", "ready:1", json!({})).await;
    world.until_ready("q").await;
    assert_eq!(world.list(PERFORMERS).await.len(), 2);
    assert!(world.list(DISRUPTION_BUDGETS).await.is_empty(), "one replica has none");
}
