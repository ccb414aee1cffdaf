use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hourglass_cluster::{Audit, Cluster, Event, Namespace, Shared, shared};
use hourglass_core::Timestamp;
use hourglass_core::ports::Clock;
use hourglass_kubernetes::connection::{Call, ConnectOptions, Content, Resource, connect, resources, send};
use hourglass_kubernetes::crd;
use hourglass_kubernetes::lease::LeaseTimings;
use hourglass_kubernetes::operator::{Operator, OperatorOptions, OperatorPorts};
use hourglass_kubernetes::reconcile::NoMeasure;
use hourglass_kubernetes::writer::{NoHook, WriteHook, WriteMetrics, WriteOutcome};
use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::kubelet::Kubelet;

/// How long anything may take on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(60);

/// A namespace with a node that the test plays, on a cluster that others use too.
pub(super) struct World {
    kubeconfig: PathBuf,
    namespace: Namespace,
    client: Client,
    audit: Option<Audit>,
    _kubelet: Kubelet,
}

/// An operator of the test's own. Dropped, it is killed.
pub(super) struct Running {
    _tasks: JoinSet<()>,
    stop: Option<oneshot::Sender<()>>,
    lead: tokio::task::JoinHandle<()>,
    pub(super) leadership: hourglass_kubernetes::lease::Leadership,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lead.abort();
    }
}

impl Running {
    /// Its lease is renewed no more; whatever else it does, it goes on doing.
    pub(super) fn freeze(&self) {
        self.lead.abort();
    }

    pub(super) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        (&mut self.lead).await.unwrap();
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH + std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

struct NoWrites;

impl WriteMetrics for NoWrites {
    fn written(&self, _: WriteOutcome) {}
}

fn shared_cluster() -> &'static Shared {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    let cluster = shared().unwrap();
    INSTALLED.get_or_init(|| install(|arguments| cluster.kubectl(arguments).unwrap()));
    cluster
}

/// Installs the CustomResourceDefinitions.
fn install(kubectl: impl Fn(&[&str]) -> String) {
    for manifest in [crd::performers(), crd::executors()] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), manifest.to_string()).unwrap();
        kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file.path().to_str().unwrap()]);
    }
    let names = ["crd/performers.hourglass.eigenlayer.io", "crd/hourglassexecutors.hourglass.eigenlayer.io"];
    kubectl(&[&["wait", "--for=condition=Established", "--timeout=60s"][..], &names[..]].concat());
}

async fn client(kubeconfig: &Path, agent: &str) -> Client {
    let options =
        ConnectOptions { kubeconfig: Some(kubeconfig.to_owned()), context: None, user_agent: agent.to_owned() };
    connect(&options).await.unwrap().client
}

impl World {
    /// On the cluster of this process.
    pub(super) async fn new(name: &'static str) -> Self {
        let (cluster, namespace) = tokio::task::spawn_blocking(move || {
            let cluster = shared_cluster();
            (cluster, cluster.namespace(name).unwrap())
        })
        .await
        .unwrap();
        Self::with(cluster.kubeconfig().to_owned(), namespace, cluster.own().map(Cluster::audit)).await
    }

    /// On a cluster of the test's own, which it may break.
    pub(super) async fn on(cluster: &Arc<Cluster>, name: &'static str) -> Self {
        let own = cluster.clone();
        let namespace = tokio::task::spawn_blocking(move || {
            install(|arguments| own.kubectl(arguments).unwrap());
            own.namespace(name).unwrap()
        })
        .await
        .unwrap();
        Self::with(cluster.kubeconfig(), namespace, Some(cluster.audit())).await
    }

    async fn with(kubeconfig: PathBuf, namespace: Namespace, audit: Option<Audit>) -> Self {
        let test = client(&kubeconfig, "the-test").await;
        let kubelet = Kubelet::start(client(&kubeconfig, "scripted-kubelet").await, namespace.name());
        let audit = audit.map(|audit| audit.from_now());
        Self { kubeconfig, namespace, client: test, audit, _kubelet: kubelet }
    }

