//! The API server's instants.

use hourglass_core::Timestamp;
use k8s_openapi::jiff;
use serde::{Deserialize, Deserializer};

/// RFC 3339, in UTC or with an offset; `None` for what is none or lies before 1970.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(instant.as_millisecond()).ok().map(Timestamp::from_millis)
}

/// An instant that may be missing. One that cannot be read is as good as missing: a pod must not be lost for it.
pub(super) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(parse))
}
