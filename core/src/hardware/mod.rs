//! What a performer cannot run without: GPUs, trusted execution, labelled nodes.

mod devices;
mod error;
mod mapping;
mod tables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use devices::{DeviceRequest, devices};
pub use error::HardwareError;
pub use mapping::{Placement, map};
pub use tables::{ConfidentialClass, GpuModel, GpuVendor, HardwareTables};

/// Hardware that must be there. A requirement that cannot be expressed makes the performer fail; it never runs
/// without it (`contract.md` §5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HardwareRequirements {
    /// A type of GPU, such as `nvidia-a100`, or a vendor-qualified one, such as `amd.com/mi300x`.
    pub gpu_type: Option<String>,
    /// How many GPUs; 0 is none, or one where a type is given.
    pub gpu_count: u32,
    /// Whether it must run in a trusted execution environment.
    pub tee_required: bool,
    /// Of which type.
    pub tee_type: Option<String>,
    /// Labels that its node must carry.
    pub custom_labels: BTreeMap<String, String>,
}
