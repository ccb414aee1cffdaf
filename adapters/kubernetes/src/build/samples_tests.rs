//! Specifications for the tests of this crate.

use hourglass_core::Address;
use hourglass_core::hardware::HardwareTables;
use hourglass_core::lifecycle::StartInstance;
use hourglass_core::performer::{EnvSource, EnvValue, EnvVar, InstanceName, PerformerName, PerformerSpec};

use super::Site;

pub(crate) const UID: &str = "11111111-2222-3333-4444-555555555555";

pub(crate) fn avs() -> Address {
    "0xAbCdEf0123456789aBcDeF0123456789abcdef01".to_lowercase().parse().unwrap()
}

pub(crate) fn performer_spec() -> PerformerSpec {
    PerformerSpec::new(avs(), "my-org/performer:v1".parse().unwrap())
}

pub(crate) fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.into(), source: EnvSource::Value(EnvValue(value.into())) }
}

pub(crate) fn performer() -> PerformerName {
    "example".parse().unwrap()
}

pub(crate) fn start(spec: &PerformerSpec, suffix: u32) -> StartInstance {
    let name = InstanceName { performer: performer(), revision: spec.revision(), suffix };
    StartInstance { name, spec: spec.clone() }
}

/// As people read it.
pub(crate) fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// Calls `then` with the site of `example` in `avs-ns`, referring to the executor `my-executor`.
pub(crate) fn with_site<T>(then: impl FnOnce(&Site<'_>) -> T) -> T {
    let tables = HardwareTables::default();
    let performer = performer();
    then(&Site {
        namespace: "avs-ns",
        performer: &performer,
        uid: UID,
        executor: Some("my-executor"),
        tables: &tables,
        headless: false,
    })
}
