//! From what the engine says of a container to what it is to us. Pure.

use std::net::IpAddr;

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status, NetworkSettings, PortBinding,
};
use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Owner};
use hourglass_core::performer::{Endpoint, Image, InstanceName};

use crate::labels;
use crate::options::ExecutorId;
use crate::refusal;
use crate::rfc3339;

/// A container that bears one of our names, as it was last inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: InstanceName,
    pub(crate) owner: Owner,
    pub(crate) phase: Phase,
    /// While it runs.
    pub(crate) endpoint: Option<Endpoint>,
    /// When it was started, else when it was created.
    pub(crate) started_at: Timestamp,
    /// Of its first process, on the engine's host, while it runs.
    pub(crate) pid: Option<u32>,
    /// Where its connections come from.
    pub(crate) addresses: Vec<IpAddr>,
    /// Names of the networks that it is in.
    pub(crate) networks: Vec<String>,
    /// As it was asked for; the container itself names what that was resolved to.
    pub(crate) image: Option<Image>,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Made, and never started.
    Created,
    /// Running, or paused by somebody: its health tells.
    Running,
    /// Being removed.
    Removing,
    /// Ended, or could not be started.
    Ended { cause: ExitCause, at: Timestamp },
}

/// `None` for a container that is neither ours nor bears one of our names. `is_direct` says of a network whether
/// containers in it are reached at their own addresses.
pub(crate) fn container(
    owner: &ExecutorId,
    inspect: &ContainerInspectResponse,
    is_direct: &dyn Fn(&str) -> bool,
) -> Option<Container> {
    let id = inspect.id.clone()?;
    let container_name = inspect.name.as_deref().unwrap_or_default();
    let label = |key: &str| {
        let labels = inspect.config.as_ref()?.labels.as_ref()?;
        labels.get(key).map(String::as_str)
    };
    let ours = label(labels::EXECUTOR) == Some(owner.as_str());
    // Somebody may have renamed one of ours; the label stays.
    let labelled = label(labels::INSTANCE).filter(|_| ours).and_then(|text| text.parse().ok());
    let name = match labelled {
        Some(name) => name,
        None => labels::named_instance(owner, container_name)?,
    };
    let state = inspect.state.clone().unwrap_or_default();
    let phase = phase(&state);
    let settings = inspect.network_settings.clone().unwrap_or_default();
    let port = label(labels::PORT).and_then(|port| port.parse().ok());
    let endpoint = |port| direct(&settings, port, is_direct).unwrap_or_else(|| endpoint(&settings, &name, &id, port));
    let endpoint = port.filter(|_| ours && phase == Phase::Running).map(endpoint);
    let started = state.started_at.as_deref().and_then(rfc3339::parse);
    let created = inspect.created.as_ref().and_then(|date| rfc3339::parse(date));
    Some(Container {
        owner: if ours { Owner::Ours } else { Owner::Foreign },
        endpoint,
        started_at: started.or(created).unwrap_or_default(),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0),
        addresses: addresses(&settings),
        image: label(labels::IMAGE).filter(|_| ours).and_then(|text| text.parse().ok()),
        networks: settings.networks.into_iter().flatten().map(|(name, _)| name).collect(),
        id,
        name,
        phase,
    })
}

fn phase(state: &ContainerState) -> Phase {
    let at = state.finished_at.as_deref().and_then(rfc3339::parse).unwrap_or_default();
    let error = state.error.as_deref().filter(|error| !error.is_empty());
    let never_started = || error.map(|error| refusal::of_start(error).cause());
    match state.status.unwrap_or(Status::EMPTY) {
        Status::RUNNING | Status::PAUSED | Status::RESTARTING => Phase::Running,
        Status::REMOVING => Phase::Removing,
        // The engine keeps one that it could not start as created, with the error beside it.
        Status::CREATED | Status::EMPTY => match never_started() {
            Some(cause) => Phase::Ended { cause, at },
            None => Phase::Created,
        },
        Status::EXITED | Status::DEAD => {
            let code = i32::try_from(state.exit_code.unwrap_or_default()).unwrap_or(i32::MAX);
            let cause = if state.oom_killed == Some(true) {
                ExitCause::OutOfMemory
            } else {
                never_started().unwrap_or_else(|| exit(code))
            };
            Phase::Ended { cause, at }
        }
        _ => Phase::Removing,
    }
}

/// The engine adds 128 to the number of a signal.
fn exit(code: i32) -> ExitCause {
    match code {
        129..=192 => ExitCause::Signal(code - 128),
        _ => ExitCause::Code(code),
    }
}

/// The longest label of a name in DNS.
const LONGEST_LABEL: usize = 63;

fn endpoint(settings: &NetworkSettings, name: &InstanceName, id: &str, port: u16) -> Endpoint {
    if let Some(endpoint) = published(settings, port) {
        return endpoint;
    }
    // In a network of its own it is known by the name of the instance, and by the short form of its id.
    let name = name.to_string();
    let host = if name.len() <= LONGEST_LABEL { name } else { id.get(..12).unwrap_or(id).to_owned() };
    Endpoint { host, port }
}

fn direct(settings: &NetworkSettings, port: u16, is_direct: &dyn Fn(&str) -> bool) -> Option<Endpoint> {
    let networks = settings.networks.iter().flatten().filter(|(name, _)| is_direct(name));
    let addresses = networks.filter_map(|(_, endpoint)| endpoint.ip_address.as_ref()?.parse::<IpAddr>().ok());
    addresses.min().map(|address| Endpoint { host: address.to_string(), port })
}

fn published(settings: &NetworkSettings, port: u16) -> Option<Endpoint> {
    let bindings = settings.ports.as_ref()?.get(&format!("{port}/tcp"))?.as_ref()?;
    let of = |binding: &PortBinding| {
        let port: u16 = binding.host_port.as_ref()?.parse().ok().filter(|port| *port > 0)?;
        let address: Option<IpAddr> = binding.host_ip.as_ref().and_then(|address| address.parse().ok());
        let host = address.filter(|address| !address.is_unspecified());
        Some(Endpoint { host: host.map_or_else(|| "127.0.0.1".to_owned(), |host| host.to_string()), port })
    };
    bindings.iter().find_map(of)
}

fn addresses(settings: &NetworkSettings) -> Vec<IpAddr> {
    let networks = settings.networks.iter().flatten().map(|(_, endpoint)| endpoint);
    let texts = networks.flat_map(|endpoint| [&endpoint.ip_address, &endpoint.global_ipv6_address]);
    texts.flatten().filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
