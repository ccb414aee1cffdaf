//! The environment of a performer: what the specification gives it, and what is ours (`contract.md` §6).

use std::collections::BTreeMap;

use hourglass_core::performer::{EnvSource, PerformerSpec};

use crate::failure::StartFailure;

/// The user's variables; a later entry wins over an earlier one of the same name.
///
/// # Errors
/// `EnvUnsupported`, `EnvNotSet`, `EnvMalformed`, all refusals; none shows a value.
pub(crate) fn requested(
    spec: &PerformerSpec,
    executor: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, StartFailure> {
    let mut variables = BTreeMap::new();
    for variable in &spec.env {
        let name = &variable.name;
        let unsupported = |what: &str| {
            let message = format!(
                "the variable {name} comes from a Kubernetes {what}, which a container of Docker cannot read: give it a \
                 value, or take it from the executor's environment"
            );
            Err(StartFailure::refused("EnvUnsupported", message))
        };
        let value = match &variable.source {
            EnvSource::Value(value) => value.0.clone(),
            EnvSource::FromExecutor(from) => executor(from).ok_or_else(|| {
                let message = format!(
                    "the variable {name} is to come from the executor's {from}, which is not set, or not UTF-8: set it \
                     and start the executor again"
                );
                StartFailure::refused("EnvNotSet", message)
            })?,
            EnvSource::SecretKey { .. } => return unsupported("Secret"),
            EnvSource::ConfigMapKey { .. } => return unsupported("ConfigMap"),
        };
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let message =
                format!("the variable {name:?} cannot be set: a name has no '=', and neither has a zero byte");
            return Err(StartFailure::refused("EnvMalformed", message));
        }
        variables.insert(name.clone(), value);
    }
    Ok(variables)
}

/// As the engine takes it, in a stable order. What is ours wins.
pub(crate) fn complete(mut variables: BTreeMap<String, String>, spec: &PerformerSpec, port: u16) -> Vec<String> {
    variables.insert("GRPC_PORT".to_owned(), port.to_string());
    variables.insert("AVS_ADDRESS".to_owned(), spec.avs.to_string());
    variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use hourglass_core::Address;
    use hourglass_core::performer::{EnvValue, EnvVar};

    use super::*;

    fn spec(env: &[(&str, EnvSource)]) -> PerformerSpec {
        let avs: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
        let env = env.iter().map(|(name, source)| EnvVar { name: (*name).into(), source: source.clone() }).collect();
        PerformerSpec { env, ..PerformerSpec::new(avs, "p:v1".parse().unwrap()) }
    }

    fn value(text: &str) -> EnvSource {
        EnvSource::Value(EnvValue(text.into()))
    }

    fn executor(name: &str) -> Option<String> {
        (name == "SECRET").then(|| "s".into())
    }

    #[test]
    fn later_wins_ours_wins_nothing_else_leaks() {
        let spec = spec(&[
            ("A", value("1")),
            ("A", value("2")),
            ("GRPC_PORT", value("1")),
            ("B", EnvSource::FromExecutor("SECRET".into())),
        ]);
        let all = complete(requested(&spec, executor).unwrap(), &spec, 7);
        let expected = ["A=2", "AVS_ADDRESS=0x1111111111111111111111111111111111111111", "B=s", "GRPC_PORT=7"];
        assert_eq!(all, expected);
    }

    #[test]
    fn refusals() {
        let secret = EnvSource::SecretKey { secret: "s".into(), key: "k".into() };
        let config = EnvSource::ConfigMapKey { config_map: "s".into(), key: "k".into() };
        for (name, source, reason) in [
            ("A", secret, "EnvUnsupported"),
            ("A", config, "EnvUnsupported"),
            ("A", EnvSource::FromExecutor("MISSING".into()), "EnvNotSet"),
            ("A=B", value("topsecret"), "EnvMalformed"),
            ("A", value("topsecret\0"), "EnvMalformed"),
        ] {
            let error = requested(&spec(&[(name, source)]), executor).unwrap_err();
            assert_eq!((error.reason, error.refused), (reason, true));
            assert!(!error.to_string().contains("topsecret"));
        }
    }
}
