use hourglass_core::performer::{EnvSource, EnvValue, EnvVar};
use tonic::{Code, Status};

use crate::proto::v1::{KubernetesEnv, PerformerEnv};
use crate::server::status::refusal;

/// Reads the environment of a deployment. Every entry has a name and exactly one source; an entry that has none is an
/// empty literal value, as proto3 cannot tell the two apart.
pub(crate) fn parse(entries: Vec<PerformerEnv>) -> Result<Vec<EnvVar>, Status> {
    entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| {
            let name = entry.name.clone();
            one(entry).map_err(|problem| {
                refusal(Code::InvalidArgument, "MalformedEnvironment", format!("env[{index}] '{name}': {problem}"))
            })
        })
        .collect()
}

fn one(entry: PerformerEnv) -> Result<EnvVar, &'static str> {
    let PerformerEnv { name, value, value_from_env, kubernetes_env } = entry;
    if name.is_empty() {
        return Err("a name is required");
    }
    if name.contains(['=', '\0']) {
        return Err("a name contains neither '=' nor NUL");
    }
    if value.contains('\0') {
        return Err("a value contains no NUL");
    }
    let source = match (value.is_empty(), value_from_env.is_empty(), kubernetes_env) {
        (_, true, None) => EnvSource::Value(EnvValue(value)),
        (true, false, None) => EnvSource::FromExecutor(value_from_env),
        (true, true, Some(reference)) => kubernetes(reference)?,
        _ => return Err("exactly one of value, value_from_env and kubernetes_env may be set"),
    };
    Ok(EnvVar { name, source })
}

fn kubernetes(reference: KubernetesEnv) -> Result<EnvSource, &'static str> {
    let from = reference.value_from.ok_or("kubernetes_env needs value_from")?;
    let (source, complete) = match (from.secret_key_ref, from.config_map_key_ref) {
        (Some(secret), None) => {
            let complete = !secret.name.is_empty() && !secret.key.is_empty();
            (EnvSource::SecretKey { secret: secret.name, key: secret.key }, complete)
        }
        (None, Some(map)) => {
            let complete = !map.name.is_empty() && !map.key.is_empty();
            (EnvSource::ConfigMapKey { config_map: map.name, key: map.key }, complete)
        }
        _ => return Err("value_from needs exactly one of secret_key_ref and config_map_key_ref"),
    };
    if complete { Ok(source) } else { Err("a reference needs both name and key") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{ConfigMapKeyRef, EnvValueFrom, SecretKeyRef};

    fn secret(name: &str, key: &str) -> Option<SecretKeyRef> {
        Some(SecretKeyRef { name: name.into(), key: key.into() })
    }

    fn entry(value: &str, from_env: &str, kubernetes: Option<EnvValueFrom>) -> PerformerEnv {
        PerformerEnv {
            name: "A".into(),
            value: value.into(),
            value_from_env: from_env.into(),
            kubernetes_env: kubernetes.map(|from| KubernetesEnv { value_from: Some(from) }),
        }
    }

    #[test]
    fn sources() {
        let map = Some(ConfigMapKeyRef { name: "m".into(), key: "k".into() });
        let parsed = parse(vec![
            entry("v", "", None),
            entry("", "", None),
            entry("", "HOME", None),
            entry("", "", Some(EnvValueFrom { secret_key_ref: secret("s", "k"), config_map_key_ref: None })),
            entry("", "", Some(EnvValueFrom { secret_key_ref: None, config_map_key_ref: map })),
        ])
        .unwrap();
        let sources: Vec<_> = parsed.into_iter().map(|var| var.source).collect();
        assert_eq!(
            sources,
            [
                EnvSource::Value(EnvValue("v".into())),
                EnvSource::Value(EnvValue(String::new())),
                EnvSource::FromExecutor("HOME".into()),
                EnvSource::SecretKey { secret: "s".into(), key: "k".into() },
                EnvSource::ConfigMapKey { config_map: "m".into(), key: "k".into() },
            ]
        );
    }

    #[test]
    fn problems_name_the_entry() {
        let both = EnvValueFrom {
            secret_key_ref: secret("s", "k"),
            config_map_key_ref: Some(ConfigMapKeyRef { name: "m".into(), key: "k".into() }),
        };
        let nameless = PerformerEnv { name: String::new(), ..entry("v", "", None) };
        let equals = PerformerEnv { name: "A=B".into(), ..entry("v", "", None) };
        for wrong in [
            entry("v", "HOME", None),
            entry("v", "", Some(both.clone())),
            entry("", "", Some(both)),
            entry("", "", Some(EnvValueFrom { secret_key_ref: None, config_map_key_ref: None })),
            entry("", "", Some(EnvValueFrom { secret_key_ref: secret("s", ""), config_map_key_ref: None })),
            nameless,
            equals,
        ] {
            let status = parse(vec![entry("fine", "", None), wrong]).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().starts_with("env[1] '"), "{}", status.message());
        }
    }
}
