//! The environment of a performer: what the specification gives it, and nothing of the executor's that it need not have.

use std::collections::BTreeMap;

use hourglass_core::performer::{EnvSource, PerformerSpec};
use hourglass_core::ports::RuntimeError;

use crate::image::refused;
use crate::state::InstanceDir;
use crate::tree::MARKER;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The user's variables; a later entry wins over an earlier one of the same name.
///
/// # Errors
/// `EnvUnsupported`, `EnvNotSet`, `EnvMalformed`, all refusals; none shows a value.
pub(crate) fn requested(
    spec: &PerformerSpec,
    executor: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, RuntimeError> {
    let mut variables = BTreeMap::new();
    for variable in &spec.env {
        let name = &variable.name;
        let unsupported = |what: &str| {
            let message = format!(
                "the variable {name} comes from a Kubernetes {what}, which a local process cannot read: give it a value, \
                 or take it from the executor's environment"
            );
            Err(refused("EnvUnsupported", message))
        };
        let value = match &variable.source {
            EnvSource::Value(value) => value.0.clone(),
            EnvSource::FromExecutor(from) => executor(from).ok_or_else(|| {
                let message = format!(
                    "the variable {name} is to come from the executor's {from}, which is not set, or not UTF-8: set it \
                     and start the executor again"
                );
                refused("EnvNotSet", message)
            })?,
            EnvSource::SecretKey { .. } => return unsupported("Secret"),
            EnvSource::ConfigMapKey { .. } => return unsupported("ConfigMap"),
        };
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let message =
                format!("the variable {name:?} cannot be set: a name has no '=', and neither has a zero byte");
            return Err(refused("EnvMalformed", message));
        }
        variables.insert(name.clone(), value);
    }
    Ok(variables)
}

/// Everything that the performer gets: a clean base, the user's variables, and what is ours (`contract.md` §6).
pub(crate) fn complete(
    requested: BTreeMap<String, String>,
    executor: impl Fn(&str) -> Option<String>,
    spec: &PerformerSpec,
    dir: &InstanceDir,
    port: u16,
    owned_name: &str,
) -> Vec<(String, String)> {
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let mut all = BTreeMap::from([
        ("PATH".into(), executor("PATH").unwrap_or_else(|| DEFAULT_PATH.into())),
        ("HOME".into(), text(dir.work())),
        ("TMPDIR".into(), text(dir.tmp())),
    ]);
    if let Some(language) = executor("LANG") {
        all.insert("LANG".into(), language);
    }
    all.extend(requested);
    all.insert("GRPC_PORT".into(), port.to_string());
    all.insert("AVS_ADDRESS".into(), spec.avs.to_string());
    all.insert(MARKER.into(), owned_name.into());
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use hourglass_core::Address;
    use hourglass_core::performer::{EnvValue, EnvVar};

    use super::*;

    fn spec(env: &[(&str, EnvSource)]) -> PerformerSpec {
        let avs: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
        let env = env.iter().map(|(name, source)| EnvVar { name: (*name).into(), source: source.clone() }).collect();
        PerformerSpec { env, ..PerformerSpec::new(avs, "/bin/true".parse().unwrap()) }
    }

    fn value(text: &str) -> EnvSource {
        EnvSource::Value(EnvValue(text.into()))
    }

    fn executor(name: &str) -> Option<String> {
        [("PATH", "/p"), ("SECRET", "s")].into_iter().find(|(each, _)| *each == name).map(|(_, value)| value.into())
    }

    #[test]
    fn later_wins_ours_wins_nothing_else_leaks() {
        let spec = spec(&[
            ("A", value("1")),
            ("A", value("2")),
            ("HOME", value("/h")),
            ("GRPC_PORT", value("1")),
            ("B", EnvSource::FromExecutor("SECRET".into())),
        ]);
        let dir = InstanceDir::at("/state".into());
        let all = complete(requested(&spec, executor).unwrap(), executor, &spec, &dir, 7, "o/n");
        let shown: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "A=2",
                "AVS_ADDRESS=0x1111111111111111111111111111111111111111",
                "B=s",
                "GRPC_PORT=7",
                "HOME=/h",
                "HOURGLASS_INSTANCE=o/n",
                "PATH=/p",
                "TMPDIR=/state/tmp",
            ]
        );
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
            assert_eq!((error.reason(), error.retryable()), (reason, false));
            assert!(!error.to_string().contains("topsecret"));
        }
    }
}
