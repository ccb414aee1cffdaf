use serde::Deserialize;
use serde_json::{Value, json};

use super::records::Wire;
use crate::names;
use crate::watch::Record;

type Text = Box<str>;

/// An object that is applied whole and differs from what is wanted by defaults at most: of few of these there are many.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct ChildRecord {
    namespace: Text,
    name: Text,
    uid: Text,
    resource_version: Text,
    /// The Performer that its label names.
    pub performer: Option<Text>,
    /// The uid of the resource that controls it.
    pub owner: Option<Text>,
    json: Text,
}

impl From<Wire> for ChildRecord {
    fn from(wire: Wire) -> Self {
        let labels = wire.metadata.get("labels").cloned().unwrap_or_default();
        let performer = labels.get(names::LABEL_PERFORMER).and_then(Value::as_str).map(Text::from);
        let owners = wire.metadata.get("ownerReferences").and_then(Value::as_array);
        let controller = owners.and_then(|owners| owners.iter().find(|owner| owner["controller"] == true));
        Self {
            namespace: wire.text("namespace"),
            name: wire.text("name"),
            uid: wire.text("uid"),
            resource_version: wire.text("resourceVersion"),
            performer,
            owner: controller.and_then(|owner| owner["uid"].as_str()).map(Text::from),
            json: json!({ "metadata": { "labels": labels }, "spec": wire.spec }).to_string().into(),
        }
    }
}

impl ChildRecord {
    /// Whether labels and specification are as wanted; what is not wanted in particular may be anything.
    pub fn is_as(&self, wanted: &Value) -> bool {
        let wanted = json!({ "metadata": { "labels": wanted["metadata"]["labels"] }, "spec": wanted["spec"] });
        serde_json::from_str::<Value>(&self.json).is_ok_and(|found| covers(&found, &wanted))
    }
}

fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| found.get(key).is_some_and(|found| covers(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| covers(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

impl Record for ChildRecord {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_no_difference() {
        let wanted =
            json!({ "metadata": { "labels": { "a": "1" } }, "spec": { "minAvailable": 1, "list": [{ "b": 2 }] } });
        let found = |spec: Value| -> ChildRecord {
            let labels = json!({ "a": "1", "more": "x" });
            serde_json::from_value(json!({ "metadata": { "name": "x", "labels": labels }, "spec": spec })).unwrap()
        };
        assert!(
            found(json!({ "minAvailable": 1, "list": [{ "b": 2, "default": true }], "other": null })).is_as(&wanted)
        );
        assert!(!found(json!({ "minAvailable": 2, "list": [{ "b": 2 }] })).is_as(&wanted));
        assert!(!found(json!({ "minAvailable": 1, "list": [] })).is_as(&wanted));
        assert!(!found(json!({ "list": [{ "b": 2 }] })).is_as(&wanted));
    }
}
