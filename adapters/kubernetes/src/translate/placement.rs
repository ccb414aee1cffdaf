//! Resources, hardware, and where pods may run.

use std::collections::BTreeMap;

use hourglass_core::hardware::{HardwareError, HardwareRequirements};
use hourglass_core::resources::{Quantity, Resources};
use hourglass_core::scheduling::{
    NodeExpression, NodeOperator, NodeTerm, PreferredTerm, Scheduling, TaintEffect, Toleration, TolerationOperator,
    both,
};
use k8s_openapi::api::core::v1 as corev1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;

use super::problem::{Problem, Report};
use crate::api::{HardwareRequirements as Hardware, ResourceAmounts, Scheduling as Written, SchedulingDefaults};

/// How amounts are written.
pub(super) const AMOUNT: &str = "write a number with an optional suffix, such as 2, 500m, 1Gi or 100M";

pub(super) fn resources(written: Option<&ResourceAmounts>, report: &mut Report) -> Resources {
    let Some(written) = written else { return Resources::default() };
    let resources = Resources {
        requests: amounts(&written.requests, "spec.resources.requests", report),
        limits: amounts(&written.limits, "spec.resources.limits", report),
    };
    for (name, request) in &resources.requests {
        if let Some(limit) = resources.limits.get(name).filter(|limit| *limit < request) {
            let message = format!("the request {request} is greater than the limit {limit}");
            let path = format!("spec.resources.requests.{name}");
            report.problem(path, message, "lower the request or raise the limit");
        }
    }
    resources
}

fn amounts(written: &BTreeMap<String, Amount>, path: &str, report: &mut Report) -> BTreeMap<String, Quantity> {
    let mut found = BTreeMap::new();
    for (name, amount) in written {
        match amount.0.parse() {
            Ok(amount) => drop(found.insert(name.clone(), amount)),
            Err(_) => {
                let message = format!("'{}' is no amount", amount.0.escape_debug());
                report.problem(format!("{path}.{name}"), message, AMOUNT);
            }
        }
    }
    found
}

pub(super) fn hardware(written: Option<&Hardware>, report: &mut Report) -> HardwareRequirements {
    let Some(written) = written else { return HardwareRequirements::default() };
    let count = written.gpu_count.unwrap_or_default();
    if count < 0 {
        let remedy = "write how many GPUs each pod gets";
        report.problem("spec.hardwareRequirements.gpuCount", format!("{count} GPUs are not possible"), remedy);
    }
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    HardwareRequirements {
        gpu_type: text(&written.gpu_type),
        gpu_count: count.unsigned_abs(),
        tee_required: written.tee_required.unwrap_or_default(),
        // A type beside a no asks for nothing; a type alone does.
        tee_type: text(&written.tee_type).filter(|_| written.tee_required != Some(false)),
        custom_labels: written.custom_labels.clone(),
    }
}

/// A requirement that cannot be expressed, and the field to change.
pub(super) fn hardware_problem(error: &HardwareError) -> Problem {
    let path = match error {
        HardwareError::UnknownGpuType { .. } => "spec.hardwareRequirements.gpuType",
        HardwareError::GpuCountsDiffer { .. } => "spec.hardwareRequirements.gpuCount",
        HardwareError::TeeTypeMissing | HardwareError::UnknownTeeType { .. } => "spec.hardwareRequirements.teeType",
        HardwareError::RuntimeClassMissing { .. } => "spec.scheduling.runtimeClass",
        HardwareError::UnevenDevices { .. } | HardwareError::EnclaveMemory { .. } => "spec.resources",
        HardwareError::InvalidLabel { .. } => "spec.hardwareRequirements.customLabels",
        HardwareError::TooManyTerms(_) => "spec.scheduling",
        HardwareError::NotInDocker { .. } => "spec.hardwareRequirements",
    };
    let remedy = match error {
        HardwareError::RuntimeClassMissing { .. } => "set it to a RuntimeClass that makes confidential machines".into(),
        _ => error.remedy(),
    };
    Problem { path: path.into(), message: error.to_string(), remedy, reason: error.reason() }
}

