use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// What is there where it can be read, and the default where it cannot: a status that somebody else wrote stops nobody.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
