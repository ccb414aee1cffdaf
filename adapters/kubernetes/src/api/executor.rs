use std::collections::BTreeMap;

use hourglass_core::performer::PullPolicy;
use k8s_openapi::api::core::v1::{NodeAffinity, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HourglassExecutorStatus, KeySelector, LocalReference, ResourceAmounts};

/// What an executor is to be: it takes tasks from aggregators, gives them to performers and signs the answers.
///
/// It becomes a StatefulSet of the same name, with a ConfigMap `<name>-config`, a ServiceAccount with the rights that it
/// needs in its namespace, Services, and a Secret for keys that stand here.
#[derive(CustomResource, Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "hourglass.eigenlayer.io",
    version = "v1alpha1",
    kind = "HourglassExecutor",
    plural = "hourglassexecutors",
    shortname = "hgx",
    namespaced,
    status = "HourglassExecutorStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default",
    doc = "An executor: takes tasks from aggregators, gives them to performers, signs the answers."
)]
#[serde(rename_all = "camelCase", default)]
pub struct HourglassExecutorSpec {
    /// The executor's image, such as hourglass/executor:v1.0.0.
    pub image: String,
    /// When the image is pulled: IfNotPresent (the default), Always (for tags that move) or Never (it must be on the
    /// node).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<PullPolicy>,
    /// How many replicas run. Default 1. Several replicas need one journal in PostgreSQL for all of them (see
    /// config.additionalConfig, storage), because without it the same task could be signed twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// What the executor is configured with. It is written into the ConfigMap `<name>-config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<ExecutorConfig>,
    /// What each replica asks for and may use: cpu, memory, ephemeral-storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceAmounts>,
    /// Labels that the node must carry, every one of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the replicas tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Secrets of this namespace with credentials for pulling the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalReference>,
    /// The volume with the journal of what was signed. It is kept when the executor is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistence: Option<ExecutorPersistence>,
}

/// What an executor is configured with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutorConfig {
    /// The aggregator: host and port, such as aggregator.example.com:9090.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregator_endpoint: Option<String>,
    /// How performers are run: kubernetes (the default), as Performers of this cluster. docker needs an engine that the
    /// pods of an executor do not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performer_mode: Option<String>,
    /// What is logged: error, warn, info (the default), debug or trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// Signing keys as text, by name: ecdsa, bls. They stand here for everybody to read who may read this resource;
    /// operatorKeyRefs does not have that problem. The operator moves them into a Secret and says so in a condition.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operator_keys: BTreeMap<String, String>,
    /// Signing keys in Secrets of this namespace, by name: ecdsa, bls; and for keystores ecdsaKeystore, ecdsaPassword,
    /// blsKeystore, blsPassword.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operator_key_refs: BTreeMap<String, KeySelector>,
    /// The chains that tasks come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<ChainSpec>,
    /// Where the executor's performers run, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<ExecutorKubernetes>,
    /// Any other section of the executor's configuration file, in the spelling of the file (docs/configuration.md), such
    /// as operator, storage, avs_config, tasks. What the fields beside this one set cannot be set here too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_config: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A chain that tasks come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ChainSpec {
    /// A name for people, such as ethereum.
    pub name: String,
    /// The chain's JSON-RPC endpoint: an http or https URL.
    pub rpc: String,
    /// The chain's id: 1 for Ethereum, 8453 for Base, 11155111 for Sepolia.
    pub chain_id: i64,
    /// The TaskMailbox contract. Chains that the executor knows have a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_mailbox_address: Option<String>,
}

/// Where an executor's performers run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutorKubernetes {
    /// The namespace of the performers. Default: the executor's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Scheduling of the performers that name this executor in executorRef, beside their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_scheduling: Option<SchedulingDefaults>,
}

/// Scheduling for every performer of an executor. A performer's own nodeSelector labels and runtimeClass win over these;
/// affinities of both hold together; tolerations add up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SchedulingDefaults {
    /// Labels that nodes must carry. A performer's own value for the same label wins.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Affinity to nodes. It holds together with a performer's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_affinity: Option<NodeAffinity>,
    /// Taints of nodes that performers tolerate, beside their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// The RuntimeClass of performers that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<String>,
}

/// The volume with an executor's journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutorPersistence {
    /// Its size. Default 1Gi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// Its StorageClass. Default: that of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
}
