//! What the configuration means for each part.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use hourglass_core::config::{Config, DeploymentMode, LogFormat as ConfiguredFormat, PerformerRuntime, TlsConfig};
use hourglass_core::performer::{PerformerName, PerformerSpec};
use hourglass_core::service::manager::ManagerOptions;
use hourglass_core::service::{AvsTasks, ChallengeLimits, ManagedAvs, ManagementOptions, TaskSettings};
use hourglass_core::trust::AvsTrust;
use hourglass_core::{Address, Secret};
use hourglass_docker::{ContainerDefaults, EngineTls};
use hourglass_grpc::client::ClientOptions;
use hourglass_grpc::server::ServerOptions;
use hourglass_grpc::tls::TlsOptions;
use hourglass_telemetry::logs::LogFormat;

/// Room for everything in a request that is not its payload.
const ENVELOPE_BYTES: u64 = 64 << 10;

pub(super) fn log_format(config: &Config) -> LogFormat {
    match config.log_format {
        ConfiguredFormat::Text => LogFormat::Human,
        ConfiguredFormat::Json => LogFormat::Json,
    }
}

pub(super) fn trust(config: &Config) -> BTreeMap<Address, AvsTrust> {
    let of = |avs: &hourglass_core::config::AvsConfig| AvsTrust {
        aggregators: avs.aggregators.iter().map(|aggregator| (aggregator.address, aggregator.key)).collect(),
        operator_sets: avs.operator_sets.iter().map(|set| (set.id, set.mandate)).collect(),
    };
    config.avs.iter().map(|avs| (avs.address, of(avs))).collect()
}

/// `config` is the one the executor began with; the AVSs are those of `current`.
pub(super) fn tasks(config: &Config, current: &Config) -> TaskSettings {
    let of = |avs: &hourglass_core::config::AvsConfig| AvsTasks {
        performer: avs.performer_name().clone(),
        deadline: avs.task.deadline,
        max_concurrent: avs.task.max_concurrent,
        max_queued: avs.task.max_queued,
        idempotent: avs.task.idempotent,
        default_operator_set: avs.operator_sets.first().map(|set| set.id),
    };
    TaskSettings {
        avs: current.avs.iter().map(|avs| (avs.address, of(avs))).collect(),
        failures_per_minute: config.server.failures_per_minute_per_peer,
        wait: config.server.task_timeout,
        max_payload_bytes: config.server.max_payload_bytes,
        permit_unsigned: config.development.enabled,
    }
}

pub(crate) fn performers(config: &Config) -> Vec<(PerformerName, PerformerSpec)> {
    config.avs.iter().map(|avs| (avs.performer_name().clone(), avs.performer_spec(config))).collect()
}

pub(super) fn managed(config: &Config) -> Vec<ManagedAvs> {
    let of = |avs: &hourglass_core::config::AvsConfig| ManagedAvs {
        avs: avs.address,
        name: avs.performer_name().clone(),
        template: Some(avs.performer_spec(config)),
    };
    config.avs.iter().map(of).collect()
}

/// How the engine is reached, and what containers get. Its address is the configuration's: that has `DOCKER_HOST` in it.
pub(crate) fn docker(config: &Config) -> hourglass_docker::Options {
    let docker = &config.docker;
    let tls = |tls: &hourglass_core::config::DockerTls| EngineTls {
        ca: tls.ca_path.clone(),
        cert: tls.cert_path.clone(),
        key: tls.key_path.clone(),
    };
    hourglass_docker::Options {
        host: Some(docker.host.clone()),
        tls: docker.tls.as_ref().map(tls),
        client_config: docker.client_config_path.clone(),
        call_timeout: docker.call_timeout,
        pull_stall_timeout: docker.pull_stall_timeout,
        concurrent_pulls: docker.concurrent_pulls,
        network: docker.network.clone(),
        executor_container: docker.executor_container.clone(),
        performers_may_connect: docker.performers_may_connect,
        host_root: docker.host_root.clone(),
        defaults: ContainerDefaults {
            run_as_user: docker.run_as_user,
            pids_limit: docker.pids_limit,
            tmpfs_bytes: docker.tmpfs_bytes,
            log_max_bytes: docker.log_max_bytes,
            log_max_files: docker.log_max_files,
        },
        ..hourglass_docker::Options::default()
    }
}

pub(super) fn manager(config: &Config) -> ManagerOptions {
    ManagerOptions { max_performers: config.performer.max_performers, ..ManagerOptions::default() }
}

/// Whether performers are processes of this host: in development only.
pub(super) fn runs_processes(config: &Config) -> bool {
    config.deployment_mode == DeploymentMode::Docker && config.development.performers == PerformerRuntime::Process
}

pub(super) fn management(config: &Config, operator: Address) -> ManagementOptions {
    ManagementOptions {
        deploy_timeout: config.performer.startup_timeout,
        local_executables: runs_processes(config),
        ..ManagementOptions::new(operator)
    }
}

pub(super) fn challenges(config: &Config) -> ChallengeLimits {
    ChallengeLimits {
        lifetime: config.authentication.challenge_ttl,
        outstanding: config.authentication.max_challenges,
        ..ChallengeLimits::default()
    }
}

pub(super) fn client(config: &Config) -> ClientOptions {
    ClientOptions {
        connect_timeout: config.performer.connection_timeout,
        connect_retries: config.performer.retry_attempts,
        health_interval: config.performer.health_check_interval,
        health_timeout: config.performer.health_check_timeout,
        ..ClientOptions::default()
    }
}

pub(super) fn server(config: &Config) -> anyhow::Result<ServerOptions> {
    let server = &config.server;
    Ok(ServerOptions {
        listen: server.listen,
        management_listen: config.management.listen,
        tls: server.tls.as_ref().map(tls).transpose()?,
        reflection: server.reflection,
        max_message_bytes: usize::try_from(server.max_payload_bytes.saturating_add(ENVELOPE_BYTES))?,
        max_calls: server.max_concurrent_tasks,
        max_calls_per_connection: server.max_streams_per_connection,
        max_connections: server.max_connections,
        max_connections_per_peer: server.max_connections_per_peer,
        idle_timeout: server.idle_timeout,
        drain_delay: server.drain_delay,
        drain_timeout: server.drain_timeout,
        ..ServerOptions::default()
    })
}

/// Reads the certificates; again at every reload.
pub(crate) fn tls(config: &TlsConfig) -> anyhow::Result<TlsOptions> {
    let read = |key: &str, path: &Path| {
        std::fs::read(path).with_context(|| format!("server.tls.{key}: cannot read {}", path.display()))
    };
    Ok(TlsOptions {
        certificate: read("cert_path", &config.cert_path)?,
        key: Secret::new(read("key_path", &config.key_path)?),
        client_ca: config.client_ca_path.as_deref().map(|path| read("client_ca_path", path)).transpose()?,
    })
}
