//! What a replica is.

use std::collections::BTreeMap;
use std::time::Duration;

use hourglass_core::config::Config;
use hourglass_core::performer::Security;
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, EnvVar, EnvVarSource, HTTPGetAction, KeyToPath, LocalObjectReference,
    ObjectFieldSelector, PodSecurityContext, PodSpec, Probe, ProjectedVolumeSource, ResourceRequirements,
    SecretProjection, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::configuration::{FILE, STATE_MOUNT};
use super::keys::{Given, KEYS_DIRECTORY, Keys, OperatorKey};
use super::services::{HEALTH, container_ports, tells_health};
use super::site::{Site, config_map_name, key_secret_name};
use super::volume::CLAIM;
use crate::api::{HourglassExecutorSpec, ResourceAmounts};
use crate::build::{pull_policy, security};

const CONTAINER: &str = "executor";
const CONFIG_DIRECTORY: &str = "/etc/hourglass";
/// Beyond what the executor itself takes to end.
const SPARE: Duration = Duration::from_secs(10);

pub(super) fn pod(site: &Site<'_>, spec: &HourglassExecutorSpec, keys: &Keys<'_>, config: &Config) -> PodSpec {
    let hardened = Security::default();
    let (tmp, tmp_mount) = security::tmp(&hardened);
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let probes = tells_health(config);
    let container = Container {
        name: CONTAINER.into(),
        image: Some(spec.image.clone()),
        image_pull_policy: Some(pull_policy(spec.image_pull_policy.unwrap_or_default()).into()),
        env: Some(environment()),
        ports: Some(container_ports(config)),
        resources: spec.resources.as_ref().and_then(resources),
        // Five minutes: what a journal was left with is read first.
        startup_probe: probes.then(|| probe("/startup", 1, 300)),
        readiness_probe: probes.then(|| probe("/ready", 2, 3)),
        liveness_probe: probes.then(|| probe("/health", 10, 6)),
        security_context: Some(security::of_container(&hardened)),
        volume_mounts: Some(vec![
            mount("config", CONFIG_DIRECTORY, true),
            mount("keys", KEYS_DIRECTORY, true),
            mount(CLAIM, STATE_MOUNT, false),
            tmp_mount,
        ]),
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        ..Container::default()
    };
    let of_pod = security::of_pod(&hardened);
    let secrets: Vec<_> =
        spec.image_pull_secrets.iter().map(|secret| LocalObjectReference { name: secret.name.clone() }).collect();
    PodSpec {
        containers: vec![container],
        volumes: Some(vec![config_volume(site), keys_volume(site, keys), tmp]),
        // The group, for the volume of the journal and the files of the keys.
        security_context: Some(PodSecurityContext {
            fs_group: of_pod.run_as_group,
            fs_group_change_policy: Some("OnRootMismatch".into()),
            ..of_pod
        }),
        service_account_name: Some(site.name.into()),
        automount_service_account_token: Some(true),
        // A Service that is called like a setting must not become one.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(grace(config)),
        node_selector: Some(spec.node_selector.clone()).filter(|labels| !labels.is_empty()),
        tolerations: Some(spec.tolerations.clone()).filter(|tolerations| !tolerations.is_empty()),
        image_pull_secrets: (!secrets.is_empty()).then_some(secrets),
        ..PodSpec::default()
    }
}

/// Where the file is, and which replica this is.
fn environment() -> Vec<EnvVar> {
    let field = |name: &str, path: &str| EnvVar {
        name: name.into(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector { field_path: path.into(), api_version: Some("v1".into()) }),
            ..EnvVarSource::default()
        }),
    };
    let file =
        EnvVar { name: "CONFIG_PATH".into(), value: Some(format!("{CONFIG_DIRECTORY}/{FILE}")), value_from: None };
    vec![file, field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace")]
}

fn config_volume(site: &Site<'_>) -> Volume {
    let source = ConfigMapVolumeSource {
        name: config_map_name(site.name),
        items: Some(vec![item(FILE, FILE)]),
        default_mode: Some(0o440),
        optional: None,
    };
    Volume { name: "config".into(), config_map: Some(source), ..Volume::default() }
}

/// The files of all keys, from whatever Secrets they are in. A pod waits until every one of them is there.
fn keys_volume(site: &Site<'_>, keys: &Keys<'_>) -> Volume {
    let mut secrets: BTreeMap<String, Vec<KeyToPath>> = BTreeMap::new();
    for (key, given) in keys {
        let (secret, item) = source(site, *key, *given);
        secrets.entry(secret).or_default().push(item);
    }
    let projection = |(name, items)| VolumeProjection {
        secret: Some(SecretProjection { name, items: Some(items), optional: None }),
        ..VolumeProjection::default()
    };
    let sources = secrets.into_iter().map(projection).collect();
    let source = ProjectedVolumeSource { sources: Some(sources), default_mode: Some(0o440) };
    Volume { name: "keys".into(), projected: Some(source), ..Volume::default() }
}

fn source(site: &Site<'_>, key: OperatorKey, given: Given<'_>) -> (String, KeyToPath) {
    match given {
        Given::Literal(_) => (key_secret_name(site.name), item(key.name(), key.name())),
        Given::Secret(selector) => (selector.name.clone(), item(&selector.key, key.name())),
    }
}

fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath { key: key.into(), path: path.into(), mode: None }
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String(HEALTH.into()),
            scheme: Some("HTTP".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn resources(amounts: &ResourceAmounts) -> Option<ResourceRequirements> {
    let some = |amounts: &BTreeMap<_, _>| (!amounts.is_empty()).then(|| amounts.clone());
    let made = ResourceRequirements { requests: some(&amounts.requests), limits: some(&amounts.limits), claims: None };
    (made != ResourceRequirements::default()).then_some(made)
}

/// In seconds: as long as the executor may take to end its tasks, and what it then has to clean up.
fn grace(config: &Config) -> i64 {
    let cleanup = config.kubernetes.as_ref().filter(|section| section.cleanup_on_shutdown);
    let cleanup = cleanup.map(|section| section.cleanup_timeout).unwrap_or_default();
    let whole = config.server.drain_delay.saturating_add(config.server.drain_timeout).saturating_add(cleanup);
    i64::try_from(whole.saturating_add(SPARE).as_secs()).unwrap_or(i64::MAX).saturating_add(1)
}
