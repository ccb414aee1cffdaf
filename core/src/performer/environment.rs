use std::collections::BTreeMap;

use thiserror::Error;

use crate::performer::{EnvSource, PerformerSpec};

/// Why the variables of a specification cannot be given to a performer. Trying again without a change is pointless.
///
/// No message holds a value: people put secrets there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// It comes from Kubernetes, and the performer does not run there.
    #[error(
        "the variable {name} comes from a Kubernetes {kind}, which {reader} cannot read: give it a value, or take it from \
         the executor's environment"
    )]
    Unsupported {
        /// The variable.
        name: String,
        /// The kind of the object that has it.
        kind: &'static str,
        /// What the performer runs as.
        reader: &'static str,
    },
    /// The executor does not have what it is to pass on.
    #[error(
        "the variable {name} is to come from the executor's {from}, which is not set, or not UTF-8: set it and start the \
         executor again"
    )]
    NotSet {
        /// The variable.
        name: String,
        /// The executor's own.
        from: String,
    },
    /// No process can have such a variable.
    #[error("the variable {name:?} cannot be set: a name has no '=', and neither has a zero byte")]
    Malformed {
        /// The variable.
        name: String,
    },
}

impl EnvironmentError {
    /// Stable, in CamelCase; each has its row in `docs/troubleshooting.md`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "EnvUnsupported",
            Self::NotSet { .. } => "EnvNotSet",
            Self::Malformed { .. } => "EnvMalformed",
        }
    }
}

impl PerformerSpec {
    /// The user's variables with their values, for a platform on which the executor itself hands them to the performer.
    /// A later entry wins over an earlier one of the same name.
    ///
    /// `executor` gives the executor's own variables; `reader` is what the performer runs as, in the words of a message:
    /// "a local process".
    ///
    /// # Errors
    /// [`EnvironmentError`], for the first variable that cannot be given.
    pub fn environment(
        &self,
        reader: &'static str,
        executor: impl Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, EnvironmentError> {
        let mut variables = BTreeMap::new();
        for variable in &self.env {
            let name = variable.name.clone();
            let value = match &variable.source {
                EnvSource::Value(value) => value.0.clone(),
                EnvSource::FromExecutor(from) => match executor(from) {
                    Some(value) => value,
                    None => return Err(EnvironmentError::NotSet { name, from: from.clone() }),
                },
                EnvSource::SecretKey { .. } => {
                    return Err(EnvironmentError::Unsupported { name, kind: "Secret", reader });
                }
                EnvSource::ConfigMapKey { .. } => {
                    return Err(EnvironmentError::Unsupported { name, kind: "ConfigMap", reader });
                }
            };
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(EnvironmentError::Malformed { name });
            }
            variables.insert(name, value);
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::performer::{EnvValue, EnvVar};

    fn resolved(env: &[(&str, EnvSource)]) -> Result<BTreeMap<String, String>, EnvironmentError> {
        let avs = "0x1111111111111111111111111111111111111111".parse().unwrap();
        let env = env.iter().map(|(name, source)| EnvVar { name: (*name).into(), source: source.clone() }).collect();
        let spec = PerformerSpec { env, ..PerformerSpec::new(avs, "p:v1".parse().unwrap()) };
        spec.environment("a stone", |name| (name == "SECRET").then(|| "s".into()))
    }

    fn value(text: &str) -> EnvSource {
        EnvSource::Value(EnvValue(text.into()))
    }

    #[test]
    fn later_wins_and_nothing_else_leaks() {
        let from_executor = EnvSource::FromExecutor("SECRET".into());
        let all = resolved(&[("A", value("1")), ("B", from_executor), ("A", value("2"))]).unwrap();
        assert_eq!(all, BTreeMap::from([("A".into(), "2".into()), ("B".into(), "s".into())]));
    }

    #[test]
    fn refusals() {
        let secret = EnvSource::SecretKey { secret: "s".into(), key: "k".into() };
        let config = EnvSource::ConfigMapKey { config_map: "s".into(), key: "k".into() };
        for (name, source, reason, words) in [
            ("A", secret, "EnvUnsupported", "A comes from a Kubernetes Secret, which a stone cannot read"),
            ("A", config, "EnvUnsupported", "A comes from a Kubernetes ConfigMap, which a stone cannot read"),
            ("A", EnvSource::FromExecutor("MISSING".into()), "EnvNotSet", "A is to come from the executor's MISSING"),
            ("", value("topsecret"), "EnvMalformed", r#"the variable "" "#),
            ("A=B", value("topsecret"), "EnvMalformed", r#"the variable "A=B" "#),
            ("A\0", value("topsecret"), "EnvMalformed", r#"the variable "A\0" "#),
            ("A", value("topsecret\0"), "EnvMalformed", r#"the variable "A" "#),
        ] {
            let error = resolved(&[("FINE", value("1")), (name, source)]).unwrap_err();
            assert_eq!(error.reason(), reason);
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains("topsecret"), "{error}");
        }
    }
}
