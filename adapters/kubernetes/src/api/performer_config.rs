use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a performer's container is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PerformerConfig {
    /// The port on which the performer serves gRPC in plaintext, and which the Service has too. Default 9090. The
    /// container finds it in GRPC_PORT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_port: Option<i32>,
    /// Environment variables with their values as text. For secrets use environmentFrom. GRPC_PORT and AVS_ADDRESS are
    /// set by the operator in any case, and win over what stands here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are in Secrets or ConfigMaps of this namespace. Where a name stands here and in
    /// environment, this one wins; of several with one name the last wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment_from: Vec<EnvironmentVariable>,
    /// Arguments of the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Replaces the image's entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The ServiceAccount that the pods run as, such as one with rights in a cloud. Its token is not mounted. Default:
    /// that of the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
}

/// An environment variable whose value is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentVariable {
    /// The name of the variable.
    pub name: String,
    /// Where its value is: exactly one of secretKeyRef and configMapKeyRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvironmentSource>,
}

/// Where the value of an environment variable is: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentSource {
    /// A key of a Secret in this namespace. The operator never reads it; the node does when it starts the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeySelector>,
    /// A key of a ConfigMap in this namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeySelector>,
}

/// One key of a Secret or ConfigMap in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeySelector {
    /// The name of the Secret or ConfigMap.
    pub name: String,
    /// The key in it. It must be there: a pod does not start without it.
    pub key: String,
}
