//! Pods and Services as the API server writes them, as far as anything is read of them.

use std::collections::BTreeMap;

use hourglass_core::Timestamp;
use k8s_openapi::api::core::v1::{EnvVar, NodeSelector, Toleration};
use serde::{Deserialize, Deserializer};

use super::PortRecord;
use super::instant::lenient;

pub(super) type Text = Box<str>;
type Amounts = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pod {
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) spec: Spec,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: Text,
    pub(super) namespace: Text,
    pub(super) uid: Text,
    pub(super) resource_version: Text,
    #[serde(deserialize_with = "lenient")]
    pub(super) creation_timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub(super) deletion_timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, Text>,
    #[serde(deserialize_with = "nullable")]
    pub(super) owner_references: Vec<OwnerReference>,
    #[serde(deserialize_with = "nullable")]
    pub(super) finalizers: Vec<Text>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OwnerReference {
    pub(super) api_version: Text,
    pub(super) kind: Text,
    pub(super) uid: Text,
    pub(super) controller: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub(super) node_name: Option<Text>,
    #[serde(deserialize_with = "nullable")]
    pub(super) containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub(super) node_selector: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) affinity: Affinity,
    #[serde(deserialize_with = "nullable")]
    pub(super) tolerations: Vec<Toleration>,
    pub(super) runtime_class_name: Option<String>,
    pub(super) service_account_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Affinity {
    #[serde(deserialize_with = "nullable")]
    pub(super) node_affinity: NodeAffinity,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(super) required: Option<NodeSelector>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Container {
    pub(super) name: Text,
    pub(super) image: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) command: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) args: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) env: Vec<EnvVar>,
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: Vec<Port>,
    #[serde(deserialize_with = "nullable")]
    pub(super) resources: Resources,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Port {
    pub(super) name: Text,
    pub(super) container_port: u16,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Resources {
    #[serde(deserialize_with = "nullable")]
    pub(super) requests: Amounts,
    #[serde(deserialize_with = "nullable")]
    pub(super) limits: Amounts,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub(super) phase: Text,
    pub(super) reason: Option<Text>,
    pub(super) message: Option<Text>,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<Text>,
    #[serde(deserialize_with = "lenient")]
    pub(super) start_time: Option<Timestamp>,
    #[serde(deserialize_with = "nullable")]
    pub(super) conditions: Vec<Condition>,
    #[serde(deserialize_with = "nullable")]
    pub(super) container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: Text,
    pub(super) status: Text,
    pub(super) reason: Option<Text>,
    pub(super) message: Option<Text>,
    #[serde(deserialize_with = "lenient")]
    pub(super) last_transition_time: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerStatus {
    pub(super) name: Text,
    pub(super) restart_count: i64,
    pub(super) started: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub(super) state: State,
    #[serde(deserialize_with = "nullable")]
    pub(super) last_state: State,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct State {
    pub(super) waiting: Option<Waiting>,
    pub(super) running: Option<Running>,
    pub(super) terminated: Option<Terminated>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Waiting {
    pub(super) reason: Option<Text>,
    pub(super) message: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Running {
    #[serde(deserialize_with = "lenient")]
    pub(super) started_at: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Terminated {
    pub(super) exit_code: i32,
    pub(super) signal: Option<i32>,
    pub(super) reason: Option<Text>,
    pub(super) message: Option<Text>,
    #[serde(deserialize_with = "lenient")]
    pub(super) finished_at: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct Service {
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) spec: ServiceSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ServiceSpec {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    #[serde(rename = "clusterIP")]
    pub(super) cluster_ip: Option<Text>,
    #[serde(deserialize_with = "nullable")]
    pub(super) selector: BTreeMap<Text, Text>,
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: Vec<PortRecord>,
}

/// Some writers say `null` where others say nothing.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
