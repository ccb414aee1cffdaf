//! Reads resources, hardware and scheduling.

use super::read::Report;
use super::section::Section;
use crate::hardware::HardwareRequirements;
use crate::resources::Resources;
use crate::scheduling::{
    NodeExpression, NodeOperator, NodeTerm, PreferredTerm, Scheduling, TaintEffect, Toleration, TolerationOperator,
};

pub(crate) fn resources(section: &Section<'_>, report: &mut Report<'_>) -> Resources {
    let quantities = |name: &str| section.map(name, |text| text.parse().ok());
    let resources = Resources { requests: quantities("requests"), limits: quantities("limits") };
    for (name, request) in &resources.requests {
        if let Some(limit) = resources.limits.get(name).filter(|limit| *limit < request) {
            let source = section.node_source("requests", name);
            let message = format!("the request {request} is greater than the limit {limit}");
            let path = format!("{}.requests.{name}", section.path);
            report.problems.push(path, &source, message, "lower the request or raise the limit");
        }
    }
    resources
}

/// Both spellings of the documents: flat, and `gpu`/`tee` as in the chart.
pub(crate) fn hardware(section: &Section<'_>, resources: &Resources, report: &mut Report<'_>) -> HardwareRequirements {
    let (gpu, tee) = (section.section("gpu"), section.section("tee"));
    for (flat, nested, inner) in [
        ("gpu_type", &gpu, "type"),
        ("gpu_count", &gpu, "count"),
        ("tee_required", &tee, "required"),
        ("tee_type", &tee, "type"),
    ] {
        if section.has(flat) && nested.has(inner) && section.text(flat) != nested.text(inner) {
            let message = format!("'{flat}' and '{}' differ", nested.place(inner).0);
            report.problem(nested, inner, message, "keep one of them");
        }
    }
    let gpu_type = section.string("gpu_type").or_else(|| gpu.string("type"));
    let count: Option<u32> = section.parse("gpu_count").or_else(|| gpu.parse("count"));
    let required = gpu.flag_if_set("required");
    if required == Some(false) && count.is_some_and(|count| count > 0) {
        report.problem(&gpu, "required", "GPUs are counted but not required", "set it to true, or the count to 0");
    }
    if required == Some(true) && count == Some(0) {
        report.problem(&gpu, "required", "GPUs are required, and their count is 0", "set the count to 1 or more");
    }
    if required.is_none() && count == Some(0) && gpu_type.is_some() {
        let key = if section.has("gpu_count") { (section, "gpu_count") } else { (&gpu, "count") };
        report.problem(key.0, key.1, "GPUs of a type are required, and their count is 0", "set the count to 1 or more");
    }
    // Without a count, that of the resources holds; a type without either is one GPU, as the mapping says.
    let in_resources = resources.limits.get("nvidia.com/gpu").or_else(|| resources.requests.get("nvidia.com/gpu"));
    let uncounted = match (required, &gpu_type, in_resources) {
        (Some(true), None, Some(found)) => u32::try_from(found.whole()).unwrap_or(u32::MAX),
        (Some(true), None, None) => 1,
        _ => 0,
    };
    let tee_type = section.string("tee_type").or_else(|| tee.string("type"));
    let tee_required = section.flag_if_set("tee_required").or_else(|| tee.flag_if_set("required"));
    HardwareRequirements {
        gpu_type: gpu_type.filter(|_| required != Some(false)),
        gpu_count: count.unwrap_or(uncounted),
        tee_required: tee_required.unwrap_or(tee_type.is_some()),
        // A type beside `required: false` asks for nothing.
        tee_type: tee_type.filter(|_| tee_required != Some(false)),
        custom_labels: section.map("custom_labels", |text| Some(text.to_owned())),
    }
}

pub(crate) fn scheduling(section: &Section<'_>, report: &mut Report<'_>) -> Scheduling {
    let affinity = section.section("node_affinity");
    let required = affinity.section("required_during_scheduling_ignored_during_execution");
    let terms = required.entries("node_selector_terms");
    if required.has("node_selector_terms") && terms.is_empty() {
        let message = "no alternative is given, so that no node would ever do";
        report.problem(&required, "node_selector_terms", message, "add a term or remove the section");
    }
    let preferred = affinity.entries("preferred_during_scheduling_ignored_during_execution");
    Scheduling {
        node_selector: section.map("node_selector", |text| Some(text.to_owned())),
        tolerations: section.entries("tolerations").iter().map(|entry| toleration(entry, report)).collect(),
        required_nodes: terms.iter().map(|entry| term(entry, report)).collect(),
        preferred_nodes: preferred
            .iter()
            .map(|entry| PreferredTerm {
                weight: entry.parse("weight").unwrap_or(1),
                term: term(&entry.section("preference"), report),
            })
            .collect(),
        runtime_class: section.string("runtime_class"),
        priority_class: section.string("priority_class_name"),
        extras: Default::default(),
    }
}

fn toleration(section: &Section<'_>, report: &mut Report<'_>) -> Toleration {
    let exists = section.text("operator") == Some("Exists");
    if exists && section.has("value") {
        report.problem(section, "value", "'Exists' compares no value", "remove it, or write operator: Equal");
    }
    if !exists && !section.has("key") {
        report.problem(
            section,
            "key",
            "a toleration without a key must be 'Exists'",
            "add the key, or operator: Exists",
        );
    }
    let effect = section.text("effect").and_then(|text| match text {
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        _ => None,
    });
    if section.has("toleration_seconds") && effect != Some(TaintEffect::NoExecute) {
        let message = "seconds have a meaning with the effect 'NoExecute' only";
        report.problem(section, "toleration_seconds", message, "remove it, or write effect: NoExecute");
    }
    Toleration {
        key: section.string("key"),
        operator: if exists { TolerationOperator::Exists } else { TolerationOperator::Equal },
        value: section.string("value"),
        effect,
        seconds: section.parse("toleration_seconds"),
    }
}

fn term(section: &Section<'_>, report: &mut Report<'_>) -> NodeTerm {
    let mut read = |name: &str| section.entries(name).iter().map(|e| expression(e, report)).collect::<Vec<_>>();
    let term = NodeTerm { labels: read("match_expressions"), fields: read("match_fields") };
    if section.is_present() && term.labels.is_empty() && term.fields.is_empty() {
        let (path, source) = (section.path.clone(), section.source.clone());
        report.problems.push(path, &source, "an empty term matches no node", "add match_expressions or remove it");
    }
    term
}

fn expression(section: &Section<'_>, report: &mut Report<'_>) -> NodeExpression {
    let operator = match section.text("operator") {
        Some("NotIn") => NodeOperator::NotIn,
        Some("Exists") => NodeOperator::Exists,
        Some("DoesNotExist") => NodeOperator::DoesNotExist,
        Some("Gt") => NodeOperator::Gt,
        Some("Lt") => NodeOperator::Lt,
        _ => NodeOperator::In,
    };
    let values = section.texts("values");
    let wrong = match operator {
        NodeOperator::In | NodeOperator::NotIn if values.is_empty() => Some("this operator needs values"),
        NodeOperator::Exists | NodeOperator::DoesNotExist if !values.is_empty() => {
            Some("this operator takes no values")
        }
        NodeOperator::Gt | NodeOperator::Lt if values.len() != 1 || values[0].parse::<i64>().is_err() => {
            Some("this operator needs one whole number")
        }
        _ => None,
    };
    if let Some(message) = wrong {
        report.problem(section, "values", message, "change the values or the operator");
    }
    NodeExpression { key: section.string("key").unwrap_or_default(), operator, values }
}
