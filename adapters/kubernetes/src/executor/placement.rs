//! Default scheduling of performers, as the executor's configuration spells it.

use k8s_openapi::api::core::v1::{NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm, Toleration};
use serde_json::{Map, Value, json};

use crate::api::SchedulingDefaults;

/// `None` where nothing is asked for.
pub(super) fn scheduling(defaults: &SchedulingDefaults) -> Option<Value> {
    let tolerations: Vec<Value> = defaults.tolerations.iter().map(toleration).collect();
    fields([
        ("node_selector", some(json!(defaults.node_selector))),
        ("tolerations", some(json!(tolerations))),
        ("node_affinity", defaults.node_affinity.as_ref().and_then(affinity)),
        ("runtime_class", text(defaults.runtime_class.as_deref())),
    ])
}

fn toleration(toleration: &Toleration) -> Value {
    let made = fields([
        ("key", text(toleration.key.as_deref())),
        ("operator", text(toleration.operator.as_deref())),
        ("value", text(toleration.value.as_deref())),
        ("effect", text(toleration.effect.as_deref())),
        ("toleration_seconds", toleration.toleration_seconds.map(Value::from)),
    ]);
    made.unwrap_or_else(|| json!({}))
}

fn affinity(affinity: &NodeAffinity) -> Option<Value> {
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref();
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_deref().unwrap_or_default();
    let preferred: Vec<Value> = preferred
        .iter()
        .map(|preferred| json!({ "weight": preferred.weight, "preference": term(&preferred.preference) }))
        .collect();
    let required = required.map(|required| {
        let terms: Vec<Value> = required.node_selector_terms.iter().map(term).collect();
        json!({ "node_selector_terms": terms })
    });
    fields([
        ("required_during_scheduling_ignored_during_execution", required),
        ("preferred_during_scheduling_ignored_during_execution", some(json!(preferred))),
    ])
}

fn term(term: &NodeSelectorTerm) -> Value {
    let all = |all: &Option<Vec<NodeSelectorRequirement>>| -> Option<Value> {
        let all: Vec<Value> = all.as_deref().unwrap_or_default().iter().map(requirement).collect();
        some(json!(all))
    };
    let made = fields([("match_expressions", all(&term.match_expressions)), ("match_fields", all(&term.match_fields))]);
    made.unwrap_or_else(|| json!({}))
}

fn requirement(requirement: &NodeSelectorRequirement) -> Value {
    let values = requirement.values.as_deref().unwrap_or_default();
    let mut made = json!({ "key": requirement.key, "operator": requirement.operator });
    if !values.is_empty() {
        made["values"] = json!(values);
    }
    made
}

/// Those that are there; `None` where none is.
fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Option<Value> {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    some(Value::Object(there.collect::<Map<String, Value>>()))
}

/// In Kubernetes an empty text is as good as none.
fn text(text: Option<&str>) -> Option<Value> {
    text.filter(|text| !text.is_empty()).map(Value::from)
}

fn some(value: Value) -> Option<Value> {
    let empty =
        value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty) || value.is_null();
    (!empty).then_some(value)
}
