//! The parts that touch disk and performers.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hourglass_core::config::{Config, DeploymentMode, PerformerRuntime};
use hourglass_core::performer::PerformerName;
use hourglass_core::ports::InstanceRuntime;
use hourglass_docker::DockerRuntime;
use hourglass_grpc::client::ConnectionMetrics;
use hourglass_process::ProcessRuntime;
use hourglass_store::Store;
use hourglass_telemetry::Metrics;
use tracing::warn;

use crate::compose::{identity, settings};

/// Opens the journal and the performer store.
pub(super) async fn store(config: &Config) -> anyhow::Result<Store> {
    let (path, retention) = (config.storage.path.clone(), config.storage.retention);
    let options = hourglass_store::Options { retention, ..hourglass_store::Options::default() };
    let context = || format!("storage.path: cannot open {}", config.storage.path.display());
    let store = tokio::task::spawn_blocking(move || Store::open(path, options)).await?.with_context(context)?;
    if store.created() {
        warn!(
            path = %config.storage.path.display(),
            "began a new journal: tasks that this key answered elsewhere are not known here. \
             If there are any, stop and run `hourglass-executor journal import` first"
        );
    }
    Ok(store)
}

/// Containers, where this mode runs them. Needs no engine to be there; a mode that cannot be run is refused first.
pub(super) async fn containers(config: &Config) -> anyhow::Result<Option<DockerRuntime>> {
    match (config.deployment_mode, config.development.performers) {
        (DeploymentMode::Docker, PerformerRuntime::Process) => Ok(None),
        (DeploymentMode::Docker, PerformerRuntime::Docker) => {
            let owner = identity::executor_id(&config.storage.path)?;
            let runtime = DockerRuntime::open(owner, settings::docker(config)).await;
            Ok(Some(runtime.context("docker: the container engine cannot be used as configured")?))
        }
        (DeploymentMode::Kubernetes, _) => bail!(
            "this release does not create Performer resources yet: set deployment_mode to docker, and for local \
             processes development.enabled to true and development.performers to process"
        ),
    }
}

/// What runs instances in this mode: containers where there are any, else processes.
pub(super) async fn instances(
    config: &Config,
    containers: Option<&DockerRuntime>,
    supervisor: hourglass_process::Supervisor,
) -> anyhow::Result<Arc<dyn InstanceRuntime>> {
    if let Some(containers) = containers {
        return Ok(Arc::new(containers.clone()));
    }
    let path = config.storage.path.join("processes");
    let runtime = ProcessRuntime::open(&path, supervisor, hourglass_process::Options::default()).await;
    Ok(Arc::new(runtime.context("development.performers: cannot run processes")?))
}

/// Who may connect to none of our listeners: performers. They are called; they have nothing to ask, and what they run is not
/// ours.
pub(super) fn refused_peers(containers: Option<&DockerRuntime>) -> Arc<dyn Fn(IpAddr) -> bool + Send + Sync> {
    match containers.cloned() {
        Some(containers) => Arc::new(move |peer| containers.is_performer(peer)),
        None => Arc::new(|_| false),
    }
}

/// Counts broken connections in the metrics.
pub(super) struct Connections(pub(super) Metrics);

impl ConnectionMetrics for Connections {
    fn connection_error(&self, performer: &PerformerName) {
        self.0.connection_error(performer);
    }
}
