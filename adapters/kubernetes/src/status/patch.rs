use serde::Serialize;
use serde_json::{Map, Value, json};

/// The smallest merge patch of the status subresource that makes `new` of `old`; `None` where they are the same.
///
/// It is refused with 409 where the resource has changed since `resource_version`: an operator that has lost its lease
/// undoes nothing.
pub fn patch<S: Serialize>(old: Option<&S>, new: &S, resource_version: &str) -> Option<Value> {
    let value = |status: Option<&S>| status.and_then(|status| serde_json::to_value(status).ok());
    let old = value(old).unwrap_or_else(|| json!({}));
    let difference = difference(&old, &value(Some(new))?)?;
    Some(json!({"metadata": {"resourceVersion": resource_version}, "status": difference}))
}

/// What a merge patch must say; `None` for nothing. Lists are replaced whole.
fn difference(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return Some(new.clone()) };
    let removed = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter_map(|(key, value)| match old.get(key) {
        Some(before) => difference(before, value).map(|change| (key.clone(), change)),
        None => Some((key.clone(), value.clone())),
    });
    Some(Value::Object(removed.chain(changed).collect::<Map<String, Value>>()))
}
