use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Amounts of resources, by resource name: cpu, memory, ephemeral-storage, or a device such as nvidia.com/gpu.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResourceAmounts {
    /// What each pod may use at most, such as cpu: "2" or memory: 4Gi.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Quantity>,
    /// What must be free on a node for the pod to be placed there. Where it is not set, the limit counts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, Quantity>,
}

/// The name of an object in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LocalReference {
    /// Its name.
    pub name: String,
}

/// What may differ from the hardened defaults of a pod.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSecurity {
    /// The user that the container runs as. Default 65532. With 0 (root) the namespace's Pod Security must allow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<i64>,
    /// Whether the container's root file system is read-only. Default true; /tmp can always be written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only_root_filesystem: Option<bool>,
    /// Whether a process may gain privileges that its parent has not. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_privilege_escalation: Option<bool>,
    /// Capabilities that the container keeps, such as NET_BIND_SERVICE. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_capabilities: Vec<String>,
    /// The most that may be written to /tmp, which is in memory and counts towards its limit. Default 64Mi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_size: Option<Quantity>,
}
