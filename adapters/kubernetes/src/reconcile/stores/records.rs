use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::{Performer, SchedulingDefaults};
use crate::names;
use crate::observe::{PodRecord, ServiceRecord};
use crate::watch::Record;

type Text = Box<str>;

/// What every object has, with everything else that its metadata says.
#[derive(Deserialize)]
pub(super) struct Wire {
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
    #[serde(default)]
    pub(super) spec: Value,
    #[serde(default)]
    status: Value,
}

impl Wire {
    pub(super) fn text(&self, field: &str) -> Text {
        self.metadata.get(field).and_then(Value::as_str).unwrap_or_default().into()
    }
}

/// A Performer as it is kept in memory: its own JSON without what nobody here asks for, which is smaller than any type,
/// and what is asked often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct PerformerRecord {
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
    /// Its uid.
    pub uid: Text,
    /// Of this state of it.
    pub resource_version: Text,
    /// The executor that it names.
    pub executor: Option<Text>,
    /// The phase that its status tells.
    pub phase: Text,
    /// Whether it is to go.
    pub leaving: bool,
    json: Text,
}

impl From<Wire> for PerformerRecord {
    fn from(mut wire: Wire) -> Self {
        wire.metadata.remove("managedFields");
        if let Some(annotations) = wire.metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(Text::from);
        Self {
            namespace: wire.text("namespace"),
            name: wire.text("name"),
            uid: wire.text("uid"),
            resource_version: wire.text("resourceVersion"),
            executor: text(&wire.spec, "executorRef").filter(|name| !name.is_empty()),
            phase: text(&wire.status, "phase").unwrap_or_default(),
            leaving: wire.metadata.contains_key("deletionTimestamp"),
            json: json!({ "metadata": wire.metadata, "spec": wire.spec, "status": wire.status }).to_string().into(),
        }
    }
}

impl PerformerRecord {
    /// The whole of it.
    ///
    /// # Errors
    /// Where a field is of another type than it can be; then the specification is left out, if that helps, so that it can
    /// at least be deleted and told about.
    pub fn object(&self) -> Result<Performer, (Option<Box<Performer>>, serde_json::Error)> {
        serde_json::from_str(&self.json).map_err(|error| {
            let bare = serde_json::from_str::<Value>(&self.json).ok().and_then(|mut value| {
                value.as_object_mut()?.insert("spec".to_owned(), Value::Object(Map::new()));
                serde_json::from_value(value).ok()
            });
            (bare, error)
        })
    }
}

/// What is kept of an executor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct ExecutorRecord {
    namespace: Text,
    name: Text,
    uid: Text,
    resource_version: Text,
    scheduling: Option<Text>,
}

impl From<Wire> for ExecutorRecord {
    fn from(wire: Wire) -> Self {
        let scheduling = wire.spec.pointer("/config/kubernetes/defaultScheduling").filter(|value| !value.is_null());
        Self {
            namespace: wire.text("namespace"),
            name: wire.text("name"),
            uid: wire.text("uid"),
            resource_version: wire.text("resourceVersion"),
            scheduling: scheduling.map(|value| value.to_string().into()),
        }
    }
}

impl ExecutorRecord {
    /// Where its performers run, unless they say otherwise.
    pub fn scheduling(&self) -> Option<SchedulingDefaults> {
        serde_json::from_str(self.scheduling.as_deref()?).ok()
    }
}

/// A pod of an executor, which acknowledges that a performer's pod has drained.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct ReplicaRecord {
    namespace: Text,
    name: Text,
    uid: Text,
    resource_version: Text,
    /// Of which executor.
    pub executor: Text,
    /// Whether it is ready, and stays.
    pub ready: bool,
}

impl From<Wire> for ReplicaRecord {
    fn from(wire: Wire) -> Self {
        let label = |name: &str| wire.metadata.get("labels")?.get(name)?.as_str().map(Text::from);
        let conditions = wire.status.get("conditions").and_then(Value::as_array);
        let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        Self {
            namespace: wire.text("namespace"),
            name: wire.text("name"),
            uid: wire.text("uid"),
            resource_version: wire.text("resourceVersion"),
            executor: label(names::LABEL_NAME).unwrap_or_default(),
            ready: conditions.is_some_and(|all| all.iter().any(ready))
                && !wire.metadata.contains_key("deletionTimestamp"),
        }
    }
}

macro_rules! records {
    ($($record:ty),*) => {$(
        impl Record for $record {
            fn namespace(&self) -> &str {
                &self.namespace
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn uid(&self) -> &str {
                &self.uid
            }

            fn resource_version(&self) -> &str {
                &self.resource_version
            }
        }
    )*};
}
records!(PerformerRecord, ExecutorRecord, ReplicaRecord, PodRecord, ServiceRecord);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_performer_is_small_and_whole() {
        let object = json!({
            "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer",
            "metadata": {
                "name": "p", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 3,
                "managedFields": [{ "manager": "x" }],
                "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "long", "other": "kept" },
            },
            "spec": { "avsAddress": "0x00", "image": "i:1", "executorRef": "e" },
            "status": { "phase": "Running" },
        });
        let record: PerformerRecord = serde_json::from_value(object).unwrap();
        assert_eq!((&*record.phase, record.executor.as_deref(), record.leaving), ("Running", Some("e"), false));
        assert!(!record.json.contains("managedFields") && !record.json.contains("long"));
        let object = record.object().unwrap();
        assert_eq!((object.metadata.generation, &*object.spec.image), (Some(3), "i:1"));
        assert_eq!(object.metadata.annotations.unwrap()["other"], "kept");
    }

    #[test]
    fn one_that_cannot_be_read_can_still_be_deleted() {
        let object = json!({
            "metadata": { "name": "p", "namespace": "n", "deletionTimestamp": "2026-01-01T00:00:00Z" },
            "spec": { "avsAddress": 5, "image": ["no"] },
        });
        let record: PerformerRecord = serde_json::from_value(object).unwrap();
        assert!(record.leaving);
        let (bare, _) = record.object().unwrap_err();
        assert!(bare.unwrap().metadata.deletion_timestamp.is_some());
    }

    #[test]
    fn replicas_and_executors() {
        let mut pod = json!({
            "metadata": { "name": "e-0", "namespace": "n", "labels": { "hourglass.eigenlayer.io/name": "e" } },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        let of = |pod: &Value| serde_json::from_value::<ReplicaRecord>(pod.clone()).unwrap();
        assert!(of(&pod).ready && &*of(&pod).executor == "e");
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert!(!of(&pod).ready);
        let executor = json!({ "metadata": {}, "spec": { "config": { "kubernetes": { "defaultScheduling": {
            "runtimeClass": "gvisor" } } } } });
        let executor: ExecutorRecord = serde_json::from_value(executor).unwrap();
        assert_eq!(executor.scheduling().unwrap().runtime_class.as_deref(), Some("gvisor"));
    }
}
