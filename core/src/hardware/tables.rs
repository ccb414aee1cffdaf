use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the words of a requirement mean on nodes: data, with defaults, to be extended by whoever runs a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardwareTables {
    /// Vendors by their domain, as `amd.com`.
    pub gpu_vendors: BTreeMap<String, GpuVendor>,
    /// Types of GPU by the name that users write, in lower case.
    pub gpu_models: BTreeMap<String, GpuModel>,
    /// Confidential computing by its TEE type.
    pub confidential: BTreeMap<String, ConfidentialClass>,
    /// The label of nodes with SGX, whose value is `true`.
    pub sgx_label: String,
}

/// How a vendor's GPUs are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuVendor {
    /// The extended resource, which is also the key of the taint on its nodes.
    pub resource: String,
    /// The label that names the product.
    pub product_label: String,
}

/// A type of GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuModel {
    /// The vendor's domain.
    pub vendor: String,
    /// Values of the vendor's product label.
    #[serde(default)]
    pub products: Vec<String>,
    /// Values of the label `accelerator`.
    #[serde(default)]
    pub accelerators: Vec<String>,
}

/// How a confidential virtual machine is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfidentialClass {
    /// The RuntimeClass where the user names none.
    #[serde(default)]
    pub runtime_class: Option<String>,
    /// Labels of the nodes that have it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl HardwareTables {
    /// These tables with the entries of `more` added, which win where both have one.
    #[must_use]
    pub fn extended(mut self, more: Self) -> Self {
        self.gpu_vendors.extend(more.gpu_vendors);
        self.gpu_models.extend(more.gpu_models);
        self.confidential.extend(more.confidential);
        self.sgx_label = more.sgx_label;
        self
    }
}

/// User's word, products as NVIDIA's feature discovery names them.
const NVIDIA: [(&str, &[&str]); 11] = [
    ("h200", &["NVIDIA-H200", "NVIDIA-H200-NVL"]),
    ("h100", &["NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe", "NVIDIA-H100-NVL", "NVIDIA-H100-SXM5-80GB"]),
    (
        "a100",
        &[
            "NVIDIA-A100-SXM4-40GB",
            "NVIDIA-A100-SXM4-80GB",
            "NVIDIA-A100-PCIE-40GB",
            "NVIDIA-A100-PCIE-80GB",
            "NVIDIA-A100-80GB-PCIe",
            "A100-SXM4-40GB",
            "A100-PCIE-40GB",
        ],
    ),
    ("a10g", &["NVIDIA-A10G"]),
    ("a10", &["NVIDIA-A10"]),
    ("a30", &["NVIDIA-A30"]),
    ("a40", &["NVIDIA-A40"]),
    ("l4", &["NVIDIA-L4"]),
    ("l40s", &["NVIDIA-L40S"]),
    ("t4", &["Tesla-T4", "NVIDIA-T4"]),
    ("v100", &["Tesla-V100-SXM2-16GB", "Tesla-V100-SXM2-32GB", "Tesla-V100-PCIE-16GB", "Tesla-V100-PCIE-32GB"]),
];

impl Default for HardwareTables {
    fn default() -> Self {
        let vendor = |domain: &str, resource: &str, label: &str| {
            (domain.to_owned(), GpuVendor { resource: resource.into(), product_label: label.into() })
        };
        let mut gpu_models = BTreeMap::new();
        for (word, products) in NVIDIA {
            // Clouds and people write both, and so do the labels of nodes.
            let spellings = [format!("nvidia-{word}"), format!("nvidia-tesla-{word}")];
            let model = GpuModel {
                vendor: "nvidia.com".into(),
                products: products.iter().map(|p| (*p).to_owned()).collect(),
                accelerators: spellings.to_vec(),
            };
            gpu_models.extend(spellings.map(|name| (name, model.clone())));
        }
        let confidential = [
            ("sev", "kata-qemu-snp", "amd.feature.node.kubernetes.io/snp"),
            ("tdx", "kata-qemu-tdx", "intel.feature.node.kubernetes.io/tdx"),
        ];
        Self {
            gpu_vendors: BTreeMap::from([
                vendor("nvidia.com", "nvidia.com/gpu", "nvidia.com/gpu.product"),
                vendor("amd.com", "amd.com/gpu", "amd.com/gpu.product-name"),
                vendor("gpu.intel.com", "gpu.intel.com/i915", "gpu.intel.com/product"),
            ]),
            gpu_models,
            confidential: confidential
                .map(|(tee, class, label)| {
                    let labels = BTreeMap::from([(label.to_owned(), "true".to_owned())]);
                    (tee.to_owned(), ConfidentialClass { runtime_class: Some(class.into()), labels })
                })
                .into(),
            sgx_label: "intel.feature.node.kubernetes.io/sgx".into(),
        }
    }
}
