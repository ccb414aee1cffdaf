//! The body of a container's creation: read strictly, checked, and written anew.
//!
//! The engine reads keys whatever their case, takes the last of two and ignores what it does not know; so nothing of the
//! caller's text is passed on. A key that is not here is refused.

use std::net::IpAddr;

use super::container_body::{Container, Host};
use super::permits::{Permits, plain_capability};
use super::refusal::Refusal;
use super::rules::{Identity, own_labels, parsed};

/// Networks that a container joins, still to be looked at.
pub(super) type Networks = Vec<String>;

/// Checks what the executor wants to create. The result is what the engine is sent, and the networks that must be
/// looked at first.
///
/// # Errors
/// The first thing that the executor never asks for.
pub(super) fn check(text: &[u8], identity: &Identity, permits: &Permits) -> Result<(Vec<u8>, Networks), Refusal> {
    let container: Container = parsed(text)?;
    own_labels(&container.labels, identity)?;
    let set = |option: Option<bool>| option == Some(true);
    if set(container.tty) || set(container.open_stdin) || set(container.attach_stdin) {
        return refused("terminal", "a performer has no terminal and no input");
    }
    if container.volumes.as_ref().is_some_and(|volumes| !volumes.is_empty()) {
        return refused("mounts", "a performer gets no volumes");
    }
    if container.healthcheck.as_ref().is_some_and(|health| health.test != ["NONE"]) {
        return refused("healthcheck", "a container's own health check can only be turned off");
    }
    isolation(&container.host_config)?;
    privileges(&container.host_config, permits)?;
    devices(&container.host_config, permits)?;
    ports_and_files(&container.host_config)?;
    let networks = networks(&container, permits)?;
    let body = serde_json::to_vec(&container).map_err(|error| Refusal::forbidden("body", error.to_string()))?;
    Ok((body, networks))
}

fn refused<T>(rule: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::forbidden(rule, message))
}

fn isolation(host: &Host) -> Result<(), Refusal> {
    let set = |option: Option<bool>| option == Some(true);
    if set(host.privileged) {
        return refused("privileged", "a performer is never privileged");
    }
    if host.binds.as_ref().is_some_and(|binds| !binds.is_empty())
        || host.mounts.as_ref().is_some_and(|mounts| !mounts.is_empty())
        || host.volumes_from.as_ref().is_some_and(|from| !from.is_empty())
    {
        return refused("mounts", "a performer gets nothing of the host mounted, and no volumes");
    }
    let plain = |mode: &Option<String>, allowed: &[&str]| {
        mode.as_deref().is_none_or(|mode| mode.is_empty() || allowed.contains(&mode))
    };
    if !plain(&host.pid_mode, &[])
        || !plain(&host.userns_mode, &[])
        || !plain(&host.ipc_mode, &["private", "none"])
        || !plain(&host.cgroupns_mode, &["private"])
    {
        return refused("namespaces", "a performer shares no namespace with the host or another container");
    }
    if set(host.auto_remove) || set(host.oom_kill_disable) || host.oom_score_adj.is_some_and(|adjust| adjust < 0) {
        return refused(
            "lifecycle",
            "auto-removal, and anything that spares a container from the kernel's memory limit",
        );
    }
    let restart = host.restart_policy.as_ref();
    if restart.is_some_and(|policy| !matches!(policy.name.as_str(), "" | "no") || policy.maximum_retry_count > 0) {
        return refused("restart-policy", "the executor restarts performers, not the engine");
    }
    if host.pids_limit <= 0 {
        return refused("pids-limit", "a limit of processes is required");
    }
    Ok(())
}

fn privileges(host: &Host, permits: &Permits) -> Result<(), Refusal> {
    if !host.cap_drop.iter().any(|capability| capability == "ALL") {
        return refused("capabilities", "all capabilities must be dropped");
    }
    let added = host.cap_add.iter().flatten().map(|capability| plain_capability(capability));
    if let Some(capability) = added.into_iter().find(|capability| !permits.capabilities.contains(capability)) {
        return refused("capabilities", format!("{capability:?} is not permitted: --allow-capability permits it"));
    }
    let mut kept = false;
    for option in host.security_opt.iter().flatten() {
        match option.as_str() {
            "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true" => kept = true,
            "no-new-privileges:false" | "no-new-privileges=false" if permits.new_privileges => {}
            _ => return refused("security-options", "only no-new-privileges may be set"),
        }
    }
    if !kept && !permits.new_privileges {
        let message = "no-new-privileges is required: --allow-new-privileges permits to do without";
        return refused("security-options", message);
    }
    match host.runtime.as_deref().unwrap_or_default() {
        "" => Ok(()),
        runtime if permits.runtimes.contains(runtime) => Ok(()),
        runtime => refused("runtime", format!("runtime {runtime:?} is not permitted: --allow-runtime permits it")),
    }
}

