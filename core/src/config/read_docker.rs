//! Reads how the engine is reached. Its rules hold only where containers are run: somebody whose `docker` uses another
//! engine can still run processes, or use Kubernetes.

use std::path::PathBuf;

use super::docker::{DockerConfig, DockerTls};
use super::key::parse_endpoint;
use super::model::{DeploymentMode, DevelopmentConfig, PerformerRuntime};
use super::problem::Source;
use super::read::Report;
use super::section::Section;

/// The ports that Docker's own tools use where none is written.
const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

pub(crate) fn docker(
    root: &Section<'_>,
    mode: DeploymentMode,
    development: &DevelopmentConfig,
    report: &mut Report<'_>,
) -> DockerConfig {
    let section = root.section("docker");
    let unused = match (mode, development.performers) {
        (DeploymentMode::Kubernetes, _) => Some("in kubernetes mode"),
        (DeploymentMode::Docker, PerformerRuntime::Process) => Some("with development.performers 'process'"),
        (DeploymentMode::Docker, PerformerRuntime::Docker) => None,
    };
    let tls = tls(&section.section("tls"), unused.is_none(), report);
    let host = section.string("host").unwrap_or_default();
    let parsed = parse_host(&host, section.section("tls").is_present());
    match unused {
        Some(when) => {
            if matches!(section.source, Source::File { .. }) && section.is_present() {
                report.note(root, "docker", format!("this section is unused {when}"));
            }
        }
        None => check(&section, parsed.as_ref(), report),
    }
    let tls = tls.filter(|_| matches!(parsed, Some(Host::Network { .. })));
    let path = |name: &str| section.string(name).map(PathBuf::from);
    DockerConfig {
        host: parsed.map_or(host, |parsed| parsed.to_string()),
        tls,
        client_config_path: path("client_config_path"),
        network: section.string("network"),
        executor_container: section.string("executor_container"),
        host_root: path("host_root").unwrap_or_default(),
        concurrent_pulls: section.parse("concurrent_pulls").unwrap_or(1),
        pull_stall_timeout: section.duration("pull_stall_timeout"),
        call_timeout: section.duration("call_timeout"),
        performers_may_connect: section.flag("performers_may_connect"),
        pids_limit: section.parse("pids_limit").unwrap_or(1),
        tmpfs_bytes: section.size("tmpfs_size"),
        log_max_bytes: section.size("log_max_size"),
        log_max_files: section.parse("log_max_files").unwrap_or(1),
        run_as_user: section.parse("run_as_user").unwrap_or(1),
    }
}

fn tls(section: &Section<'_>, used: bool, report: &mut Report<'_>) -> Option<DockerTls> {
    let names = ["ca_path", "cert_path", "key_path"];
    let wanted = names.iter().any(|name| section.has(name));
    for name in names.into_iter().filter(|name| used && wanted && !section.has(name)) {
        let message = "TLS needs the authority, our certificate and its key";
        report.problem(section, name, message, &format!("add '{name}'"));
    }
    let path = |name: &str| section.string(name).map(PathBuf::from);
    Some(DockerTls { ca_path: path("ca_path")?, cert_path: path("cert_path")?, key_path: path("key_path")? })
}

/// Where an engine listens.
enum Host {
    Socket(String),
    Network { host: String, port: u16, loopback: bool },
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{path}"),
            Self::Network { host, port, .. } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Network { host, port, .. } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

fn parse_host(text: &str, tls: bool) -> Option<Host> {
    if let Some(path) = text.strip_prefix("unix://") {
        return (path.len() > 1 && path.starts_with('/')).then(|| Host::Socket(path.to_owned()));
    }
    let address = text.strip_prefix("tcp://")?;
    let address = address.strip_suffix('/').unwrap_or(address);
    let port = if tls { TLS_PORT } else { PLAIN_PORT };
    let endpoint = parse_endpoint(address).or_else(|| parse_endpoint(&format!("{address}:{port}")))?;
    let ip = endpoint.host.parse::<std::net::IpAddr>();
    let loopback = ip.is_ok_and(|ip| ip.is_loopback()) || endpoint.host == "localhost";
    Some(Host::Network { host: endpoint.host, port: endpoint.port, loopback })
}

fn check(section: &Section<'_>, host: Option<&Host>, report: &mut Report<'_>) {
    let tls = section.section("tls");
    match host {
        None if section.text("host").is_some() => {
            let message = "this is not the address of an engine that can be used";
            report.problem(section, "host", message, "write unix:///var/run/docker.sock or tcp://host:2376");
        }
        Some(Host::Socket(_)) if matches!(tls.source, Source::File { .. }) && tls.is_present() => {
            report.note(section, "tls", "unused: the engine is reached through a socket");
        }
        Some(Host::Network { loopback: false, .. }) if !tls.is_present() => {
            let message =
                "without TLS, whoever can reach this port, or listen on the way to it, owns the engine's host";
            report.note(section, "host", message);
        }
        _ => {}
    }
    for name in ["call_timeout", "pull_stall_timeout"] {
        if section.duration_if_set(name).is_some_and(|duration| duration.is_zero()) {
            report.problem(section, name, "this must be longer than 0", "write 30s");
        }
    }
    for name in ["network", "executor_container"] {
        if section.text(name).is_some_and(|text| !is_name(text)) {
            let remedy = "use a-z, A-Z, 0-9, _, . and -, beginning with a letter or digit";
            report.problem(section, name, "Docker knows no such names", remedy);
        }
    }
    if let Some(network @ ("host" | "none")) = section.text("network") {
        let message = format!("on the network '{network}' performers would not be isolated, or not be reached");
        report.problem(section, "network", message, "name a bridge network, or remove the key");
    }
    if section.text("host_root").is_some_and(|path| !path.starts_with('/')) {
        report.problem(section, "host_root", "this path is not absolute", "write / or where the host is mounted");
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    text.len() <= 255 && text.bytes().all(allowed) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}
