//! What a node must have for a pod, in words for people who wonder why none fits.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};

use super::wire::{Spec, Text};

/// Nobody reads hundreds of alternatives, and each pod that waits would keep them.
const LONGEST: usize = 600;

/// `None` where any node would do that has room for a pod.
pub(super) fn needs(spec: &Spec) -> Option<Text> {
    let mut parts = Vec::new();
    for container in &spec.containers {
        for (resource, amount) in &container.resources.requests {
            parts.push(format!("{resource} {amount}"));
        }
    }
    for (label, value) in &spec.node_selector {
        parts.push(format!("label {label}={value}"));
    }
    if let Some(required) = &spec.affinity.node_affinity.required {
        let alternatives: Vec<String> = required.node_selector_terms.iter().map(alternative).collect();
        let single = alternatives.len() == 1;
        parts.push(if single { alternatives.concat() } else { format!("({})", alternatives.join(" or ")) });
    }
    if let Some(class) = &spec.runtime_class_name {
        parts.push(format!("runtime class {class}"));
    }
    (!parts.is_empty()).then(|| parts.join(", ").chars().take(LONGEST).collect::<String>().into())
}

fn alternative(term: &NodeSelectorTerm) -> String {
    let expressions = term.match_expressions.iter().flatten().chain(term.match_fields.iter().flatten());
    let parts: Vec<String> = expressions.map(requirement).collect();
    if parts.is_empty() { "no node at all".into() } else { parts.join(" and ") }
}

fn requirement(requirement: &NodeSelectorRequirement) -> String {
    let NodeSelectorRequirement { key, operator, values } = requirement;
    let values = values.as_deref().unwrap_or_default();
    let relation = match (operator.as_str(), values) {
        ("In", [value]) => return format!("label {key}={value}"),
        ("In", _) => "among",
        ("NotIn", _) => "not among",
        ("Exists", _) => return format!("label {key}"),
        ("DoesNotExist", _) => return format!("no label {key}"),
        ("Gt", _) => "above",
        ("Lt", _) => "below",
        (other, _) => other,
    };
    format!("label {key} {relation} {}", values.join("|"))
}
