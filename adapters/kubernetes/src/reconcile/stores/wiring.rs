use std::sync::Arc;

use futures_util::future::BoxFuture;
use kube::Client;

use super::child::ChildRecord;
use super::records::{ExecutorRecord, PerformerRecord, ReplicaRecord};
use crate::cache::{Key, Store};
use crate::connection::{Resource, resources};
use crate::names;
use crate::observe::{PodRecord, ServiceRecord};
use crate::queue::Queue;
use crate::watch::{Record, Scope, WatchHealth, WatchOptions, Watcher};

/// What is watched.
#[derive(Debug, Clone, Default)]
pub struct WatchScope {
    /// One namespace, or all.
    pub namespace: Option<String>,
    /// How.
    pub options: WatchOptions,
}

/// What there is.
pub struct Stores {
    /// Performers; under the key of their executor, too.
    pub performers: Arc<Store<PerformerRecord>>,
    /// Performers' pods; under the key of their Performer, too.
    pub pods: Arc<Store<PodRecord>>,
    /// Performers' Services; under the key of their Performer, too.
    pub services: Arc<Store<ServiceRecord>>,
    /// Performers' PodDisruptionBudgets.
    pub budgets: Arc<Store<ChildRecord>>,
    /// Executors.
    pub executors: Arc<Store<ExecutorRecord>>,
    /// Executors' pods; under the key of their executor, too.
    pub replicas: Arc<Store<ReplicaRecord>>,
}

/// A watch that is to be run as long as the process, and what is known of it.
pub struct Running {
    /// Such as `watch of Pod`.
    pub kind: &'static str,
    /// What is known of it.
    pub health: WatchHealth,
    /// Never ends.
    pub run: BoxFuture<'static, ()>,
}

/// The key under which the performers of an executor are found. No object has it, since names have no colon.
fn of_executor(namespace: &str, name: &str) -> Key {
    Key::new(namespace, &format!("executor:{name}"))
}

impl Stores {
    /// Empty stores, whose changes put the Performers concerned into `queue`.
    pub fn new(queue: &Queue<Key>) -> Self {
        let performers = {
            let queue = queue.clone();
            Store::new(
                |performer: &PerformerRecord| {
                    let executor = performer.executor.as_deref();
                    executor.map(|name| of_executor(&performer.namespace, name)).into_iter().collect()
                },
                Box::new(move |before: Option<&PerformerRecord>, after: Option<&PerformerRecord>| {
                    if let Some(performer) = after.or(before) {
                        queue.add(&Key::new(&performer.namespace, &performer.name));
                    }
                }),
            )
        };
        let pods = Store::new(|pod: &PodRecord| of_pod(pod).into_iter().collect(), tell(queue, of_pod));
        let services =
            Store::new(|service: &ServiceRecord| of_service(service).into_iter().collect(), tell(queue, of_service));
        let budgets = Store::new(|_: &ChildRecord| Vec::new(), tell(queue, of_child));
        let tell_performers = |queue: &Queue<Key>| {
            let (queue, performers) = (queue.clone(), performers.clone());
            move |executor: Key| {
                for performer in performers.indexed(&executor) {
                    queue.add(&Key::new(&performer.namespace, &performer.name));
                }
            }
        };
        let executors = {
            let tell = tell_performers(queue);
            Store::new(
                |_: &ExecutorRecord| Vec::new(),
                Box::new(move |before: Option<&ExecutorRecord>, after: Option<&ExecutorRecord>| {
                    // Only what performers take from it.
                    if before.map(ExecutorRecord::scheduling) != after.map(ExecutorRecord::scheduling)
                        && let Some(executor) = after.or(before)
                    {
                        tell(of_executor(executor.namespace(), executor.name()));
                    }
                }),
            )
        };
        let replicas = {
            let tell = tell_performers(queue);
            Store::new(
                |replica: &ReplicaRecord| vec![of_executor(replica.namespace(), &replica.executor)],
                Box::new(move |before: Option<&ReplicaRecord>, after: Option<&ReplicaRecord>| {
                    if before.map(|replica| replica.ready) != after.map(|replica| replica.ready)
                        && let Some(replica) = after.or(before)
                    {
                        tell(of_executor(replica.namespace(), &replica.executor));
                    }
                }),
            )
        };
        Self { performers, pods, services, budgets, executors, replicas }
    }

