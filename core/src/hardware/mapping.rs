use crate::resources::{Quantity, Resources};
use crate::scheduling::{NodeExpression, NodeTerm, Scheduling, TaintEffect, Toleration, TolerationOperator, both};

use super::{GpuVendor, HardwareError, HardwareRequirements, HardwareTables};

const EPC: &str = "sgx.intel.com/epc";
const ENCLAVE: &str = "sgx.intel.com/enclave";
/// The label under which clouds name the type of GPU.
const ACCELERATOR: &str = "accelerator";

/// Resources and constraints with which the requirement holds, whoever places the performer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// With devices in requests and limits.
    pub resources: Resources,
    /// The user's constraints and those of the hardware, so that both hold.
    pub scheduling: Scheduling,
}

/// Expresses a requirement in resources and constraints on nodes (`contract.md` §5).
///
/// # Errors
/// [`HardwareError`] where it cannot be expressed: then the performer must not run.
pub fn map(
    requirements: &HardwareRequirements,
    resources: &Resources,
    scheduling: &Scheduling,
    tables: &HardwareTables,
) -> Result<Placement, HardwareError> {
    let mut placement = Placement { resources: resources.clone(), scheduling: scheduling.clone() };
    gpu(requirements, tables, &mut placement)?;
    tee(requirements, tables, &mut placement)?;
    let mut labels = Vec::new();
    for (key, value) in &requirements.custom_labels {
        if !is_label_key(key) || !is_label_value(value) {
            return Err(HardwareError::InvalidLabel { key: key.clone(), value: value.clone() });
        }
        labels.push(NodeExpression::is_in(key, [value]));
    }
    placement.require(&all_of(labels))?;
    Ok(placement)
}

impl Placement {
    fn require(&mut self, terms: &[NodeTerm]) -> Result<(), HardwareError> {
        self.scheduling.required_nodes = both(&self.scheduling.required_nodes, terms)?;
        Ok(())
    }

    fn tolerate(&mut self, toleration: Toleration) {
        if !self.scheduling.tolerations.contains(&toleration) {
            self.scheduling.tolerations.push(toleration);
        }
    }

    /// One request for whole devices: the same number in requests and limits, and never a second one beside it.
    fn devices(&mut self, resource: &str, wanted: u64) -> Result<u64, HardwareError> {
        let (requests, limits) = (&mut self.resources.requests, &mut self.resources.limits);
        let found = limits.get(resource).or_else(|| requests.get(resource)).cloned();
        if requests.get(resource).is_some_and(|request| Some(request) != found.as_ref())
            || found.as_ref().is_some_and(|found| !found.millis().is_multiple_of(1000))
        {
            return Err(HardwareError::UnevenDevices { resource: resource.into() });
        }
        let count = match found {
            Some(found) if wanted > 0 && found.whole() != u128::from(wanted) => {
                let found = found.to_string();
                return Err(HardwareError::GpuCountsDiffer { resource: resource.into(), required: wanted, found });
            }
            Some(found) => u64::try_from(found.whole()).unwrap_or(u64::MAX),
            None => wanted,
        };
        if count > 0 {
            let quantity = Quantity::of_whole(count);
            requests.insert(resource.into(), quantity.clone());
            limits.insert(resource.into(), quantity);
        }
        Ok(count)
    }
}

/// One alternative that asks for all of these; none where there is nothing to ask for.
fn all_of(labels: Vec<NodeExpression>) -> Vec<NodeTerm> {
    if labels.is_empty() { Vec::new() } else { vec![NodeTerm { labels, fields: Vec::new() }] }
}

fn gpu(
    requirements: &HardwareRequirements,
    tables: &HardwareTables,
    placement: &mut Placement,
) -> Result<(), HardwareError> {
    let wanted = gpu_count(requirements);
    let (resource, terms) = match &requirements.gpu_type {
        Some(gpu_type) => gpu_type_terms(gpu_type, tables)?,
        None => ("nvidia.com/gpu".into(), Vec::new()),
    };
    // A type whose count stands in the resources is not one more GPU.
    let in_resources = [&placement.resources.requests, &placement.resources.limits]
        .iter()
        .any(|amounts| amounts.contains_key(&resource));
    let wanted = if requirements.gpu_count == 0 && in_resources { 0 } else { wanted };
    if placement.devices(&resource, wanted)? > 0 {
        placement.tolerate(Toleration {
            key: Some(resource),
            operator: TolerationOperator::Exists,
            effect: Some(TaintEffect::NoSchedule),
            ..Toleration::default()
        });
    } else if let Some(gpu_type) = &requirements.gpu_type {
        let found = "0".into();
        let resource = format!("{resource} of type {gpu_type}");
        return Err(HardwareError::GpuCountsDiffer { resource, required: gpu_count(requirements), found });
    }
    placement.require(&terms)
}

/// A type without a count is one GPU.
fn gpu_count(requirements: &HardwareRequirements) -> u64 {
    match (requirements.gpu_count, &requirements.gpu_type) {
        (0, Some(_)) => 1,
        (count, _) => u64::from(count),
    }
}

