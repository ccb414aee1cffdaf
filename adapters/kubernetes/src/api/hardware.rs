use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hardware that a performer cannot run without.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HardwareRequirements {
    /// The type of GPU, such as nvidia-a100, nvidia-tesla-v100 or nvidia-h100, or a vendor's own name such as
    /// amd.com/gpu. Set gpuCount beside it. The operator's configuration can add types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_type: Option<String>,
    /// How many GPUs each pod gets. Default 0. They are requested as nvidia.com/gpu, or as the resource of the vendor
    /// that gpuType names; a count of that resource in spec.resources must be the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_count: Option<i32>,
    /// Whether it must run in a trusted execution environment. Set teeType beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tee_required: Option<bool>,
    /// The type of trusted execution environment: sgx (enclaves, with the devices of Intel's plugin), sev or tdx
    /// (confidential virtual machines, which need a RuntimeClass that makes them).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tee_type: Option<String>,
    /// Labels that the node must carry, every one of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_labels: BTreeMap<String, String>,
}
