use thiserror::Error;

use crate::scheduling::TooManyTerms;

/// Why a requirement cannot be expressed. A performer with such a requirement never runs (`contract.md` §5).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HardwareError {
    /// No table names it, and it names no vendor.
    #[error("GPU type '{gpu_type}' is not known")]
    UnknownGpuType {
        /// As written.
        gpu_type: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// The resources and the requirement are one request, and say different numbers.
    #[error("the requirement is {required} GPUs, but {resource} in resources is {found}")]
    GpuCountsDiffer {
        /// Such as `nvidia.com/gpu`.
        resource: String,
        /// In the requirement.
        required: u64,
        /// In the resources.
        found: String,
    },
    /// Devices cannot be divided or overcommitted.
    #[error("{resource} must be one whole number, the same in requests and limits")]
    UnevenDevices {
        /// Such as `nvidia.com/gpu`.
        resource: String,
    },
    /// A trusted execution environment of no type.
    #[error("a trusted execution environment is required, but not of which type")]
    TeeTypeMissing,
    /// No table names it.
    #[error("TEE type '{tee_type}' is not known")]
    UnknownTeeType {
        /// As written.
        tee_type: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// A label alone would place an ordinary container.
    #[error("TEE type '{tee_type}' needs a confidential runtime class, and none is configured")]
    RuntimeClassMissing {
        /// As written.
        tee_type: String,
    },
    /// Less enclave memory than an enclave can have.
    #[error("sgx.intel.com/epc is {found}, less than the 1Mi that an enclave needs at least")]
    EnclaveMemory {
        /// As written.
        found: String,
    },
    /// No node can have such a label.
    #[error("'{key}: {value}' cannot be a node's label")]
    InvalidLabel {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Containers of one host cannot have it.
    #[error("{what} cannot be expressed in docker mode")]
    NotInDocker {
        /// What was asked for.
        what: String,
    },
    /// The alternatives of user and hardware together.
    #[error(transparent)]
    TooManyTerms(#[from] TooManyTerms),
}

impl HardwareError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownGpuType { .. } => "UnknownGpuType",
            Self::GpuCountsDiffer { .. } => "GpuCountsDiffer",
            Self::UnevenDevices { .. } => "UnevenDevices",
            Self::TeeTypeMissing => "TeeTypeMissing",
            Self::UnknownTeeType { .. } => "UnknownTeeType",
            Self::RuntimeClassMissing { .. } => "RuntimeClassMissing",
            Self::EnclaveMemory { .. } => "EnclaveMemoryTooSmall",
            Self::InvalidLabel { .. } => "InvalidNodeLabel",
            Self::NotInDocker { .. } => "HardwareNotInDocker",
            Self::TooManyTerms(_) => "TooManyNodeTerms",
        }
    }

    /// Whether trying the same again may help: it does not.
    pub const fn retryable(&self) -> bool {
        false
    }

    /// What to change.
    pub fn remedy(&self) -> String {
        match self {
            Self::UnknownGpuType { known, .. } => {
                format!(
                    "write one of {}, or a vendor's, as in amd.com/gpu; the table can be extended",
                    known.join(", ")
                )
            }
            Self::GpuCountsDiffer { resource, .. } => {
                format!("remove {resource} from resources, or make the counts equal")
            }
            Self::UnevenDevices { resource } => format!("write {resource} in limits only, as a whole number"),
            Self::TeeTypeMissing => "set the TEE type to sgx, sev or tdx".into(),
            Self::UnknownTeeType { known, .. } => format!("write one of {}", known.join(", ")),
            Self::RuntimeClassMissing { .. } => "set scheduling.runtime_class to a confidential RuntimeClass".into(),
            Self::EnclaveMemory { .. } => "write 1Mi or more".into(),
            Self::InvalidLabel { .. } => {
                "write a label as Kubernetes allows it: at most 63 letters, digits, -, _ and .".into()
            }
            Self::NotInDocker { .. } => "remove the requirement, or use kubernetes mode".into(),
            Self::TooManyTerms(_) => "use fewer node selector terms".into(),
        }
    }
}
