use hourglass_core::performer::Revision;
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::PodRecord;
use super::wire::{self, Text};
use crate::names;

/// A performer's Service as it is kept in memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "wire::Service")]
pub struct ServiceRecord {
    /// Its name.
    pub name: Text,
    /// Its namespace.
    pub namespace: Text,
    /// Its uid.
    pub uid: Text,
    /// Of this state of it.
    pub resource_version: Text,
    /// The uid of the Performer that controls it.
    pub owner: Option<Text>,
    /// Whether it is to go.
    pub leaving: bool,
    /// Who made it.
    pub maker: Maker,
    /// The Performer that its label names.
    pub performer: Option<Text>,
    /// What it selects pods by.
    pub selector: Box<[(Text, Text)]>,
    /// Its ports.
    pub ports: Box<[PortRecord]>,
    /// Whether it has no address of its own.
    pub headless: bool,
    /// Whether it is reachable inside the cluster only.
    pub internal: bool,
}

/// Who made a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Maker {
    /// We applied it.
    Us,
    /// The earlier operator, and we took it over.
    TakenOver,
    /// The earlier operator, or somebody else.
    Another,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortRecord {
    /// Its name.
    #[serde(default)]
    pub name: Text,
    /// Its number.
    pub port: i32,
    /// The name or number of the port of pods.
    #[serde(default)]
    pub target_port: Option<IntOrString>,
    /// The protocol that is spoken there.
    #[serde(default)]
    pub app_protocol: Option<Text>,
}

/// How a Service differs from what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Not at all: nothing is to be written.
    Nothing,
    /// Applying what is wanted makes it right.
    Apply,
    /// The earlier operator made it: this merge patch makes it right and takes it over. Applying would leave what another
    /// manager wrote beside ours. Its address stays.
    Patch(Value),
    /// What differs cannot be changed: it has an address and should have none, or the reverse. It is to be removed, with
    /// its uid as a precondition, and made again.
    Replace,
    /// It is not ours: somebody else has this name.
    Foreign,
}

impl From<wire::Service> for ServiceRecord {
    fn from(service: wire::Service) -> Self {
        let wire::Service { mut metadata, spec } = service;
        let label = |key: &str| metadata.labels.get(key).map(|value| &**value);
        let maker = match (label(names::LABEL_MANAGED_BY), label(names::LABEL_TAKEN_OVER)) {
            (Some(names::OPERATOR_MANAGER), None) => Maker::Us,
            (Some(names::OPERATOR_MANAGER), Some(_)) => Maker::TakenOver,
            _ => Maker::Another,
        };
        let owner = metadata.owner_references.into_iter().find(|owner| owner.controller == Some(true));
        Self {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            owner: owner.map(|owner| owner.uid),
            leaving: metadata.deletion_timestamp.is_some(),
            maker,
            performer: metadata.labels.remove(names::LABEL_PERFORMER),
            selector: spec.selector.into_iter().collect(),
            ports: spec.ports.into(),
            headless: spec.cluster_ip.as_deref() == Some("None"),
            internal: spec.kind.as_deref().is_none_or(|kind| kind == "ClusterIP"),
        }
    }
}

impl ServiceRecord {
    /// The revision that it routes to; `None` where it does not choose by revision.
    pub fn revision(&self) -> Option<Revision> {
        self.selected(names::LABEL_REVISION)?.parse().ok()
    }

    fn selected(&self, label: &str) -> Option<&str> {
        self.selector.iter().find(|(key, _)| **key == *label).map(|(_, value)| &**value)
    }

    /// Whether connections to it go to a pod, once that is ready. A selector by anything but our own labels selects
    /// nothing of ours.
    pub fn selects(&self, pod: &PodRecord) -> bool {
        let has = |key: &str, value: &str| match key {
            names::LABEL_APP => value == names::APP_PERFORMER,
            names::LABEL_PERFORMER => pod.performer.as_ref().is_some_and(|name| name.as_str() == value),
            names::LABEL_REVISION => pod.revision.as_ref().is_some_and(|revision| revision.as_str() == value),
            names::LABEL_SERVING => pod.serving == (value == "true"),
            _ => false,
        };
        !self.leaving && !self.selector.is_empty() && self.selector.iter().all(|(key, value)| has(key, value))
    }

    /// How it differs from `wanted`, which the Performer with this uid is to have.
    pub fn difference(&self, uid: &str, wanted: &Service) -> Difference {
        if self.owner.as_deref() != Some(uid) {
            return Difference::Foreign;
        }
        let spec = wanted.spec.clone().unwrap_or_default();
        if self.headless != (spec.cluster_ip.as_deref() == Some("None")) {
            return Difference::Replace;
        }
        let same = self.internal && self.has_selector(&spec) && self.has_ports(&spec);
        match self.maker {
            Maker::Us | Maker::TakenOver if same => Difference::Nothing,
            Maker::Us => Difference::Apply,
            Maker::TakenOver | Maker::Another => Difference::Patch(self.patch(wanted, &spec)),
        }
    }

    fn patch(&self, wanted: &Service, spec: &ServiceSpec) -> Value {
        let mut labels = wanted.metadata.labels.clone().unwrap_or_default();
        labels.insert(names::LABEL_TAKEN_OVER.into(), "true".into());
        json!({
            "metadata": {"uid": &*self.uid, "resourceVersion": &*self.resource_version, "labels": labels},
            "spec": {"type": spec.type_, "selector": selector_patch(self, spec), "ports": spec.ports},
        })
    }

    fn has_selector(&self, spec: &ServiceSpec) -> bool {
        let wanted = spec.selector.iter().flatten();
        self.selector.iter().map(|(key, value)| (&**key, &**value)).eq(wanted.map(|(key, value)| (&**key, &**value)))
    }

    fn has_ports(&self, spec: &ServiceSpec) -> bool {
        let wanted = spec.ports.as_deref().unwrap_or_default();
        let same = |(found, wanted): (&PortRecord, &k8s_openapi::api::core::v1::ServicePort)| {
            Some(&*found.name) == wanted.name.as_deref()
                && found.port == wanted.port
                && found.target_port == wanted.target_port
                && found.app_protocol.as_deref() == wanted.app_protocol.as_deref()
        };
        self.ports.len() == wanted.len() && self.ports.iter().zip(wanted).all(same)
    }
}

/// A merge patch keeps what it does not name: what is selected by and should not be is named as nothing.
fn selector_patch(record: &ServiceRecord, spec: &ServiceSpec) -> Value {
    let surplus = record.selector.iter().map(|(key, _)| (key.to_string(), Value::Null));
    let wanted = spec.selector.iter().flatten().map(|(key, value)| (key.clone(), Value::String(value.clone())));
    surplus.chain(wanted).collect()
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
