//! The configuration as the rest of the executor sees it: every value typed, checked and complete.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::address::Address;
use crate::performer::Endpoint;
use crate::scheduling::Scheduling;
use crate::secret::Secret;

use super::avs::AvsConfig;
use super::docker::DockerConfig;

/// A valid configuration with every default filled in. Its debug form shows no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The aggregator, for connections that the executor opens.
    pub aggregator: AggregatorEndpoint,
    /// How every performer is run.
    pub deployment_mode: DeploymentMode,
    /// The least important messages that are logged: `trace`, `debug`, `info`, `warn` or `error`.
    pub log_level: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Who executes.
    pub operator: OperatorConfig,
    /// Where the signing keys come from.
    pub operator_keys: OperatorKeys,
    /// The gRPC server.
    pub server: ServerConfig,
    /// The management service.
    pub management: ManagementConfig,
    /// Who may manage.
    pub authentication: AuthenticationConfig,
    /// The journal and the performer store.
    pub storage: StorageConfig,
    /// How performers are dealt with.
    pub performer: PerformerConfig,
    /// The engine of Docker mode; always there, and unused in Kubernetes mode.
    pub docker: DockerConfig,
    /// In Kubernetes mode, always there; in Docker mode, never.
    pub kubernetes: Option<KubernetesConfig>,
    /// Chains, for an authority that asks them.
    pub chains: Vec<ChainConfig>,
    /// The AVSs, in the order of the file; no two with one address or one performer name.
    pub avs: Vec<AvsConfig>,
    /// What is never right in production.
    pub development: DevelopmentConfig,
    /// Prometheus.
    pub metrics: MetricsConfig,
    /// Health over HTTP.
    pub health: HealthConfig,
}

/// Where the aggregator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregatorEndpoint {
    /// Host and port, if configured.
    pub endpoint: Option<Endpoint>,
    /// Whether connections to it use TLS.
    pub tls: bool,
    /// How long a call to it may take.
    pub timeout: Duration,
}

/// How performers are run. One executor uses one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum DeploymentMode {
    /// Containers of this host, or processes in development.
    #[default]
    Docker,
    /// Performer resources.
    Kubernetes,
}

impl DeploymentMode {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
        }
    }
}

impl std::str::FromStr for DeploymentMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "docker" => Ok(Self::Docker),
            "kubernetes" => Ok(Self::Kubernetes),
            _ => Err(()),
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object each.
    Json,
}

/// Who executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorConfig {
    /// The operator's address; `None` is the address of the ECDSA key, which is then configured.
    pub address: Option<Address>,
    /// What the executor calls itself.
    pub name: String,
}

/// Where the signing keys come from; at least one is there.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorKeys {
    /// secp256k1.
    pub ecdsa: Option<KeySource>,
    /// BN254.
    pub bn254: Option<KeySource>,
}

/// One key and, for a keystore, its password.
#[derive(Debug, Clone, PartialEq)]
pub struct KeySource {
    /// The key.
    pub material: KeyMaterial,
    /// The password.
    pub password: Option<Password>,
}

/// Where a key's bytes are.
#[derive(Debug, Clone)]
pub enum KeyMaterial {
    /// In a file, in any form.
    Path(PathBuf),
    /// In a file that must be a keystore.
    Keystore(PathBuf),
    /// In the configuration or a variable, in any form.
    Inline(Secret<String>),
    /// Behind an inherited descriptor, read once.
    Descriptor(i32),
}

/// Where a password is.
#[derive(Debug, Clone)]
pub enum Password {
    /// In the configuration or a variable.
    Inline(Secret<String>),
    /// In a file.
    Path(PathBuf),
}

impl PartialEq for KeyMaterial {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) | (Self::Keystore(a), Self::Keystore(b)) => a == b,
            (Self::Inline(a), Self::Inline(b)) => a.expose() == b.expose(),
            (Self::Descriptor(a), Self::Descriptor(b)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) => a == b,
            (Self::Inline(a), Self::Inline(b)) => a.expose() == b.expose(),
            _ => false,
        }
    }
}

/// The gRPC server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where tasks are accepted.
    pub listen: SocketAddr,
    /// Whether the services can be listed.
    pub reflection: bool,
    /// `None` is plaintext.
    pub tls: Option<TlsConfig>,
    /// The greatest payload, in bytes.
    pub max_payload_bytes: u64,
    /// Tasks in progress, over all AVSs.
    pub max_concurrent_tasks: usize,
    /// Open connections.
    pub max_connections: usize,
    /// Open connections from one IP address.
    pub max_connections_per_peer: usize,
    /// Open calls on one connection.
    pub max_streams_per_connection: u32,
    /// How long a call that brought a task waits.
    pub task_timeout: Duration,
    /// After how long without a call a connection is closed.
    pub idle_timeout: Duration,
    /// How long tasks are still accepted after readiness was withdrawn.
    pub drain_delay: Duration,
    /// How long tasks in progress may take at the end.
    pub drain_timeout: Duration,
    /// Wrong signatures from one IP address in a minute.
    pub failures_per_minute_per_peer: u32,
}

