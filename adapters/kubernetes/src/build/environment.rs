//! The environment of a pod.

use hourglass_core::performer::{EnvSource, EnvVar, PerformerSpec};
use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, EnvVar as PodVar, EnvVarSource as PodSource, SecretKeySelector,
};

use super::{Unbuildable, port};

/// Each name once, in this order: `GRPC_PORT` and `AVS_ADDRESS`, which are ours and win over anybody's, so that later
/// ones and arguments may refer to them as `$(GRPC_PORT)`; then the user's. Of several entries with one name the last
/// wins, and stands where it stood.
///
/// # Errors
/// [`Unbuildable::EnvUnsupported`], [`Unbuildable::EnvMalformed`].
pub(super) fn environment(spec: &PerformerSpec) -> Result<Vec<PodVar>, Unbuildable> {
    let literal = |name: &str, value: String| PodVar { name: name.into(), value: Some(value), value_from: None };
    let mut variables =
        vec![literal("GRPC_PORT", port(spec).to_string()), literal("AVS_ADDRESS", spec.avs.to_string())];
    let ours: Vec<String> = variables.iter().map(|variable| variable.name.clone()).collect();
    for (at, variable) in spec.env.iter().enumerate() {
        let later = spec.env.iter().skip(at + 1).any(|other| other.name == variable.name);
        if !later && !ours.contains(&variable.name) {
            variables.push(converted(variable)?);
        }
    }
    Ok(variables)
}

fn converted(variable: &EnvVar) -> Result<PodVar, Unbuildable> {
    let name = variable.name.clone();
    let malformed = name.is_empty() || name.contains(['=', '\0']);
    let (mut value, mut value_from) = (None, None);
    match &variable.source {
        EnvSource::Value(text) if malformed || text.0.contains('\0') => return Err(Unbuildable::EnvMalformed { name }),
        _ if malformed => return Err(Unbuildable::EnvMalformed { name }),
        EnvSource::FromExecutor(_) => return Err(Unbuildable::EnvUnsupported { name }),
        EnvSource::Value(text) => value = Some(text.0.clone()),
        EnvSource::SecretKey { secret, key } => {
            let reference = SecretKeySelector { name: secret.clone(), key: key.clone(), optional: None };
            value_from = Some(PodSource { secret_key_ref: Some(reference), ..PodSource::default() });
        }
        EnvSource::ConfigMapKey { config_map, key } => {
            let reference = ConfigMapKeySelector { name: config_map.clone(), key: key.clone(), optional: None };
            value_from = Some(PodSource { config_map_key_ref: Some(reference), ..PodSource::default() });
        }
    }
    Ok(PodVar { name, value, value_from })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::samples::{performer_spec, variable};

    #[test]
    fn each_name_once_the_last_wins_ours_win() {
        let secret = EnvSource::SecretKey { secret: "s".into(), key: "k".into() };
        let map = EnvSource::ConfigMapKey { config_map: "m".into(), key: "k".into() };
        let mut spec = performer_spec();
        spec.port = Some(7000.try_into().unwrap());
        spec.env = vec![
            variable("A", "first"),
            variable("GRPC_PORT", "1"),
            variable("B", "$(A)"),
            EnvVar { name: "C".into(), source: secret },
            variable("A", "last"),
            EnvVar { name: "AVS_ADDRESS".into(), source: map.clone() },
            EnvVar { name: "D".into(), source: map },
            variable("E", ""),
        ];
        let built = environment(&spec).unwrap();
        let names: Vec<&str> = built.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["GRPC_PORT", "AVS_ADDRESS", "B", "C", "A", "D", "E"]);
        let values: Vec<Option<&str>> = built.iter().map(|variable| variable.value.as_deref()).collect();
        let avs = spec.avs.to_string();
        assert_eq!(values, [Some("7000"), Some(avs.as_str()), Some("$(A)"), None, Some("last"), None, Some("")]);
        let secret = built[3].value_from.as_ref().unwrap().secret_key_ref.as_ref().unwrap();
        assert_eq!((secret.name.as_str(), secret.key.as_str(), secret.optional), ("s", "k", None));
        let map = built[5].value_from.as_ref().unwrap().config_map_key_ref.as_ref().unwrap();
        assert_eq!((map.name.as_str(), map.key.as_str()), ("m", "k"));
    }

    #[test]
    fn what_no_pod_can_have_is_refused_without_its_value() {
        let executor = EnvVar { name: "A".into(), source: EnvSource::FromExecutor("TOKEN".into()) };
        for (entry, reason) in [
            (executor, "EnvUnsupported"),
            (variable("", "topsecret"), "EnvMalformed"),
            (variable("A=B", "topsecret"), "EnvMalformed"),
            (variable("A", "topsecret\0"), "EnvMalformed"),
        ] {
            let mut spec = performer_spec();
            spec.env = vec![entry];
            let error = environment(&spec).unwrap_err();
            assert_eq!(error.reason(), reason);
            assert!(!error.to_string().contains("topsecret"), "{error}");
            assert!(matches!(error.cause(), hourglass_core::lifecycle::ExitCause::Refused { .. }));
        }
    }
}
