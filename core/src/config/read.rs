//! From the merged tree to [`Config`]. Values of a wrong form were reported before and read as their defaults here,
//! so that the rules between values are checked all the same.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::avs::AvsConfig;
use super::model::*;
use super::problem::{Note, Problems};
use super::section::Section;
use super::{read_avs, read_docker};
use crate::secret::Secret;

/// What the reading of every section needs.
pub(crate) struct Report<'r> {
    pub(crate) problems: &'r mut Problems,
    pub(crate) notes: &'r mut Vec<Note>,
}

impl Report<'_> {
    pub(crate) fn problem(&mut self, section: &Section<'_>, key: &str, message: impl Into<String>, remedy: &str) {
        let (path, source) = section.place(key);
        self.problems.push(path, &source, message, remedy);
    }

    pub(crate) fn note(&mut self, section: &Section<'_>, key: &str, message: impl Into<String>) {
        let (path, source) = section.place(key);
        self.notes.push(Note { path, source, message: message.into() });
    }
}

pub(crate) fn config(root: &Section<'_>, report: &mut Report<'_>) -> Config {
    let deployment_mode = read_avs::deployment_mode(root, report);
    let performer = performer(&root.section("performer_config"));
    let kubernetes = kubernetes(root, deployment_mode, report);
    let development = development(&root.section("development"));
    let docker = read_docker::docker(root, deployment_mode, &development, report);
    let operator_keys = keys(&root.section("operator_keys"), report);
    let context = read_avs::Context {
        mode: deployment_mode,
        process: development.performers == PerformerRuntime::Process,
        development: development.enabled,
        tasks: root.section("tasks"),
        performer: &performer,
        scheduling: kubernetes.as_ref().map(|k| &k.scheduling),
        keys: &operator_keys,
    };
    let avs: Vec<AvsConfig> = read_avs::all(&root.section("avs_config"), &context, report);
    let authentication = root.section("authentication");
    Config {
        aggregator: AggregatorEndpoint {
            endpoint: root.text("aggregator_endpoint").and_then(super::key::parse_endpoint),
            tls: root.flag("aggregator_tls_enabled"),
            timeout: root.duration("aggregator_timeout"),
        },
        deployment_mode,
        log_level: root.string("log_level").unwrap_or_default(),
        log_format: if root.text("log_format") == Some("json") { LogFormat::Json } else { LogFormat::Text },
        operator: OperatorConfig {
            address: root.section("operator").parse("address"),
            name: root.section("operator").string("name").unwrap_or_default(),
        },
        operator_keys,
        server: server(&root.section("server"), report),
        management: management(&root.section("management"), authentication.flag("enabled"), report),
        authentication: AuthenticationConfig {
            enabled: authentication.flag("enabled"),
            challenge_ttl: authentication.duration("challenge_ttl"),
            max_challenges: authentication.parse("max_challenges").unwrap_or(1),
        },
        storage: storage(&root.section("storage")),
        performer,
        docker,
        kubernetes,
        chains: root.entries("chains").iter().map(|chain| chain_config(chain, report)).collect(),
        avs,
        development,
        metrics: metrics(&root.section("metrics"), report),
        health: health(&root.section("health"), report),
    }
}

/// The one source of each curve's key.
fn keys(section: &Section<'_>, report: &mut Report<'_>) -> OperatorKeys {
    let ecdsa = key(section, "ecdsa", report);
    let bn254 = key(section, "bls", report);
    let any = ["ecdsa", "bls"].iter().any(|curve| !configured(section, curve).is_empty());
    if !any {
        let remedy = "set operator_keys.ecdsa_private_key_path or operator_keys.bls_private_key_path, \
                      or the variable ECDSA_PRIVATE_KEY or BLS_PRIVATE_KEY";
        let (path, source) = (section.path.clone(), section.source.clone());
        report.problems.push(path, &source, "no signing key is configured", remedy);
    }
    OperatorKeys { ecdsa, bn254 }
}

const KEY_FORMS: [&str; 4] = ["private_key_path", "keystore_path", "private_key", "fd"];

fn configured(section: &Section<'_>, curve: &str) -> Vec<String> {
    KEY_FORMS.iter().map(|form| format!("{curve}_{form}")).filter(|name| section.has(name)).collect()
}