    pub(super) fn name(&self) -> &str {
        self.namespace.name()
    }

    /// Starts an operator for this namespace.
    pub(super) async fn operator(&self) -> Running {
        self.operator_with("one", Arc::new(NoHook)).await
    }

    pub(super) async fn operator_with(&self, identity: &str, hook: Arc<dyn WriteHook>) -> Running {
        self.operator_at(&self.kubeconfig, identity, hook, |_| {}).await
    }

    /// An operator that reaches the API server in another way, or differs in something else.
    pub(super) async fn operator_at(
        &self,
        kubeconfig: &Path,
        identity: &str,
        hook: Arc<dyn WriteHook>,
        change: impl FnOnce(&mut OperatorOptions),
    ) -> Running {
        let client = client(kubeconfig, &format!("hourglass-operator/test-{identity}")).await;
        let mut options = OperatorOptions::new(self.name(), identity);
        options.watch.namespace = Some(self.name().to_owned());
        options.lease = Some(LeaseTimings {
            duration: Duration::from_secs(3),
            renew_deadline: Duration::from_secs(2),
            renew_every: Duration::from_millis(500),
            look_every: Duration::from_millis(250),
        });
        options.workers = 4;
        change(&mut options);
        let ports = OperatorPorts {
            clock: Arc::new(SystemClock),
            writes: Arc::new(NoWrites),
            reconciles: Arc::new(NoMeasure),
            hook,
        };
        let operator = Operator::new(&client, options, ports);
        let mut tasks = JoinSet::new();
        for (_, service) in operator.services {
            tasks.spawn(service);
        }
        let (stop, stopped) = oneshot::channel();
        let lead = tokio::spawn(operator.lead.run(async { drop(stopped.await) }));
        Running { _tasks: tasks, stop: Some(stop), lead, leadership: operator.leadership }
    }

    async fn call(&self, method: Method, uri: String, body: Option<(Content, Value)>) -> Option<Value> {
        let body = body.map(|(content, value)| (content, Bytes::from(value.to_string())));
        let call = Call { method, uri, body, timeout: Duration::from_secs(30) };
        match send(&self.client, &call).await {
            Ok(reply) => Some(serde_json::from_slice(&reply.body).unwrap()),
            Err(failure) if failure.code() == Some(404) => None,
            Err(failure) => panic!("{} {}: {failure}", call.method, call.uri),
        }
    }

    pub(super) async fn get(&self, resource: Resource, name: &str) -> Option<Value> {
        self.call(Method::GET, resource.object(self.name(), name, None), None).await
    }

