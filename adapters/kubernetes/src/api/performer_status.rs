use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::or_default;

/// What the operator has seen of a performer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PerformerStatus {
    /// Where it is in its life. Pending: nothing serves yet, or again. Running: serving. Upgrading: another revision is
    /// taking over. Terminating: on its way out. Failed: not serving, and nothing more is tried by itself.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub phase: Option<PerformerPhase>,
    /// Whether every replica of what the spec asks for is ready and gets tasks.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// One of the pods that get tasks.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<String>,
    /// The Service in front of the pods.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// Where executors reach it: host and port.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub grpc_endpoint: Option<String>,
    /// Ready: the revision that the spec asks for serves with all replicas. Available: some revision serves. Progressing:
    /// an upgrade or a start is under way. Degraded: less is ready than should be. Reconciling and Stalled are there
    /// while they are True: work is going on, or cannot go on without a change.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// When tasks were last switched from one revision to another.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub last_upgrade: Option<Time>,
    /// When it became ready.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub ready_time: Option<Time>,
    /// The generation of the spec that this status is about.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// How many pods of the revision that gets the tasks there are.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How many of them are ready.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Selects the performer's pods, for autoscalers.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The revision that gets the tasks.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The revision that the spec asks for. With BlueGreen, this is what to promote.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub desired_revision: Option<String>,
    /// Pods that get no new tasks and are stopped once every replica of the executor has acknowledged, in the annotation
    /// `drained.hourglass.eigenlayer.io/<replica>`, that it has none left with them, or after the drain deadline.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub draining_pods: Vec<String>,
    /// That the revision which the spec asks for was given up, and why.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<WithdrawnRevision>,
    /// What the operator remembers of upgrades and failures. It is not meant to be edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<serde_json::Value>,
}

/// The phases of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum PerformerPhase {
    /// Nothing serves yet, or again.
    #[default]
    Pending,
    /// Serving; or asked for no replicas and running none.
    Running,
    /// Another revision is taking over.
    Upgrading,
    /// On its way out.
    Terminating,
    /// Not serving, and nothing more will be tried by itself.
    Failed,
}

/// A revision that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WithdrawnRevision {
    /// Which revision it was.
    pub revision: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, in the platform's words.
    pub message: String,
    /// When it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}
