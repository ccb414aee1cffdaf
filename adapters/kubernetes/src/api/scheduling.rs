use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, NodeAffinity, Toleration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a performer's pods may run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Scheduling {
    /// Labels that the node must carry, every one of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pods tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Affinity in the words of a pod: to nodes, to other pods, away from other pods. What it requires of nodes holds
    /// together with nodeAffinity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Affinity to nodes, the same as affinity.nodeAffinity. Where both are set, both hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_affinity: Option<NodeAffinity>,
    /// The RuntimeClass of the pods, such as gvisor or kata-containers. It must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<String>,
    /// The PriorityClass of the pods: what they may displace, and what may displace them. It must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
}

/// How several replicas are spread.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spread {
    /// The label of nodes over whose values replicas are spread. Default kubernetes.io/hostname; for zones
    /// topology.kubernetes.io/zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topology_key: Option<String>,
    /// By how many replicas two values may differ. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_skew: Option<i32>,
    /// What happens where that cannot be met: ScheduleAnyway (the default) or DoNotSchedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_unsatisfiable: Option<UnsatisfiableSpread>,
}

/// What happens where replicas cannot be spread as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum UnsatisfiableSpread {
    /// The pod is placed where it adds least to the imbalance.
    #[default]
    ScheduleAnyway,
    /// The pod waits.
    DoNotSchedule,
}