fn key(section: &Section<'_>, curve: &str, report: &mut Report<'_>) -> Option<KeySource> {
    let name = |form: &str| format!("{curve}_{form}");
    let found = configured(section, curve);
    for second in found.iter().skip(1) {
        let message = format!("'{}' already says where the key is", found[0]);
        report.problem(section, second, message, "keep one source for each curve");
    }
    for form in ["private_key", "password"] {
        if section.node(&name(form)).is_some_and(|node| node.text() == Some("")) {
            report.problem(section, &name(form), "the value is empty", "remove the key or fill it in");
        }
    }
    let passwords = (section.string(&name("password")), section.string(&name("password_path")));
    let password = match passwords {
        (Some(_), Some(_)) => {
            let message = format!("'{}' already gives the password", name("password"));
            report.problem(section, &name("password_path"), message, "keep one of them");
            None
        }
        (Some(text), None) => Some(Password::Inline(Secret::new(text))),
        (None, Some(path)) => Some(Password::Path(PathBuf::from(path))),
        (None, None) => None,
    };
    if found.is_empty() {
        for form in ["password", "password_path"].into_iter().filter(|form| section.has(&name(form))) {
            report.problem(
                section,
                &name(form),
                "there is no key that this password opens",
                "remove it, or name the key",
            );
        }
    }
    let first = found.first()?;
    let text = section.string(first)?;
    let material = match first.strip_prefix(curve)?.strip_prefix('_')? {
        "private_key_path" => KeyMaterial::Path(PathBuf::from(text)),
        "keystore_path" => KeyMaterial::Keystore(PathBuf::from(text)),
        "fd" => KeyMaterial::Descriptor(text.parse().ok()?),
        _ => KeyMaterial::Inline(Secret::new(text)),
    };
    Some(KeySource { material, password })
}

fn server(section: &Section<'_>, report: &mut Report<'_>) -> ServerConfig {
    let count = |name: &str| section.parse(name).unwrap_or(1);
    ServerConfig {
        listen: section.parse("listen").unwrap_or(SocketAddr::new(ANY, 9095)),
        reflection: section.flag("reflection"),
        tls: tls(&section.section("tls"), report),
        max_payload_bytes: section.size("max_payload_bytes"),
        max_concurrent_tasks: count("max_concurrent_tasks"),
        max_connections: count("max_connections"),
        max_connections_per_peer: count("max_connections_per_peer"),
        max_streams_per_connection: section.parse("max_streams_per_connection").unwrap_or(1),
        task_timeout: section.duration("task_timeout"),
        idle_timeout: section.duration("idle_timeout"),
        drain_delay: section.duration("drain_delay"),
        drain_timeout: section.duration("drain_timeout"),
        failures_per_minute_per_peer: section.parse("failures_per_minute_per_peer").unwrap_or(1),
    }
}

fn tls(section: &Section<'_>, report: &mut Report<'_>) -> Option<TlsConfig> {
    let path = |name: &str| section.string(name).map(PathBuf::from);
    let (cert, key, client_ca_path) = (path("cert_path"), path("key_path"), path("client_ca_path"));
    let wanted = ["cert_path", "key_path", "client_ca_path"].iter().any(|name| section.has(name));
    for name in ["cert_path", "key_path"] {
        if wanted && !section.has(name) {
            report.problem(section, name, "TLS needs a certificate and its key", &format!("add '{name}'"));
        }
    }
    Some(TlsConfig { cert_path: cert?, key_path: key?, client_ca_path })
}

/// The listener that management has where it may not share the server's.
const MANAGEMENT_ON_LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9096);

fn management(section: &Section<'_>, authenticated: bool, report: &mut Report<'_>) -> ManagementConfig {
    let enabled = section.flag("enabled");
    let listen: Option<SocketAddr> = section.parse("listen");
    if let Some(listen) = listen.filter(|listen| enabled && !authenticated && !listen.ip().is_loopback()) {
        let message = format!("without authentication, management is served on loopback only, and {listen} is not");
        report.problem(section, "listen", message, "write 127.0.0.1:9096, or set authentication.enabled to true");
    }
    let default = (!authenticated).then_some(MANAGEMENT_ON_LOOPBACK);
    ManagementConfig { enabled, listen: listen.or(default) }
}

fn storage(section: &Section<'_>) -> StorageConfig {
    StorageConfig {
        path: section.string("path").map(PathBuf::from).unwrap_or_default(),
        retention: section.duration("retention"),
    }
}