/// Certificates of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The chain, PEM.
    pub cert_path: PathBuf,
    /// Its key, PEM.
    pub key_path: PathBuf,
    /// Who signs clients' certificates; `None` asks for none.
    pub client_ca_path: Option<PathBuf>,
}

/// The management service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagementConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// A listener of its own; `None` shares the server's. Always there, and on loopback, without authentication.
    pub listen: Option<SocketAddr>,
}

/// Who may manage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationConfig {
    /// Whether calls must be signed.
    pub enabled: bool,
    /// How long a challenge can be answered.
    pub challenge_ttl: Duration,
    /// Open challenges.
    pub max_challenges: usize,
}

/// The journal and the performer store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// The directory.
    pub path: PathBuf,
    /// How long answered tasks are remembered.
    pub retention: Duration,
}

/// How performers are dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformerConfig {
    /// With `{name}`, `{namespace}`, `{port}` and `{avs}`.
    pub service_pattern: String,
    /// Where the AVS says nothing; it comes before what the image exposes.
    pub default_port: Option<std::num::NonZeroU16>,
    /// For connecting.
    pub connection_timeout: Duration,
    /// Until a performer must be ready.
    pub startup_timeout: Duration,
    /// For connecting; never for a task that may have run.
    pub retry_attempts: u32,
    /// On this executor.
    pub max_performers: usize,
    /// Between two health calls.
    pub health_check_interval: Duration,
    /// Of one of them.
    pub health_check_timeout: Duration,
    /// Whether usage is sampled.
    pub resource_monitoring_enabled: bool,
    /// How often.
    pub resource_monitoring_interval: Duration,
}

impl PerformerConfig {
    /// The pattern that is ours.
    pub const DEFAULT_SERVICE_PATTERN: &'static str = "performer-{name}.{namespace}.svc.cluster.local:{port}";

    /// The address of a performer where the pattern is the user's own; `None` where it is the default one and the
    /// endpoint that its status names holds (`contract.md` §6).
    pub fn service_endpoint(&self, name: &str, avs: &Address, namespace: &str, port: u16) -> Option<String> {
        (self.service_pattern != Self::DEFAULT_SERVICE_PATTERN).then(|| {
            self.service_pattern
                .replace("{namespace}", namespace)
                .replace("{port}", &port.to_string())
                .replace("{avs}", &avs.to_string())
                .replace("{name}", name)
        })
    }
}

/// Kubernetes mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// Where performers are created.
    pub namespace: String,
    /// Where the operator is.
    pub operator_namespace: String,
    /// For performers whose AVS names none.
    pub service_account: Option<String>,
    /// Whether performers go with the executor's own workload.
    pub cleanup_on_shutdown: bool,
    /// How long that may take.
    pub cleanup_timeout: Duration,
    /// For AVSs without scheduling of their own.
    pub scheduling: Scheduling,
}

/// One chain.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// For logs.
    pub name: String,
    /// Its id.
    pub chain_id: u64,
    /// JSON-RPC. Providers put keys into such URLs.
    pub rpc_url: Secret<String>,
    /// WebSocket; likewise.
    pub ws_url: Option<Secret<String>>,
    /// Contracts by their key, such as `task_mailbox_address`; those that are missing have built-in defaults on known chains.
    pub contracts: BTreeMap<&'static str, Address>,
    /// How deep an event must be.
    pub block_confirmations: u64,
    /// The first block of interest.
    pub from_block: Option<u64>,
    /// Of a failed read.
    pub retry_attempts: u32,
    /// Before the first of these.
    pub retry_backoff: Duration,
}

impl PartialEq for ChainConfig {
    fn eq(&self, other: &Self) -> bool {
        let plain = |c: &Self| {
            let numbers = (c.chain_id, c.block_confirmations, c.from_block, c.retry_attempts, c.retry_backoff);
            (c.name.clone(), numbers, c.contracts.clone())
        };
        plain(self) == plain(other)
            && self.rpc_url.expose() == other.rpc_url.expose()
            && self.ws_url.as_ref().map(Secret::expose) == other.ws_url.as_ref().map(Secret::expose)
    }
}

/// What is never right in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevelopmentConfig {
    /// Permits unsigned tasks, and processes.
    pub enabled: bool,
    /// What runs performers in Docker mode.
    pub performers: PerformerRuntime,
}

/// What runs performers in Docker mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PerformerRuntime {
    /// Containers.
    #[default]
    Docker,
    /// Child processes; only with [`DevelopmentConfig::enabled`].
    Process,
}

/// Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// Where.
    pub listen: SocketAddr,
    /// Begins with `/`.
    pub path: String,
}

/// Health over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// Where.
    pub listen: SocketAddr,
}

/// Where nothing else is known: every interface of IPv4.
pub(crate) const ANY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
