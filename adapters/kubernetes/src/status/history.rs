//! The planner's memory, in a status.

use hourglass_core::lifecycle::History;
use serde_json::Value;

use crate::api::PerformerStatus;

/// What a status remembers. A status without any, or with one that nobody can read, is a new beginning: what runs is
/// found by observation. One that a newer operator wrote is an error, never a new beginning.
///
/// # Errors
/// In words, where a newer operator wrote it.
pub fn history(status: Option<&PerformerStatus>) -> Result<History, String> {
    let Some(value) = status.and_then(|status| status.history.as_ref()) else { return Ok(History::default()) };
    let version = value.get("version").and_then(Value::as_u64);
    match serde_json::from_value(value.clone()) {
        Ok(history) => Ok(history),
        Err(error)
            if version.is_some_and(|version| version > hourglass_core::lifecycle::HistoryVersion::CURRENT.into()) =>
        {
            Err(error.to_string())
        }
        Err(_) => Ok(History::default()),
    }
}

/// Whether a status has a history that is not understood, so that it counts as none: worth an event.
pub fn unreadable(status: Option<&PerformerStatus>) -> bool {
    let value = status.and_then(|status| status.history.as_ref());
    value.is_some_and(|value| serde_json::from_value::<History>(value.clone()).is_err())
}

/// As it is stored: without anything that is null, since a patch would take that for "remove".
pub(super) fn stored(history: &History) -> Option<Value> {
    let mut value = serde_json::to_value(history).ok()?;
    strip(&mut value);
    Some(value)
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
