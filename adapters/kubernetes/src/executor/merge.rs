//! What fields set and what `additionalConfig` sets, as one configuration.

use serde_json::{Map, Value};

use super::keys::problem;
use crate::translate::Problem;

/// Adds `more` to `base`. One value has one place: what fields set cannot be set a second time.
pub(super) fn merge(base: &mut Map<String, Value>, more: &Map<String, Value>, problems: &mut Vec<Problem>) {
    without_secrets(more, problems);
    add(base, more, "spec.config.additionalConfig", problems);
}

fn add(base: &mut Map<String, Value>, more: &Map<String, Value>, path: &str, problems: &mut Vec<Problem>) {
    for (key, value) in more.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("{path}.{key}");
        match (base.get_mut(key), value) {
            (None, value) => {
                base.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(base)), Value::Object(more)) => add(base, more, &path, problems),
            (Some(_), _) => {
                let remedy = "remove it here, and set the field of spec.config";
                problems.push(problem(path, "a field of spec.config, or the operator, sets this", remedy));
            }
        }
    }
}

/// A ConfigMap is no place for keys, and no file is mounted for a path.
fn without_secrets(more: &Map<String, Value>, problems: &mut Vec<Problem>) {
    let Some(Value::Object(keys)) = more.get("operator_keys") else { return };
    for name in keys.keys().filter(|name| {
        ["private_key", "password", "_path", "_fd"].iter().any(|ending| name.to_lowercase().ends_with(ending))
    }) {
        let remedy = "put it into a Secret, and name it in spec.config.operatorKeyRefs";
        let path = format!("spec.config.additionalConfig.operator_keys.{name}");
        problems.push(problem(path, "keys do not belong into a ConfigMap, which this becomes", remedy));
    }
}
