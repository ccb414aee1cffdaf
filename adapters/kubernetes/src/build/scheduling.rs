//! Where a pod may run, in Kubernetes' own words.

use hourglass_core::performer::{PerformerName, Revision};
use hourglass_core::scheduling::{
    NodeExpression, NodeOperator, NodeTerm, Scheduling, TaintEffect, Toleration, TolerationOperator,
};
use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm,
    Toleration as PodToleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::api::{Spread, UnsatisfiableSpread};
use crate::names;
use crate::translate::PodExtras;

pub(super) fn affinity(scheduling: &Scheduling, extras: &PodExtras) -> Option<Affinity> {
    let required = required_nodes(scheduling);
    let preferred: Vec<PreferredSchedulingTerm> = scheduling
        .preferred_nodes
        .iter()
        .map(|preferred| PreferredSchedulingTerm {
            weight: i32::try_from(preferred.weight).unwrap_or(i32::MAX),
            preference: term(&preferred.term),
        })
        .collect();
    let nodes = (required.is_some() || !preferred.is_empty()).then(|| NodeAffinity {
        required_during_scheduling_ignored_during_execution: required,
        preferred_during_scheduling_ignored_during_execution: (!preferred.is_empty()).then_some(preferred),
    });
    let affinity = Affinity {
        node_affinity: nodes,
        pod_affinity: extras.pod_affinity.clone(),
        pod_anti_affinity: extras.pod_anti_affinity.clone(),
    };
    (affinity != Affinity::default()).then_some(affinity)
}

/// The alternatives of which a node must meet one; `None` where any node will do.
pub fn required_nodes(scheduling: &Scheduling) -> Option<NodeSelector> {
    let terms: Vec<NodeSelectorTerm> = scheduling.required_nodes.iter().map(term).collect();
    (!terms.is_empty()).then_some(NodeSelector { node_selector_terms: terms })
}

fn term(term: &NodeTerm) -> NodeSelectorTerm {
    let requirements = |expressions: &[NodeExpression]| {
        (!expressions.is_empty()).then(|| expressions.iter().map(requirement).collect())
    };
    NodeSelectorTerm { match_expressions: requirements(&term.labels), match_fields: requirements(&term.fields) }
}

fn requirement(expression: &NodeExpression) -> NodeSelectorRequirement {
    let operator = match expression.operator {
        NodeOperator::In => "In",
        NodeOperator::NotIn => "NotIn",
        NodeOperator::Exists => "Exists",
        NodeOperator::DoesNotExist => "DoesNotExist",
        NodeOperator::Gt => "Gt",
        NodeOperator::Lt => "Lt",
    };
    NodeSelectorRequirement {
        key: expression.key.clone(),
        operator: operator.into(),
        values: (!expression.values.is_empty()).then(|| expression.values.clone()),
    }
}

/// The taints that a pod tolerates, in Kubernetes' own words.
pub fn tolerations(scheduling: &Scheduling) -> Vec<PodToleration> {
    scheduling.tolerations.iter().map(toleration).collect()
}

fn toleration(toleration: &Toleration) -> PodToleration {
    let operator = match toleration.operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    };
    let effect = toleration.effect.map(|effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    });
    PodToleration {
        key: toleration.key.clone(),
        operator: Some(operator.into()),
        value: toleration.value.clone(),
        effect: effect.map(str::to_owned),
        toleration_seconds: toleration.seconds,
    }
}

/// Replicas of one revision apart from each other: over nodes and as far as possible, unless somebody wrote otherwise.
pub(super) fn spread(
    performer: &PerformerName,
    revision: &Revision,
    replicas: u32,
    extras: &PodExtras,
) -> Option<TopologySpreadConstraint> {
    let nothing = Spread::default();
    let spread = match &extras.spread {
        Some(spread) => spread,
        None if replicas > 1 => &nothing,
        None => return None,
    };
    let when = match spread.when_unsatisfiable.unwrap_or_default() {
        UnsatisfiableSpread::ScheduleAnyway => "ScheduleAnyway",
        UnsatisfiableSpread::DoNotSchedule => "DoNotSchedule",
    };
    let labels = [(names::LABEL_PERFORMER, performer.as_str()), (names::LABEL_REVISION, revision.as_str())];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Some(TopologySpreadConstraint {
        topology_key: spread.topology_key.clone().unwrap_or_else(|| "kubernetes.io/hostname".into()),
        max_skew: spread.max_skew.unwrap_or(1),
        when_unsatisfiable: when.into(),
        label_selector: Some(LabelSelector { match_labels: Some(labels), match_expressions: None }),
        ..TopologySpreadConstraint::default()
    })
}