/// The performer's own scheduling and its executor's default one, so that both hold; where only one can, its own does.
pub(super) fn scheduling(
    written: Option<&Written>,
    defaults: Option<&SchedulingDefaults>,
    report: &mut Report,
) -> Scheduling {
    let (none, no_defaults) = (Written::default(), SchedulingDefaults::default());
    let (written, defaults) = (written.unwrap_or(&none), defaults.unwrap_or(&no_defaults));
    let mut node_selector = defaults.node_selector.clone();
    node_selector.extend(written.node_selector.clone());

    let mut tolerations = Vec::new();
    for (path, list) in [("spec.scheduling", &written.tolerations), ("spec.executorRef", &defaults.tolerations)] {
        for (at, toleration) in list.iter().enumerate() {
            let found = self::toleration(toleration, &format!("{path}.tolerations[{at}]"), report);
            if !tolerations.contains(&found) {
                tolerations.push(found);
            }
        }
    }

    let (mut required_nodes, mut preferred_nodes) = (Vec::new(), Vec::new());
    let affinities = [
        ("spec.scheduling.affinity.nodeAffinity", written.affinity.as_ref().and_then(|it| it.node_affinity.as_ref())),
        ("spec.scheduling.nodeAffinity", written.node_affinity.as_ref()),
        ("spec.executorRef", defaults.node_affinity.as_ref()),
    ];
    for (path, affinity) in affinities {
        let Some(affinity) = affinity else { continue };
        match both(&required_nodes, &required(affinity, path, report)) {
            Ok(combined) => required_nodes = combined,
            Err(error) => report.problem(path, error.to_string(), "use fewer node selector terms"),
        }
        for preferred in affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten() {
            let weight = u32::try_from(preferred.weight).unwrap_or(1).clamp(1, 100);
            let found = PreferredTerm { weight, term: term(&preferred.preference, path, report) };
            if !preferred_nodes.contains(&found) {
                preferred_nodes.push(found);
            }
        }
    }

    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Scheduling {
        node_selector,
        tolerations,
        required_nodes,
        preferred_nodes,
        runtime_class: text(&written.runtime_class).or_else(|| text(&defaults.runtime_class)),
        priority_class: text(&written.priority_class_name),
        extras: BTreeMap::new(),
    }
}

fn toleration(written: &corev1::Toleration, path: &str, report: &mut Report) -> Toleration {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let operator = match written.operator.as_deref() {
        None | Some("" | "Equal") => TolerationOperator::Equal,
        Some("Exists") => TolerationOperator::Exists,
        Some(other) => {
            report.problem(format!("{path}.operator"), format!("'{other}' is not known"), "write Equal or Exists");
            TolerationOperator::Equal
        }
    };
    let effect = match written.effect.as_deref() {
        None | Some("") => None,
        Some("NoSchedule") => Some(TaintEffect::NoSchedule),
        Some("PreferNoSchedule") => Some(TaintEffect::PreferNoSchedule),
        Some("NoExecute") => Some(TaintEffect::NoExecute),
        Some(other) => {
            let remedy = "write NoSchedule, PreferNoSchedule or NoExecute";
            report.problem(format!("{path}.effect"), format!("'{other}' is not known"), remedy);
            None
        }
    };
    let (key, value) = (text(&written.key), text(&written.value));
    if operator == TolerationOperator::Exists && value.is_some() {
        report.problem(format!("{path}.value"), "'Exists' compares no value", "remove it, or write operator: Equal");
    }
    if operator == TolerationOperator::Equal && key.is_none() {
        let message = "a toleration without a key must be 'Exists'";
        report.problem(format!("{path}.key"), message, "add the key, or operator: Exists");
    }
    Toleration { key, operator, value, effect, seconds: written.toleration_seconds }
}

fn required(affinity: &corev1::NodeAffinity, path: &str, report: &mut Report) -> Vec<NodeTerm> {
    let Some(required) = &affinity.required_during_scheduling_ignored_during_execution else { return Vec::new() };
    let path = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    if required.node_selector_terms.is_empty() {
        let message = "no alternative is given, so that no node would ever do";
        report.problem(&path, message, "add a term, or remove requiredDuringSchedulingIgnoredDuringExecution");
    }
    required.node_selector_terms.iter().map(|written| term(written, &path, report)).collect()
}

fn term(written: &corev1::NodeSelectorTerm, path: &str, report: &mut Report) -> NodeTerm {
    let mut expressions = |written: &Option<Vec<corev1::NodeSelectorRequirement>>| {
        written.iter().flatten().filter_map(|requirement| expression(requirement, path, report)).collect()
    };
    NodeTerm { labels: expressions(&written.match_expressions), fields: expressions(&written.match_fields) }
}

fn expression(written: &corev1::NodeSelectorRequirement, path: &str, report: &mut Report) -> Option<NodeExpression> {
    let operator = match written.operator.as_str() {
        "In" => NodeOperator::In,
        "NotIn" => NodeOperator::NotIn,
        "Exists" => NodeOperator::Exists,
        "DoesNotExist" => NodeOperator::DoesNotExist,
        "Gt" => NodeOperator::Gt,
        "Lt" => NodeOperator::Lt,
        other => {
            let remedy = "write In, NotIn, Exists, DoesNotExist, Gt or Lt";
            report.problem(path, format!("the operator '{other}' is not known"), remedy);
            return None;
        }
    };
    Some(NodeExpression { key: written.key.clone(), operator, values: written.values.clone().unwrap_or_default() })
}
