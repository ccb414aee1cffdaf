use std::collections::BTreeMap;

use thiserror::Error;

use super::{NodeExpression, NodeOperator, NodeTerm};

/// The most alternatives that a combination may have.
const MAX_TERMS: usize = 256;

/// Two sets of alternatives that give too many when combined.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} alternatives for the node, more than the {MAX_TERMS} that are allowed")]
pub struct TooManyTerms(pub usize);

/// Alternatives that hold exactly where one of `a` and one of `b` hold: Kubernetes ORs its terms, so that adding ours
/// beside the user's would weaken both. No alternatives at all are no constraint.
///
/// # Errors
/// [`TooManyTerms`].
pub fn both(a: &[NodeTerm], b: &[NodeTerm]) -> Result<Vec<NodeTerm>, TooManyTerms> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => return Ok(b.to_vec()),
        (_, true) => return Ok(a.to_vec()),
        _ => {}
    }
    let count = a.len().saturating_mul(b.len());
    if count > MAX_TERMS {
        return Err(TooManyTerms(count));
    }
    let mut combined: Vec<NodeTerm> = Vec::with_capacity(count);
    for a in a {
        for b in b {
            // An empty term matches no node; combined with another it must not begin to.
            let term = if a.is_empty() || b.is_empty() { NodeTerm::default() } else { joined(a, b) };
            if !combined.contains(&term) {
                combined.push(term);
            }
        }
    }
    Ok(combined)
}

fn joined(a: &NodeTerm, b: &NodeTerm) -> NodeTerm {
    let join = |a: &[NodeExpression], b: &[NodeExpression]| {
        let mut all = a.to_vec();
        all.extend(b.iter().filter(|e| !a.contains(e)).cloned());
        all
    };
    NodeTerm { labels: join(&a.labels, &b.labels), fields: join(&a.fields, &b.fields) }
}

impl NodeTerm {
    /// Whether it has no expression; such a term matches no node.
    pub const fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether a node with these labels and fields meets it, as Kubernetes decides it.
    pub fn matches(&self, labels: &BTreeMap<String, String>, fields: &BTreeMap<String, String>) -> bool {
        !self.is_empty()
            && self.labels.iter().all(|e| e.matches(labels))
            && self.fields.iter().all(|e| e.matches(fields))
    }
}

impl NodeExpression {
    /// That the label is one of these values.
    pub fn is_in<V: Into<String>>(key: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        Self { key: key.into(), operator: NodeOperator::In, values: values.into_iter().map(Into::into).collect() }
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let number = |text: &str| text.parse::<i64>().ok();
        let compared = |wanted: std::cmp::Ordering| {
            let limit = self.values.first().and_then(|v| number(v));
            value.and_then(|v| number(v)).zip(limit).is_some_and(|(v, limit)| v.cmp(&limit) == wanted)
        };
        match self.operator {
            NodeOperator::In => value.is_some_and(|v| self.values.contains(v)),
            NodeOperator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            NodeOperator::Exists => value.is_some(),
            NodeOperator::DoesNotExist => value.is_none(),
            NodeOperator::Gt => compared(std::cmp::Ordering::Greater),
            NodeOperator::Lt => compared(std::cmp::Ordering::Less),
        }
    }
}
