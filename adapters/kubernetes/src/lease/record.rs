use hourglass_core::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// A Lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaseRecord {
    /// For preconditions.
    pub resource_version: String,
    /// Who holds it; empty for nobody.
    pub holder: String,
    /// For how long, in seconds, the holder says; 0 where it says nothing.
    pub duration_seconds: u32,
    /// When it was renewed, by the holder's clock: only ever compared with itself.
    pub renew_time: String,
    /// When it was acquired, by the holder's clock.
    pub acquire_time: String,
    /// How often it has changed hands.
    pub transitions: u32,
}

/// What a Lease is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseWrite {
    /// Who holds it; empty for nobody.
    pub holder: String,
    /// For how long without a renewal, in seconds.
    pub duration_seconds: u32,
    /// Now.
    pub renew_time: Timestamp,
    /// Now, where it changes hands.
    pub acquire_time: Option<Timestamp>,
    /// How often it has changed hands.
    pub transitions: u32,
}

#[derive(Deserialize)]
struct Raw {
    metadata: RawMeta,
    #[serde(default)]
    spec: RawSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMeta {
    resource_version: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawSpec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<u32>,
    renew_time: Option<String>,
    acquire_time: Option<String>,
    lease_transitions: Option<u32>,
}

impl LeaseRecord {
    /// Whether nobody has renewed or taken it between these two looks; other changes are no sign of life.
    pub fn same_renewal(&self, other: &Self) -> bool {
        self.holder == other.holder && self.renew_time == other.renew_time && self.transitions == other.transitions
    }

    /// From what the API server says.
    ///
    /// # Errors
    /// Where that is no Lease.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let Raw { metadata, spec } = serde_json::from_slice(body)?;
        Ok(Self {
            resource_version: metadata.resource_version,
            holder: spec.holder_identity.unwrap_or_default(),
            duration_seconds: spec.lease_duration_seconds.unwrap_or_default(),
            renew_time: spec.renew_time.unwrap_or_default(),
            acquire_time: spec.acquire_time.unwrap_or_default(),
            transitions: spec.lease_transitions.unwrap_or_default(),
        })
    }
}

impl LeaseWrite {
    /// As the `spec` of a Lease, in full or as a patch.
    pub fn spec(&self) -> Value {
        let mut spec = json!({
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.duration_seconds,
            "renewTime": micro_time(self.renew_time),
            "leaseTransitions": self.transitions,
        });
        if let (Some(at), Some(spec)) = (self.acquire_time, spec.as_object_mut()) {
            spec.insert("acquireTime".to_owned(), micro_time(at).into());
        }
        spec
    }
}

/// Kubernetes' MicroTime is read with exactly six digits.
pub(crate) fn micro_time(at: Timestamp) -> String {
    at.to_rfc3339().replace('Z', "000Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let write = LeaseWrite {
            holder: "me".into(),
            duration_seconds: 15,
            renew_time: Timestamp::from_millis(1_767_323_045_678),
            acquire_time: Some(Timestamp::from_secs(1_767_323_045)),
            transitions: 3,
        };
        let spec = write.spec();
        assert_eq!(spec["renewTime"], "2026-01-02T03:04:05.678000Z");
        let lease = json!({ "metadata": { "resourceVersion": "7" }, "spec": spec });
        let read = LeaseRecord::read(lease.to_string().as_bytes()).unwrap();
        assert_eq!((&*read.holder, read.duration_seconds, read.transitions), ("me", 15, 3));
        assert_eq!(read.acquire_time, "2026-01-02T03:04:05.000000Z");
        let bare = LeaseRecord::read(br#"{"metadata":{"resourceVersion":"1"}}"#).unwrap();
        assert_eq!((&*bare.holder, bare.duration_seconds), ("", 0));
    }
}
