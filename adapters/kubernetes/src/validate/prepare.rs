//! What the API server makes of an object before it judges it.

use hourglass_core::config::distance;
use serde_json::{Map, Value};

use super::path::Path;

/// A field that the schema does not have, and the one that was most likely meant.
pub(super) struct Unknown {
    pub(super) path: Path,
    pub(super) meant: Option<String>,
    /// The fields that there are.
    pub(super) known: Vec<String>,
}

/// Finds fields that the schema does not have, and removes them.
pub(super) fn prune(value: &mut Value, schema: &Value, path: &Path, unknown: &mut Vec<Unknown>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                prune(item, &schema["items"], &path.index(at), unknown);
            }
        }
        Value::Object(fields) => {
            let preserve = schema["x-kubernetes-preserve-unknown-fields"] == true;
            let properties = schema["properties"].as_object();
            if let Some(values) = schema.get("additionalProperties") {
                fields.iter_mut().for_each(|(name, field)| prune(field, values, &path.key(name), unknown));
                return;
            }
            if properties.is_none() {
                // A place for values that are not objects: that is what the schema's check says.
                return;
            }
            fields.retain(|name, field| match properties.and_then(|properties| properties.get(name)) {
                Some(schema) => {
                    prune(field, schema, &path.key(name), unknown);
                    true
                }
                None if preserve => true,
                None => {
                    unknown.push(unknown_field(path.key(name), name, properties));
                    false
                }
            });
        }
        _ => {}
    }
}

fn unknown_field(path: Path, name: &str, properties: Option<&Map<String, Value>>) -> Unknown {
    let folded = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let known: Vec<String> = properties.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let near = 1 + name.chars().count() / 4;
    let meant = known
        .iter()
        .filter(|known| name.len() < 80 && known.len().abs_diff(name.len()) <= near + 2)
        .map(|known| (distance(&folded(name), &folded(known)), known))
        .min()
        .filter(|(distance, _)| *distance <= near)
        .map(|(_, known)| known.clone());
    Unknown { path, meant, known }
}

/// Drops nulls that mean nothing, and writes defaults where nothing stands.
pub(super) fn default(value: &mut Value, schema: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| default(item, &schema["items"])),
        Value::Object(fields) => {
            if schema["x-kubernetes-preserve-unknown-fields"] != true {
                fields.retain(|_, field| !field.is_null());
            }
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(value) = schema.get("default")
                    && !fields.contains_key(name)
                {
                    fields.insert(name.clone(), value.clone());
                }
            }
            for (name, field) in fields {
                let inner = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                if let Some(inner) = inner {
                    default(field, inner);
                }
            }
        }
        _ => {}
    }
}