    pub(super) async fn list(&self, resource: Resource) -> Vec<Value> {
        let list = self.call(Method::GET, resource.collection(Some(self.name())), None).await.unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// The names of all pods.
    pub(super) async fn pod_names(&self) -> BTreeSet<String> {
        let pods = self.list(resources::PODS).await;
        pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until nothing was written for so long, where the cluster writes a log of ours.
    pub(super) async fn until_quiet(&self, long: Duration) {
        let deadline = Instant::now() + LIMIT;
        let (mut count, mut since) = (0, Instant::now());
        while since.elapsed() < long {
            let Some(writes) = self.writes() else { return };
            if writes.len() != count {
                (count, since) = (writes.len(), Instant::now());
            }
            assert!(Instant::now() < deadline, "it never ends: {:#?}", self.story().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What was written and what people are told, for messages.
    pub(super) async fn story(&self) -> Vec<String> {
        let mut lines = self.writes().map(|writes| told(&writes)).unwrap_or_default();
        let events = self.list(resources::EVENTS).await;
        let line = |event: &Value| {
            format!(
                "{} event by {} {} {}",
                event["eventTime"].as_str().unwrap_or_default(),
                event["reportingInstance"],
                event["reason"],
                event["note"]
            )
        };
        lines.extend(events.iter().map(line));
        lines.sort();
        lines
    }

    pub(super) async fn create(&self, name: &str, image: &str, more: Value) -> Value {
        let mut spec = json!({ "avsAddress": "0x00000000000000000000000000000000000000aa", "image": image });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let object = json!({
            "apiVersion": resources::PERFORMERS.api_version(), "kind": "Performer",
            "metadata": { "name": name }, "spec": spec,
        });
        let uri = resources::PERFORMERS.collection(Some(self.name()));
        self.call(Method::POST, uri, Some((Content::Json, object))).await.unwrap()
    }

    pub(super) async fn post(&self, resource: Resource, object: Value) {
        self.call(Method::POST, resource.collection(Some(self.name())), Some((Content::Json, object))).await;
    }

    pub(super) async fn patch(&self, name: &str, patch: Value) {
        let uri = resources::PERFORMERS.object(self.name(), name, None);
        self.call(Method::PATCH, uri, Some((Content::MergePatch, patch))).await.unwrap();
    }

    pub(super) async fn remove(&self, resource: Resource, name: &str) {
        self.call(Method::DELETE, resource.object(self.name(), name, None), None).await;
    }

    pub(super) async fn delete(&self, name: &str) {
        self.call(Method::DELETE, resources::PERFORMERS.object(self.name(), name, None), None).await;
    }

    /// Waits until something holds of a Performer.
    pub(super) async fn until(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let found = self.get(resources::PERFORMERS, name).await.unwrap_or_default();
            if holds(&found) {
                return found;
            }
            if Instant::now() >= deadline {
                let pods = self.pod_names().await;
                let status = &found["status"];
                panic!("not within {LIMIT:?}: {what}: {status:#}\npods: {pods:?}\n{:#?}", self.story().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until there are so many pods, none of them on its way out.
    pub(super) async fn until_pods(&self, count: usize) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let pods = self.list(resources::PODS).await;
            let leaving = pods.iter().any(|pod| pod["metadata"]["deletionTimestamp"].is_string());
            if pods.len() == count && !leaving {
                return;
            }
            if Instant::now() >= deadline {
                panic!("not {count} pods within {LIMIT:?}: {:?}\n{:#?}", self.pod_names().await, self.story().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until there is a PodDisruptionBudget, or none.
    pub(super) async fn until_budget(&self, name: &str, there: bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let found = self.get(resources::DISRUPTION_BUDGETS, name).await;
            if found.is_some() == there {
                return found.unwrap_or_default();
            }
            assert!(Instant::now() < deadline, "{name}: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn until_ready(&self, name: &str) -> Value {
        self.until(name, "ready", is_ready).await
    }

    pub(super) async fn until_gone(&self, name: &str) {
        self.until(name, "gone", Value::is_null).await;
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What this namespace's operators asked for since it was made; `None` where the cluster writes no log of ours.
    pub(super) fn requests(&self) -> Option<Vec<Event>> {
        let mut events = self.audit.as_ref()?.events().unwrap();
        events.retain(|event| {
            event.user_agent.starts_with("hourglass-operator") && event.object_ref.namespace == self.name()
        });
        Some(events)
    }

    /// What this namespace's operators wrote since it was made, leases aside; `None` where the cluster writes no log of ours.
    pub(super) fn writes(&self) -> Option<Vec<Event>> {
        let mut writes = self.audit.as_ref()?.writes().unwrap();
        writes.retain(|write| {
            write.user_agent.starts_with("hourglass-operator")
                && !write.is_lease()
                && write.object_ref.namespace == self.name()
        });
        Some(writes)
    }
}

/// Whether its present generation is ready.
pub(super) fn is_ready(performer: &Value) -> bool {
    let current = performer["status"]["observedGeneration"] == performer["metadata"]["generation"];
    current && condition(performer, "Ready")["status"] == "True"
}

pub(super) fn condition(performer: &Value, kind: &str) -> Value {
    let all = performer["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
}

/// Writes in a line each, for messages.
pub(super) fn told(writes: &[Event]) -> Vec<String> {
    let line = |write: &Event| {
        let (at, agent) = (&write.request_received_timestamp, write.user_agent.rsplit('-').next().unwrap_or_default());
        format!("{at} {agent} {} {}", write.verb, write.request)
    };
    writes.iter().map(line).collect()
}
