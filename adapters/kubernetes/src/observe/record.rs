use hourglass_core::Timestamp;
use hourglass_core::performer::{PerformerName, Revision};
use serde::Deserialize;
use serde_json::{Value, json};

use super::disruption::{Disruption, disruption};
use super::earlier::Earlier;
use super::exit::Ending;
use super::needs::needs;
use super::wire::{self, Text};
use crate::build::{CONTAINER, PORT_NAME, is_label};
use crate::names;

/// A performer's pod as it is kept in memory: what is asked of it again, and nothing else of the some kilobytes that the
/// API server sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "wire::Pod")]
pub struct PodRecord {
    /// Its name.
    pub name: Text,
    /// Its namespace.
    pub namespace: Text,
    /// Its uid: the precondition of its deletion.
    pub uid: Text,
    /// Of this state of it.
    pub resource_version: Text,
    /// The Performer that it says to be of.
    pub performer: Option<PerformerName>,
    /// The revision that the Service selects it by.
    pub revision: Option<Revision>,
    /// Whether its label lets it get tasks.
    pub serving: bool,
    /// The executor that a policy lets in.
    pub executor: Option<Text>,
    /// The uid of the Performer that controls it.
    pub owner: Option<Text>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its kubelet took it.
    pub started_at: Option<Timestamp>,
    /// By when it should be gone, where it is to go.
    pub gone_by: Option<Timestamp>,
    /// What keeps it although it is to go.
    pub finalizers: Box<[Text]>,
    /// Its node.
    pub node: Option<Text>,
    /// Its address.
    pub address: Option<Text>,
    /// The port that it serves on.
    pub port: Option<u16>,
    /// As the kubelet sums it up.
    pub phase: Phase,
    /// Why it is in this phase, where somebody says so.
    pub reason: Option<Text>,
    /// The same in words.
    pub message: Option<Text>,
    /// Whether it has a node.
    pub schedule: Schedule,
    /// Whether its sandbox is there: addresses and volumes, so that only images and containers are missing.
    pub has_sandbox: bool,
    /// Whether it is to get connections.
    pub readiness: Readiness,
    /// Whether every container is ready, whatever became of their node.
    pub containers_ready: bool,
    /// That somebody takes it away, or took it.
    pub disruption: Option<Box<Disruption>>,
    /// The performer's own container, once the kubelet tells of it.
    pub container: Option<ContainerRecord>,
    /// What it runs, where the earlier operator made it and it was not taken over yet.
    pub earlier: Option<Box<Earlier>>,
}

/// A pod's phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Phase {
    /// Not every container was started yet.
    #[default]
    Pending,
    /// Every container was started.
    Running,
    /// Every container ended well, and none is started again.
    Succeeded,
    /// It ended, and is not started again.
    Failed,
    /// Its node does not answer.
    Unknown,
}

/// What the scheduler says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Schedule {
    /// Nothing yet.
    #[default]
    Waiting,
    /// It has a node.
    Bound,
    /// No node fits.
    Unschedulable {
        /// The scheduler's message.
        message: Text,
        /// What a node must have for this pod.
        needs: Option<Text>,
    },
}

/// What the pod's condition `Ready` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// `True`.
    pub ready: bool,
    /// Neither `True` nor `False`: its node does not answer.
    pub unknown: bool,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Why not.
    pub reason: Option<Text>,
}

/// A container as the kubelet tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Its image, as asked for.
    pub image: Text,
    /// What it is doing.
    pub state: ContainerState,
    /// How it ended before it was last started.
    pub last: Option<Box<Ending>>,
    /// How often it was started again.
    pub restarts: u32,
    /// Whether its startup probe has succeeded.
    pub started: bool,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// Not running yet, or again.
    Waiting {
        /// The kubelet's word for why.
        reason: Text,
        /// The kubelet's or the container runtime's message.
        message: Text,
    },
    /// Running.
    Running {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// Ended.
    Ended(Box<Ending>),
}

impl PodRecord {
    /// Whether it was told to go.
    pub const fn is_leaving(&self) -> bool {
        self.gone_by.is_some()
    }

