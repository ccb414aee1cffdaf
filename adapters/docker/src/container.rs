//! From a specification to the container that the engine is to make. Pure; every rule of hardening is here.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, NetworkingConfig,
    PortBinding, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use hourglass_core::performer::{DEFAULT_PERFORMER_PORT, InstanceName, PerformerSpec};
use hourglass_core::resources::Quantity;

use crate::devices::Devices;
use crate::environment::complete;
use crate::images::ImageFacts;
use crate::labels;
use crate::options::{ContainerDefaults, ExecutorId};

/// Everything that a container is made from.
#[derive(Debug)]
pub(crate) struct Blueprint<'a> {
    pub(crate) owner: &'a ExecutorId,
    pub(crate) name: &'a InstanceName,
    pub(crate) spec: &'a PerformerSpec,
    pub(crate) image: &'a ImageFacts,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) devices: Devices,
    pub(crate) network: &'a str,
    /// Whether its port is published on the host's loopback; else it is dialled by name in its network.
    pub(crate) publish: bool,
    pub(crate) defaults: &'a ContainerDefaults,
}

/// Files that a container may have open: plenty, and no more than a plain engine may grant.
const OPEN_FILES: i64 = 16_384;

/// What the engine is asked to create.
pub(crate) fn body(plan: Blueprint<'_>) -> ContainerCreateBody {
    let Blueprint { owner, name, spec, image, environment, devices, network, publish, defaults } = plan;
    let port = port(spec, image);
    let exposed = format!("{port}/tcp");
    let strings = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let grace = spec.upgrade.stop_grace;
    let endpoint = EndpointSettings { aliases: Some(vec![name.to_string()]), ..EndpointSettings::default() };
    let loopback = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(String::new()) };
    let bindings = publish.then(|| HashMap::from([(exposed.clone(), Some(vec![loopback]))]));
    ContainerCreateBody {
        // The very image that was found or pulled, whatever its tag names a moment later.
        image: Some(image.id.clone()),
        entrypoint: strings(&spec.command),
        cmd: strings(&spec.args),
        env: Some(complete(environment, spec, port)),
        user: Some(user(spec, image, defaults)),
        labels: Some(labels::of_container(owner, name, spec, port)),
        exposed_ports: Some(vec![exposed]),
        // Health is asked by us, over gRPC; a check of the image's own would run a program in it again and again.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        // When the engine itself is stopped, or somebody uses `docker stop`.
        stop_timeout: Some(i64::try_from(grace.as_secs() + u64::from(grace.subsec_nanos() > 0)).unwrap_or(i64::MAX)),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            port_bindings: bindings,
            device_requests: (!devices.requests.is_empty()).then_some(devices.requests),
            devices: (!devices.files.is_empty()).then_some(devices.files),
            runtime: spec.scheduling.runtime_class.clone(),
            // The planner restarts, with back-off, and knows why.
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), ..RestartPolicy::default() }),
            ..limits(spec, hardened(spec, defaults))
        }),
        ..ContainerCreateBody::default()
    }
}

/// The port inside the container (`contract.md` §6).
pub(crate) fn port(spec: &PerformerSpec, image: &ImageFacts) -> u16 {
    let only = match image.exposed_tcp.as_slice() {
        [port] if *port > 0 => Some(*port),
        _ => None,
    };
    spec.port.map(u16::from).or(only).unwrap_or(DEFAULT_PERFORMER_PORT)
}

/// Never root unless somebody wrote so: in the specification as a number, not in the image.
fn user(spec: &PerformerSpec, image: &ImageFacts, defaults: &ContainerDefaults) -> String {
    let named = image.user.split(':').next().unwrap_or_default();
    match spec.security.run_as_user {
        Some(user) => user.to_string(),
        None if named.is_empty() || named == "root" || named.parse() == Ok(0_u64) => {
            // With its group: a user without one in the image's list would be in the group of root.
            format!("{0}:{0}", defaults.run_as_user)
        }
        None => image.user.clone(),
    }
}

fn hardened(spec: &PerformerSpec, defaults: &ContainerDefaults) -> HostConfig {
    let security = &spec.security;
    let may_escalate = security.allow_privilege_escalation == Some(true);
    let tmpfs = security.tmpfs_bytes.unwrap_or(defaults.tmpfs_bytes);
    let log = HashMap::from([
        ("max-size".to_owned(), security.log_max_bytes.unwrap_or(defaults.log_max_bytes).to_string()),
        ("max-file".to_owned(), security.log_max_files.unwrap_or(defaults.log_max_files).to_string()),
    ]);
    let ulimit =
        |name: &str, value: i64| ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) };
    HostConfig {
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: (!security.add_capabilities.is_empty()).then(|| security.add_capabilities.clone()),
        security_opt: (!may_escalate).then(|| vec!["no-new-privileges".to_owned()]),
        readonly_rootfs: Some(security.read_only_root.unwrap_or(true)),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), format!("rw,noexec,nosuid,nodev,mode=1777,size={tmpfs}"))])),
        pids_limit: Some(i64::from(security.pids_limit.unwrap_or(defaults.pids_limit))),
        ipc_mode: Some("private".to_owned()),
        ulimits: Some(vec![ulimit("core", 0), ulimit("nofile", OPEN_FILES)]),
        log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(log) }),
        ..HostConfig::default()
    }
}

/// What an engine gives a share of one CPU for.
const SHARES_PER_CPU: u128 = 1024;
/// In microseconds, the kernel's default.
const CPU_PERIOD: u32 = 100_000;
/// The smallest quota that the kernel takes, in microseconds.
const SMALLEST_QUOTA: u128 = 1000;

fn limits(spec: &PerformerSpec, base: HostConfig) -> HostConfig {
    let whole = |amount: &Quantity| i64::try_from(amount.whole()).unwrap_or(i64::MAX);
    let (requests, limits) = (&spec.resources.requests, &spec.resources.limits);
    let memory = limits.get("memory").map(whole);
    let reserved = requests.get("memory").map(whole);
    // Not `NanoCpus`: the engine refuses those beyond what the host has, and a limit that limits nothing is no mistake.
    let quota = limits.get("cpu").map(|cpu| (cpu.millis() * u128::from(CPU_PERIOD) / 1000).max(SMALLEST_QUOTA));
    let shares = requests.get("cpu").map(|cpu| (cpu.millis() * SHARES_PER_CPU / 1000).clamp(2, 262_144));
    let number = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
    HostConfig {
        memory,
        // The same as the memory: no swap.
        memory_swap: memory,
        memory_reservation: reserved.map(|reserved| memory.map_or(reserved, |memory| reserved.min(memory))),
        cpu_period: quota.map(|_| i64::from(CPU_PERIOD)),
        cpu_quota: quota.map(number),
        cpu_shares: shares.map(number),
        ..base
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
