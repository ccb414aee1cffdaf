//! Whether the API server would accept a file, and whether the operator could run what it describes: without a cluster.
//!
//! The schema and the rules are those of [`crate::crd`], the very same values that a cluster gets. What the API server
//! does before it judges is done here too, in its order: numbers, words and booleans are read as YAML 1.1 has them,
//! unknown fields are refused as `kubectl apply` refuses them, nulls are dropped, defaults written, the schema checked,
//! then the rules. After that, [`crate::translate`] says what the operator would find.
//!
//! Judged is creation: rules about changes need the object of the cluster.

mod cel;
mod command;
mod document;
mod finding;
mod path;
mod prepare;
mod rules;
mod scalar;
mod schema;
mod yaml;

use hourglass_core::hardware::HardwareTables;

pub use command::{Outcome, run};
pub use document::{Checked, check};
pub use finding::{Finding, Severity};
pub use rules::RuleError;

/// What a check needs besides the text: the schemas, with their rules compiled, and the operator's tables.
pub struct Validator {
    performers: document::Kind,
    executors: document::Kind,
    tables: HardwareTables,
}

impl Validator {
    /// For the schemas of this version, and tables as the operator is configured with.
    ///
    /// # Errors
    /// [`RuleError`] where a rule is not CEL; a test sees to it that all are.
    pub fn new(tables: HardwareTables) -> Result<Self, RuleError> {
        let kind = |definition: serde_json::Value| document::Kind::new(&definition);
        Ok(Self { performers: kind(crate::crd::performers())?, executors: kind(crate::crd::executors())?, tables })
    }
}
