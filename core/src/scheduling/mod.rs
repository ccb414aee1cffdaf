//! Where a performer may run, in terms that no orchestrator owns.

mod terms;

use std::collections::BTreeMap;

pub use terms::{TooManyTerms, both};

use serde::{Deserialize, Serialize};

/// Constraints on placement.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scheduling {
    /// Labels that the node must carry.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// Alternatives, any one of which the node must meet whole; empty means no constraint.
    pub required_nodes: Vec<NodeTerm>,
    /// What is preferred among the nodes that will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preferred_nodes: Vec<PreferredTerm>,
    /// How it is isolated.
    pub runtime_class: Option<String>,
    /// What it may displace.
    pub priority_class: Option<String>,
    /// What only one platform knows of, in its own words: a name, and a text that is the same wherever the meaning is.
    /// Nothing here is understood; it is part of the revision and goes with it wherever it is started again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extras: BTreeMap<String, String>,
}

/// A taint that is tolerated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Toleration {
    /// The taint's key; `None` with `Exists` tolerates every key.
    pub key: Option<String>,
    /// `Equal` or `Exists`.
    pub operator: TolerationOperator,
    /// For `Equal`.
    pub value: Option<String>,
    /// `None` tolerates every effect.
    pub effect: Option<TaintEffect>,
    /// How long a `NoExecute` taint is tolerated; `None` is for ever.
    pub seconds: Option<i64>,
}

/// How a toleration compares.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
pub enum TolerationOperator {
    /// The values are the same.
    #[default]
    Equal,
    /// The key is there.
    Exists,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TaintEffect {
    /// Nothing new is placed.
    NoSchedule,
    /// Nothing new is placed while another node would do.
    PreferNoSchedule,
    /// What runs is evicted.
    NoExecute,
}

/// One alternative: every expression must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct NodeTerm {
    /// About the node's labels.
    pub labels: Vec<NodeExpression>,
    /// About the node's fields (`metadata.name`).
    #[serde(default)]
    pub fields: Vec<NodeExpression>,
}

/// A preference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct PreferredTerm {
    /// From 1 to 100.
    pub weight: u32,
    /// What counts.
    pub term: NodeTerm,
}

/// A condition on one label or field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeExpression {
    /// Which label.
    pub key: String,
    /// How it compares.
    pub operator: NodeOperator,
    /// With what.
    pub values: Vec<String>,
}

/// How a node expression compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum NodeOperator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// There, whatever its value.
    Exists,
    /// Not there.
    DoesNotExist,
    /// A greater number.
    Gt,
    /// A smaller number.
    Lt,
}
