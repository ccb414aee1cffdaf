use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::or_default;

/// What the operator has seen of an executor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HourglassExecutorStatus {
    /// Pending: no replica is ready yet. Running: at least one is. Stopped: it is being deleted. Failed: it cannot be
    /// run as it is configured; the conditions say why.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub phase: Option<ExecutorPhase>,
    /// How many replicas there are.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How many of them are ready.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Selects the executor's pods, for autoscalers.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Ready: every replica runs the configuration that the spec asks for. Available: at least one replica serves.
    /// Progressing: replicas are being started or replaced. Degraded: less is ready than should be. Reconciling and
    /// Stalled are there while they are True.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// When the configuration that the replicas read last changed.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub last_config_update: Option<Time>,
    /// Identifies the configuration that lastConfigUpdate is about.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub config_revision: Option<String>,
    /// The generation of the spec that this status is about.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The phases of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum ExecutorPhase {
    /// No replica is ready yet.
    #[default]
    Pending,
    /// At least one replica is ready.
    Running,
    /// It is being deleted.
    Stopped,
    /// It cannot be run as it is configured.
    Failed,
}
