use crate::resources::Resources;

use super::mapping::tee_type;
use super::{HardwareError, HardwareRequirements, HardwareTables};

/// A device that a container on this host needs. The host is asked for it before the container starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeviceRequest {
    /// GPUs through a driver of the engine.
    Gpus {
        /// The engine's name of it: `nvidia`.
        driver: &'static str,
        /// How many.
        count: u32,
        /// Products any of which each of them must be; empty is any.
        products: Vec<String>,
    },
    /// A device file that is passed on under the same path.
    File {
        /// Such as `/dev/sgx_enclave`.
        path: &'static str,
    },
}

/// Expresses a requirement in devices of a Docker host (`contract.md` §5).
///
/// GPUs in `resources` and in the requirement are one request.
///
/// # Errors
/// [`HardwareError`] where it cannot be expressed: then the performer must not run.
pub fn devices(
    requirements: &HardwareRequirements,
    resources: &Resources,
) -> Result<Vec<DeviceRequest>, HardwareError> {
    if let Some((key, value)) = requirements.custom_labels.first_key_value() {
        return Err(HardwareError::NotInDocker { what: format!("the node label '{key}: {value}'") });
    }
    let foreign = |name: &&String| !is_known(name);
    if let Some(name) = resources.requests.keys().chain(resources.limits.keys()).find(foreign) {
        return Err(HardwareError::NotInDocker { what: format!("the resource '{name}'") });
    }
    let tables = HardwareTables::default();
    let placement = super::map(requirements, resources, &Default::default(), &tables)?;
    let mut found = Vec::new();
    if let Some(gpu_type) = requirements.gpu_type.as_deref() {
        let model = tables.gpu_models.get(&gpu_type.to_lowercase());
        let nvidia = model.is_some_and(|m| m.vendor == "nvidia.com") || gpu_type == "nvidia.com/gpu";
        if !nvidia {
            return Err(HardwareError::NotInDocker { what: format!("GPU type '{gpu_type}'") });
        }
    }
    let gpus = placement.resources.limits.get("nvidia.com/gpu").map_or(0, crate::resources::Quantity::whole);
    if gpus > 0 {
        let model = requirements.gpu_type.as_deref().and_then(|t| tables.gpu_models.get(&t.to_lowercase()));
        let products = model.map(|m| m.products.clone()).unwrap_or_default();
        found.push(DeviceRequest::Gpus { driver: "nvidia", count: u32::try_from(gpus).unwrap_or(u32::MAX), products });
    }
    match tee_type(requirements)?.as_deref() {
        None => {}
        Some("sgx") => found.push(DeviceRequest::File { path: "/dev/sgx_enclave" }),
        Some("sev") => found.push(DeviceRequest::File { path: "/dev/sev" }),
        Some("tdx") => found.push(DeviceRequest::File { path: "/dev/tdx_guest" }),
        Some(other) => {
            return Err(HardwareError::NotInDocker { what: format!("TEE type '{other}'") });
        }
    }
    Ok(found)
}

/// Resources that a container of one host can be given.
fn is_known(name: &str) -> bool {
    ["cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "sgx.intel.com/epc", "sgx.intel.com/enclave"]
        .contains(&name)
}