/// The resource of a type, and the alternatives by which its nodes are known.
fn gpu_type_terms(gpu_type: &str, tables: &HardwareTables) -> Result<(String, Vec<NodeTerm>), HardwareError> {
    let unknown = || {
        let known = tables.gpu_models.keys().cloned().collect();
        HardwareError::UnknownGpuType { gpu_type: gpu_type.into(), known }
    };
    if let Some(model) = tables.gpu_models.get(&gpu_type.to_lowercase()) {
        let vendor = tables.gpu_vendors.get(&model.vendor).ok_or_else(unknown)?;
        let known = [(vendor.product_label.as_str(), &model.products), (ACCELERATOR, &model.accelerators)];
        let terms: Vec<NodeTerm> = known
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .flat_map(|(label, values)| all_of(vec![NodeExpression::is_in(label, values)]))
            .collect();
        // Without any way to know such a node, any other node would do: that is not what was asked for.
        return if terms.is_empty() { Err(unknown()) } else { Ok((vendor.resource.clone(), terms)) };
    }
    let (domain, name) = gpu_type.split_once('/').ok_or_else(unknown)?;
    if !is_label_key(gpu_type) || !domain.contains('.') {
        return Err(unknown());
    }
    match tables.gpu_vendors.get(domain) {
        Some(GpuVendor { resource, .. }) if name == "gpu" => Ok((resource.clone(), Vec::new())),
        Some(GpuVendor { resource, .. }) if resource == gpu_type => Ok((resource.clone(), Vec::new())),
        // Parts of a GPU are a resource of their own.
        Some(_) if name.starts_with("mig-") => Ok((gpu_type.into(), Vec::new())),
        Some(GpuVendor { resource, product_label }) => {
            Ok((resource.clone(), all_of(vec![NodeExpression::is_in(product_label, [name])])))
        }
        // A vendor that nobody told us of: what it advertises under this name.
        None => Ok((gpu_type.into(), Vec::new())),
    }
}

fn tee(
    requirements: &HardwareRequirements,
    tables: &HardwareTables,
    placement: &mut Placement,
) -> Result<(), HardwareError> {
    let Some(tee_type) = tee_type(requirements)? else { return Ok(()) };
    if tee_type == "sgx" {
        return sgx(tables, placement);
    }
    let Some(class) = tables.confidential.get(&tee_type) else {
        let known = std::iter::once("sgx".to_owned()).chain(tables.confidential.keys().cloned()).collect();
        return Err(HardwareError::UnknownTeeType { tee_type, known });
    };
    let runtime_class = placement.scheduling.runtime_class.clone().or_else(|| class.runtime_class.clone());
    let Some(runtime_class) = runtime_class.filter(|class| !class.is_empty()) else {
        return Err(HardwareError::RuntimeClassMissing { tee_type });
    };
    placement.scheduling.runtime_class = Some(runtime_class);
    placement.require(&all_of(class.labels.iter().map(|(key, value)| NodeExpression::is_in(key, [value])).collect()))
}

/// The type, in lower case; a type alone asks for it too.
pub(super) fn tee_type(requirements: &HardwareRequirements) -> Result<Option<String>, HardwareError> {
    match (requirements.tee_type.as_deref(), requirements.tee_required) {
        (None | Some(""), true) => Err(HardwareError::TeeTypeMissing),
        (None | Some(""), false) => Ok(None),
        (Some(tee_type), _) => Ok(Some(tee_type.to_lowercase())),
    }
}

/// Without the device plugin's resources no device is mounted.
fn sgx(tables: &HardwareTables, placement: &mut Placement) -> Result<(), HardwareError> {
    let limits = &placement.resources.limits;
    let epc = limits.get(EPC).or_else(|| placement.resources.requests.get(EPC)).cloned();
    let epc = epc.unwrap_or_else(|| Quantity::of_whole(1 << 20));
    if epc.whole() < 1 << 20 {
        return Err(HardwareError::EnclaveMemory { found: epc.to_string() });
    }
    if placement.resources.requests.get(EPC).is_some_and(|request| *request != epc) {
        return Err(HardwareError::UnevenDevices { resource: EPC.into() });
    }
    placement.resources.requests.insert(EPC.into(), epc.clone());
    placement.resources.limits.insert(EPC.into(), epc);
    placement.devices(ENCLAVE, 1)?;
    placement.tolerate(Toleration {
        key: Some("sgx".into()),
        operator: TolerationOperator::Equal,
        value: Some("enabled".into()),
        effect: Some(TaintEffect::NoSchedule),
        seconds: None,
    });
    placement.require(&all_of(vec![NodeExpression::is_in(&tables.sgx_label, ["true"])]))
}

/// A label's value: at most 63 characters, or nothing.
fn is_label_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && edge(bytes.first()) && edge(bytes.last())
}

/// A label's key: a name, with a domain before it or not.
fn is_label_key(text: &str) -> bool {
    let (domain, name) = text.rsplit_once('/').map_or((None, text), |(domain, name)| (Some(domain), name));
    let is_domain = |domain: &str| {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
        !domain.is_empty() && domain.len() <= 253 && domain.bytes().all(allowed) && is_label_ends(domain)
    };
    !name.is_empty() && is_label_value(name) && domain.is_none_or(is_domain)
}

fn is_label_ends(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric) && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}
