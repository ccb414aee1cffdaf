//! What a performer cannot run without: GPUs, trusted execution, labelled nodes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Hardware that must be there. A requirement that cannot be expressed makes the performer fail; it never runs
/// without it (`contract.md` §5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HardwareRequirements {
    /// A type of GPU, such as `nvidia-a100`, or a vendor-qualified one, such as `amd.com/mi300x`.
    pub gpu_type: Option<String>,
    /// How many GPUs; 0 is none.
    pub gpu_count: u32,
    /// Whether it must run in a trusted execution environment.
    pub tee_required: bool,
    /// Of which type.
    pub tee_type: Option<String>,
    /// Labels that its node must carry.
    pub custom_labels: BTreeMap<String, String>,
}
