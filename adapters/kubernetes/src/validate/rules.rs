//! The rules of a schema, compiled once, and evaluated wherever they are about something.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::{Env, Program};
use serde_json::Value;
use thiserror::Error;

use super::cel::{environment, holds};
use super::path::Path;

/// A schema whose rules or patterns cannot be read.
#[derive(Debug, Error)]
pub enum RuleError {
    /// Not CEL.
    #[error("the rule '{rule}' cannot be read: {problem}")]
    Rule {
        /// As it stands in the schema.
        rule: String,
        /// What the parser says.
        problem: String,
    },
    /// Not a regular expression.
    #[error(transparent)]
    Pattern(#[from] regex::Error),
    /// A function of ours that CEL already has.
    #[error("the functions of Kubernetes cannot be added: {0}")]
    Functions(String),
}

/// The rules of one schema.
pub(super) struct Rules {
    env: Arc<Env>,
    programs: BTreeMap<String, Program>,
}

/// A rule that does not hold.
pub(super) struct Broken {
    pub(super) path: Path,
    /// The rule's message, which says what to write instead; or that it cannot be evaluated.
    pub(super) message: String,
    /// Whether it could not be evaluated: then something else is wrong, and most likely said already.
    pub(super) by_error: bool,
}

impl Rules {
    /// Compiles every rule in a schema.
    pub(super) fn of(schema: &Value) -> Result<Self, RuleError> {
        let env = environment().map_err(|error| RuleError::Functions(error.to_string()))?;
        let mut rules = Self { env: Arc::new(env), programs: BTreeMap::new() };
        rules.gather(schema)?;
        Ok(rules)
    }

    fn gather(&mut self, schema: &Value) -> Result<(), RuleError> {
        for rule in validations(schema) {
            let text = rule["rule"].as_str().unwrap_or_default();
            let program = self.env.compile(text);
            let program =
                program.map_err(|error| RuleError::Rule { rule: text.to_owned(), problem: error.to_string() })?;
            self.programs.insert(text.to_owned(), program);
        }
        for keyword in ["items", "additionalProperties"] {
            if schema[keyword].is_object() {
                self.gather(&schema[keyword])?;
            }
        }
        schema["properties"].as_object().into_iter().flatten().try_for_each(|(_, schema)| self.gather(schema))
    }

    /// Adds every rule that does not hold where the object is created. Rules about changes mean nothing then.
    pub(super) fn check(&self, value: &Value, schema: &Value, path: &Path, found: &mut Vec<Broken>) {
        for rule in validations(schema) {
            let text = rule["rule"].as_str().unwrap_or_default();
            let compares = rule["optionalOldSelf"] == true;
            if text.contains("oldSelf") && !compares {
                continue;
            }
            let Some(program) = self.programs.get(text) else { continue };
            let message = || rule["message"].as_str().unwrap_or(text).to_owned();
            match holds(&self.env, program, value, compares) {
                Ok(true) => {}
                Ok(false) => found.push(Broken { path: path.clone(), message: message(), by_error: false }),
                Err(error) => {
                    let message = format!("{} (the rule cannot be evaluated: {error})", message());
                    found.push(Broken { path: path.clone(), message, by_error: true });
                }
            }
        }
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.check(item, &schema["items"], &path.index(at), found);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let inner = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                    if let Some(inner) = inner {
                        self.check(field, inner, &path.key(name), found);
                    }
                }
            }
            _ => {}
        }
    }
}

fn validations(schema: &Value) -> impl Iterator<Item = &Value> {
    schema["x-kubernetes-validations"].as_array().into_iter().flatten()
}
