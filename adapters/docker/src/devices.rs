//! Devices that a container needs, checked against the host.

use std::collections::BTreeMap;

use bollard::models::{DeviceMapping, DeviceRequest};
use hourglass_core::hardware::{self, HardwareRequirements};
use hourglass_core::resources::Resources;

use crate::failure::StartFailure;
use crate::options::Options;

/// What of the engine matters to devices.
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineFacts {
    pub(crate) runtimes: Vec<String>,
}

/// As the engine takes them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Devices {
    pub(crate) requests: Vec<DeviceRequest>,
    pub(crate) files: Vec<DeviceMapping>,
}

pub(crate) fn check(
    requirements: &HardwareRequirements,
    resources: &Resources,
    _options: &Options,
    _facts: &EngineFacts,
) -> Result<Devices, StartFailure> {
    let found = hardware::devices(requirements, resources);
    let found = found.map_err(|error| StartFailure::refused("HardwareUnsupported", error.to_string()))?;
    let _ = BTreeMap::<u8, u8>::new();
    if found.is_empty() { Ok(Devices::default()) } else { Err(StartFailure::refused("HardwareUnsupported", "no")) }
}