fn performer(section: &Section<'_>) -> PerformerConfig {
    PerformerConfig {
        service_pattern: section.string("service_pattern").unwrap_or_default(),
        default_port: section.parse("default_port"),
        connection_timeout: section.duration("connection_timeout"),
        startup_timeout: section.duration("startup_timeout"),
        retry_attempts: section.parse("retry_attempts").unwrap_or_default(),
        max_performers: section.parse("max_performers").unwrap_or(1),
        health_check_interval: section.duration("health_check_interval"),
        health_check_timeout: section.duration("health_check_timeout"),
        resource_monitoring_enabled: section.flag("resource_monitoring_enabled"),
        resource_monitoring_interval: section.duration("resource_monitoring_interval"),
    }
}

fn kubernetes(root: &Section<'_>, mode: DeploymentMode, report: &mut Report<'_>) -> Option<KubernetesConfig> {
    let section = root.section("kubernetes");
    let scheduling = super::placement::scheduling(&section.section("scheduling"), report);
    match mode {
        DeploymentMode::Docker => {
            if matches!(section.source, super::Source::File { .. }) && section.is_present() {
                report.note(root, "kubernetes", "this section is unused in docker mode");
            }
            None
        }
        DeploymentMode::Kubernetes if !section.is_present() => {
            let remedy = "add 'kubernetes:' with 'namespace: <where performers are created>'";
            report.problem(root, "kubernetes", "this section is required in kubernetes mode", remedy);
            None
        }
        DeploymentMode::Kubernetes => {
            if !section.has("namespace") {
                let remedy = "add 'namespace: <where performers are created>', or set KUBERNETES_NAMESPACE";
                report.problem(&section, "namespace", "this key is required in kubernetes mode", remedy);
            }
            Some(KubernetesConfig {
                namespace: section.string("namespace").unwrap_or_default(),
                operator_namespace: section.string("operator_namespace").unwrap_or_default(),
                service_account: section.string("service_account"),
                cleanup_on_shutdown: section.flag("cleanup_on_shutdown"),
                cleanup_timeout: section.duration("cleanup_timeout"),
                scheduling,
            })
        }
    }
}

const CONTRACTS: [&str; 5] = [
    "task_mailbox_address",
    "allocation_manager_address",
    "key_registrar_address",
    "ecdsa_verifier_address",
    "bn254_verifier_address",
];

fn chain_config(section: &Section<'_>, report: &mut Report<'_>) -> ChainConfig {
    for unused in ["gas_limit", "gas_price_multiplier"] {
        if section.has(unused) {
            report.note(section, unused, "accepted and unused: an executor sends no transactions");
        }
    }
    ChainConfig {
        name: section.string("name").unwrap_or_default(),
        chain_id: section.parse("chain_id").unwrap_or_default(),
        rpc_url: Secret::new(section.string("rpc_url").unwrap_or_default()),
        ws_url: section.string("ws_url").map(Secret::new),
        contracts: CONTRACTS.iter().filter_map(|name| Some((*name, section.parse(name)?))).collect(),
        block_confirmations: section.parse("block_confirmations").unwrap_or_default(),
        from_block: section.parse("from_block"),
        retry_attempts: section.parse("retry_attempts").unwrap_or_default(),
        retry_backoff: section.duration("retry_backoff"),
    }
}

fn development(section: &Section<'_>) -> DevelopmentConfig {
    let process = section.text("performers") == Some("process");
    let performers = if process { PerformerRuntime::Process } else { PerformerRuntime::Docker };
    DevelopmentConfig { enabled: section.flag("enabled"), performers }
}

fn http(section: &Section<'_>, report: &mut Report<'_>) -> SocketAddr {
    let ip = section.text("address").and_then(|text| text.parse().ok());
    if ip.is_none() && section.has("address") {
        report.problem(section, "address", "this is not an IP address", "write 0.0.0.0, 127.0.0.1 or ::");
    }
    SocketAddr::new(ip.unwrap_or(ANY), section.parse("port").unwrap_or_default())
}

fn metrics(section: &Section<'_>, report: &mut Report<'_>) -> MetricsConfig {
    let path = section.string("path").unwrap_or_default();
    if !path.starts_with('/') {
        report.problem(section, "path", "a path of HTTP begins with '/'", "write /metrics");
    }
    MetricsConfig { enabled: section.flag("enabled"), listen: http(section, report), path }
}

fn health(section: &Section<'_>, report: &mut Report<'_>) -> HealthConfig {
    HealthConfig { enabled: section.flag("enabled"), listen: http(section, report) }
}