fn devices(host: &Host, permits: &Permits) -> Result<(), Refusal> {
    for device in host.devices.iter().flatten() {
        let path = &device.path_on_host;
        if !permits.devices.contains(path) || device.path_in_container != *path {
            return refused("devices", format!("device {path:?} is not permitted: --allow-device permits it"));
        }
        if !device.cgroup_permissions.chars().all(|access| "rwm".contains(access)) {
            return refused("devices", "permissions on a device are r, w and m");
        }
    }
    let gpus = host.device_requests.iter().flatten();
    for request in gpus {
        if !permits.gpus {
            return refused("devices", "GPUs are not permitted: --allow-gpus permits them");
        }
        let gpu = |set: &Vec<String>| !set.is_empty() && set.iter().all(|one| GPU_CAPABILITIES.contains(&one.as_str()));
        let driver = request.driver.as_deref().unwrap_or_default();
        if !matches!(driver, "" | "nvidia") || request.capabilities.is_empty() || !request.capabilities.iter().all(gpu)
        {
            return refused("devices", "a request of devices is one of GPUs");
        }
    }
    Ok(())
}

const GPU_CAPABILITIES: &[&str] = &["gpu", "nvidia", "compute", "utility"];

fn ports_and_files(host: &Host) -> Result<(), Refusal> {
    if host.publish_all_ports == Some(true) {
        return refused("ports", "ports are published one by one, on loopback");
    }
    for binding in host.port_bindings.iter().flat_map(|ports| ports.values()).flatten().flatten() {
        let loopback = binding.host_ip.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if !loopback || !matches!(binding.host_port.as_deref().unwrap_or_default(), "" | "0") {
            return refused("ports", "ports are published on loopback, where the engine chooses");
        }
    }
    for (path, options) in host.tmpfs.iter().flatten() {
        let inside = path.starts_with('/') && !path.split('/').any(|part| part == "..") && !is_kernel(path);
        let plain = options.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=,".contains(&byte));
        if !inside || !plain {
            return refused("tmpfs", "a tmpfs is mounted on a path of the container, with a size, a mode and flags");
        }
    }
    if let Some(log) = &host.log_config {
        let known =
            log.config.iter().flatten().all(|(key, _)| matches!(key.as_str(), "max-size" | "max-file" | "compress"));
        if !matches!(log.r#type.as_str(), "json-file" | "local" | "none") || !known {
            return refused(
                "logging",
                "logs stay with the engine: json-file or local, with a size and a number of files",
            );
        }
    }
    let limits = host.ulimits.iter().flatten();
    if limits.into_iter().any(|limit| !matches!(limit.name.as_str(), "nofile" | "nproc" | "core" | "memlock")) {
        return refused("ulimits", "only nofile, nproc, core and memlock");
    }
    Ok(())
}

fn is_kernel(path: &str) -> bool {
    ["proc", "sys", "dev"].contains(&path.trim_start_matches('/').split('/').next().unwrap_or_default())
}

fn networks(container: &Container, permits: &Permits) -> Result<Networks, Refusal> {
    let mode = &container.host_config.network_mode;
    let endpoints = container.networking_config.iter().flat_map(|config| config.endpoints_config.keys());
    let mut networks: Networks = endpoints.cloned().collect();
    match mode.as_str() {
        "none" if networks.is_empty() => return Ok(networks),
        "host" | "none" => return refused("namespaces", format!("network mode {mode:?}")),
        // The engine's name for its own network, which is none of ours.
        "" | "default" if permits.networks.contains("bridge") => networks.push("bridge".to_owned()),
        _ => networks.push(mode.clone()),
    }
    if networks.iter().any(|network| !super::call::is_name(network)) {
        return refused("namespaces", "a performer joins networks by their names");
    }
    networks.sort();
    networks.dedup();
    Ok(networks)
}