    /// What follows the cluster for them.
    pub fn watches(&self, client: &Client, scope: &WatchScope) -> Vec<Running> {
        let performers = format!("{}={}", names::LABEL_APP, names::APP_PERFORMER);
        let executors = format!("{}={}", names::LABEL_APP, names::APP_EXECUTOR);
        vec![
            watch(client, scope, resources::PERFORMERS, "", &self.performers),
            watch(client, scope, resources::PODS, &performers, &self.pods),
            watch(client, scope, resources::SERVICES, &performers, &self.services),
            watch(client, scope, resources::DISRUPTION_BUDGETS, &performers, &self.budgets),
            watch(client, scope, resources::EXECUTORS, "", &self.executors),
            watch(client, scope, resources::PODS, &executors, &self.replicas),
        ]
    }

    /// Waits until all of them have been filled once.
    pub async fn synced(&self) {
        self.performers.synced().await;
        self.pods.synced().await;
        self.services.synced().await;
        self.budgets.synced().await;
        self.executors.synced().await;
        self.replicas.synced().await;
    }

    /// What has not been filled yet.
    pub fn unsynced(&self) -> Vec<&'static str> {
        let all = [
            ("performers", self.performers.is_synced()),
            ("pods", self.pods.is_synced()),
            ("services", self.services.is_synced()),
            ("disruption budgets", self.budgets.is_synced()),
            ("executors", self.executors.is_synced()),
            ("executors' pods", self.replicas.is_synced()),
        ];
        all.into_iter().filter(|(_, synced)| !synced).map(|(name, _)| name).collect()
    }

    /// The ready pods of an executor, by name.
    pub(crate) fn replicas_of(&self, namespace: &str, executor: &str) -> Vec<Arc<ReplicaRecord>> {
        let mut replicas = self.replicas.indexed(&of_executor(namespace, executor));
        replicas.retain(|replica| replica.ready);
        replicas
    }
}

fn of_pod(pod: &PodRecord) -> Option<Key> {
    pod.performer.as_ref().map(|performer| Key::new(&pod.namespace, performer.as_str()))
}

fn of_service(service: &ServiceRecord) -> Option<Key> {
    service.performer.as_ref().map(|performer| Key::new(&service.namespace, performer))
}

fn of_child(child: &ChildRecord) -> Option<Key> {
    child.performer.as_ref().map(|performer| Key::new(child.namespace(), performer))
}

fn tell<R: 'static>(queue: &Queue<Key>, of: fn(&R) -> Option<Key>) -> crate::cache::Listener<R> {
    let queue = queue.clone();
    Box::new(move |before, after| {
        let (before, after) = (before.and_then(of), after.and_then(of));
        if let Some(key) = &after {
            queue.add(key);
        }
        if let Some(key) = before.filter(|key| Some(key) != after.as_ref()) {
            queue.add(&key);
        }
    })
}

fn watch<R: Record>(
    client: &Client,
    scope: &WatchScope,
    resource: Resource,
    labels: &str,
    store: &Arc<Store<R>>,
) -> Running {
    let followed = Scope { namespace: scope.namespace.clone(), labels: labels.to_owned() };
    let watcher = Watcher::new(client.clone(), resource, followed, scope.options.clone());
    let (health, observer) = (watcher.health(), store.observer());
    let run = async move { match watcher.run(observer).await {} };
    Running { kind: resource.kind, health, run: Box::pin(run) }
}