    /// Whether something of it may run, now or later, as long as it exists: also where the planner counts it as ended,
    /// since its kubelet may start the container once more. What must never run twice (`Recreate`) is started when no
    /// such pod is left.
    pub const fn may_run(&self) -> bool {
        !matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// The merge patch that makes the policy of another executor select this pod, or none; `None` where it is so already.
    pub fn admitting(&self, executor: Option<&str>) -> Option<Value> {
        let wanted = executor.filter(|name| is_label(name));
        (self.executor.as_deref() != wanted).then(|| {
            let labels = json!({ names::LABEL_EXECUTOR_REF: wanted });
            json!({"metadata": {"uid": &*self.uid, "resourceVersion": &*self.resource_version, "labels": labels}})
        })
    }
}

impl From<wire::Pod> for PodRecord {
    fn from(pod: wire::Pod) -> Self {
        let wire::Pod { mut metadata, spec, mut status } = pod;
        let mut label = |key: &str| metadata.labels.remove(key);
        let performer: Option<PerformerName> = label(names::LABEL_PERFORMER).and_then(|text| text.parse().ok());
        let revision: Option<Revision> = label(names::LABEL_REVISION).and_then(|text| text.parse().ok());
        let serving = label(names::LABEL_SERVING).as_deref() == Some("true");
        let executor = label(names::LABEL_EXECUTOR_REF);
        let made_earlier = performer.as_ref().is_some_and(|name| *names::earlier_pod(name) == *metadata.name);
        let schedule = schedule(&spec, &mut status);
        let condition = |kind: &str| status.conditions.iter().find(|condition| *condition.kind == *kind);
        let holds = |kind: &str| condition(kind).is_some_and(|condition| &*condition.status == "True");
        let (has_sandbox, containers_ready) = (holds("PodReadyToStartContainers"), holds("ContainersReady"));
        let readiness = condition("Ready").map_or_else(Readiness::default, |condition| Readiness {
            ready: &*condition.status == "True",
            unknown: &*condition.status == "Unknown",
            since: condition.last_transition_time,
            reason: condition.reason.clone(),
        });
        let disruption = disruption(&status).map(Box::new);
        let ours = spec.containers.iter().find(|container| &*container.name == CONTAINER);
        let ours = ours.or_else(|| spec.containers.first());
        let port = ours.and_then(|container| {
            let named = container.ports.iter().find(|port| &*port.name == PORT_NAME);
            named.map(|port| port.container_port).filter(|port| *port > 0)
        });
        let container = ours.and_then(|container| {
            let told = status.container_statuses.iter().position(|status| status.name == container.name)?;
            Some(ContainerRecord::new(container.image.clone(), status.container_statuses.swap_remove(told)))
        });
        let owner = metadata.owner_references.into_iter().find(|owner| {
            owner.controller == Some(true)
                && &*owner.kind == "Performer"
                && owner.api_version.split('/').next() == Some(names::GROUP)
        });
        Self {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            owner: owner.map(|owner| owner.uid),
            created_at: metadata.creation_timestamp.unwrap_or_default(),
            started_at: status.start_time,
            gone_by: metadata.deletion_timestamp,
            finalizers: metadata.finalizers.into(),
            address: status.pod_ip.filter(|address| !address.is_empty()),
            phase: phase(&status.phase),
            reason: status.reason,
            message: status.message,
            earlier: (made_earlier && revision.is_none()).then(|| Box::new(Earlier::new(&spec))),
            node: spec.node_name,
            performer,
            revision,
            serving,
            executor,
            port,
            schedule,
            has_sandbox,
            readiness,
            containers_ready,
            disruption,
            container,
        }
    }
}

fn phase(text: &str) -> Phase {
    match text {
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        "Unknown" => Phase::Unknown,
        _ => Phase::Pending,
    }
}

fn schedule(spec: &wire::Spec, status: &mut wire::Status) -> Schedule {
    let condition = status.conditions.iter_mut().find(|condition| &*condition.kind == "PodScheduled");
    match condition {
        _ if spec.node_name.as_ref().is_some_and(|node| !node.is_empty()) => Schedule::Bound,
        Some(condition) if &*condition.status == "True" => Schedule::Bound,
        Some(condition) if &*condition.status == "False" => {
            let reason = condition.reason.take().unwrap_or_default();
            let message = condition.message.take().filter(|message| !message.is_empty()).unwrap_or(reason);
            Schedule::Unschedulable { message, needs: needs(spec) }
        }
        _ => Schedule::Waiting,
    }
}

impl ContainerRecord {
    fn new(image: Text, status: wire::ContainerStatus) -> Self {
        let wire::State { waiting, running, terminated } = status.state;
        let state = match (running, terminated, waiting) {
            (Some(running), ..) => ContainerState::Running { since: running.started_at },
            (None, Some(terminated), _) => ContainerState::Ended(Box::new(terminated.into())),
            (None, None, waiting) => {
                let waiting = waiting.unwrap_or_default();
                ContainerState::Waiting {
                    reason: waiting.reason.unwrap_or_default(),
                    message: waiting.message.unwrap_or_default(),
                }
            }
        };
        Self {
            image,
            state,
            last: status.last_state.terminated.map(|ending| Box::new(ending.into())),
            restarts: u32::try_from(status.restart_count).unwrap_or(0),
            started: status.started.unwrap_or(false),
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
