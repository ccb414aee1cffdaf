//! The rules between values that are not about one AVS.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::model::{Config, DeploymentMode, PerformerRuntime};
use super::read::Report;
use super::section::Section;

/// The least time for which answered tasks are remembered: aggregators retry within minutes.
const MIN_RETENTION: std::time::Duration = std::time::Duration::from_secs(3600);
/// The greatest limit of a payload, in bytes.
const MAX_PAYLOAD: u64 = 256 << 20;

pub(crate) fn check(root: &Section<'_>, config: &Config, report: &mut Report<'_>) {
    durations(root, report);
    if config.server.max_payload_bytes > MAX_PAYLOAD {
        let message = "so much would be held in memory for every task at once";
        report.problem(&root.section("server"), "max_payload_bytes", message, "write at most 256Mi");
    }
    operator(root, config, report);
    storage(&root.section("storage"), report);
    custom_resource(&root.section("kubernetes"), report);
    service_pattern(&root.section("performer_config"), report);
    development(&root.section("development"), config, report);
    chains(root, report);
    listeners(root, config, report);
}

/// Waiting no time at all is never meant.
fn durations(root: &Section<'_>, report: &mut Report<'_>) {
    for (section, names) in [
        ("", &["aggregator_timeout"][..]),
        ("server", &["task_timeout", "idle_timeout"]),
        ("authentication", &["challenge_ttl"]),
        ("tasks", &["deadline"]),
        (
            "performer_config",
            &[
                "connection_timeout",
                "startup_timeout",
                "health_check_interval",
                "health_check_timeout",
                "resource_monitoring_interval",
            ],
        ),
    ] {
        let section = if section.is_empty() { root.clone() } else { root.section(section) };
        for name in names {
            if section.duration_if_set(name).is_some_and(|duration| duration.is_zero()) {
                report.problem(&section, name, "this must be longer than 0", "write 30s");
            }
        }
    }
}

fn operator(root: &Section<'_>, config: &Config, report: &mut Report<'_>) {
    let (section, keys) = (root.section("operator"), &config.operator_keys);
    if config.operator.address.is_none() && !section.has("address") && keys.ecdsa.is_none() && keys.bn254.is_some() {
        let message = "without an ECDSA key, the operator's address cannot be derived";
        report.problem(&section, "address", message, "add operator.address");
    }
    if config.operator.address.is_some_and(|address| address.is_zero()) {
        report.problem(&section, "address", "the zero address is nobody's", "write the operator's address");
    }
    for (section, key) in [
        (section, "name"),
        (root.section("kubernetes"), "namespace"),
        (root.section("kubernetes"), "operator_namespace"),
    ] {
        if section.text(key).is_some_and(|text| !is_label(text)) {
            let remedy = "use at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit";
            report.problem(&section, key, "this is not a valid name", remedy);
        }
    }
}

fn is_label(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn storage(section: &Section<'_>, report: &mut Report<'_>) {
    if section.duration_if_set("retention").is_some_and(|retention| retention < MIN_RETENTION) {
        let message = "a task that is forgotten so soon could be answered a second time, differently";
        report.problem(section, "retention", message, "write at least 1h");
    }
}

/// Another resource than ours cannot be used, so that another name must be a mistake.
fn custom_resource(section: &Section<'_>, report: &mut Report<'_>) {
    for (name, ours) in [
        ("performer_crd_group", "hourglass.eigenlayer.io"),
        ("performer_crd_version", "v1alpha1"),
        ("performer_crd_kind", "Performer"),
    ] {
        if section.text(name).is_some_and(|text| text != ours) {
            let message = format!("only '{ours}' is supported");
            report.problem(section, name, message, "remove the key or write that value");
        }
    }
}

fn service_pattern(section: &Section<'_>, report: &mut Report<'_>) {
    let Some(pattern) = section.text("service_pattern") else { return };
    let mut rest = pattern;
    let remedy = "write for example performer-{name}.{namespace}.svc.cluster.local:{port}";
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or_default();
        if !["name", "namespace", "port", "avs"].contains(&name) {
            let message = "only {name}, {namespace}, {port} and {avs} are filled in";
            report.problem(section, "service_pattern", message, remedy);
            return;
        }
        rest = after;
    }
    if !pattern.contains("{name}") && !pattern.contains("{avs}") {
        report.problem(section, "service_pattern", "every performer would have the same address", remedy);
        return;
    }
    let port = pattern.rsplit_once(':').map_or("", |(_, port)| port);
    if port != "{port}" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
        report.problem(section, "service_pattern", "the port is missing at the end", remedy);
    }
}

fn development(section: &Section<'_>, config: &Config, report: &mut Report<'_>) {
    if config.development.performers == PerformerRuntime::Process {
        if !config.development.enabled {
            let message = "performers as plain processes are not isolated: they need development.enabled";
            report.problem(section, "performers", message, "set development.enabled to true, or write docker");
        }
        if config.deployment_mode == DeploymentMode::Kubernetes {
            let message = "performers cannot be processes in kubernetes mode";
            report.problem(section, "performers", message, "write deployment_mode: docker");
        }
    }
    if section.flag("mock_services") {
        report.note(section, "mock_services", "accepted and unused");
    }
}

fn chains(root: &Section<'_>, report: &mut Report<'_>) {
    let mut seen = BTreeMap::new();
    for chain in root.entries("chains") {
        for key in ["chain_id", "name"] {
            let Some(text) = chain.string(key) else { continue };
            if let Some(first) = seen.insert((key, text), chain.path.clone()) {
                report.problem(&chain, key, format!("{first} has the same"), "keep one entry for each chain");
            }
        }
    }
}

/// Two listeners on one port: the second would fail to start.
fn listeners(root: &Section<'_>, config: &Config, report: &mut Report<'_>) {
    let management = config.management.listen.filter(|_| config.management.enabled);
    let all: [(&str, &str, Option<SocketAddr>); 4] = [
        ("server", "listen", Some(config.server.listen)),
        ("management", "listen", management),
        ("metrics", "port", Some(config.metrics.listen).filter(|_| config.metrics.enabled)),
        ("health", "port", Some(config.health.listen).filter(|_| config.health.enabled)),
    ];
    for (i, (section, key, listen)) in all.iter().enumerate() {
        let Some(listen) = listen else { continue };
        let taken = all[..i].iter().find(|(_, _, other)| other.is_some_and(|other| collide(&other, listen)));
        if let Some((first, first_key, _)) = taken {
            let message = format!("{listen} collides with {first}.{first_key}");
            report.problem(&root.section(section), key, message, "choose another port");
        }
    }
}

fn collide(a: &SocketAddr, b: &SocketAddr) -> bool {
    // Port 0 asks the system for a free one.
    let same_host = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && same_host
}
