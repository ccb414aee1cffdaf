//! The parts that touch disk and performers.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use hourglass_core::config::{Config, DeploymentMode, PerformerRuntime};
use hourglass_core::performer::PerformerName;
use hourglass_core::ports::InstanceRuntime;
use hourglass_grpc::client::ConnectionMetrics;
use hourglass_process::ProcessRuntime;
use hourglass_store::Store;
use hourglass_telemetry::Metrics;
use tracing::warn;

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

/// What runs instances in this mode.
pub(super) async fn instances(
    config: &Config,
    supervisor: hourglass_process::Supervisor,
) -> anyhow::Result<Arc<dyn InstanceRuntime>> {
    match (config.deployment_mode, config.development.performers) {
        (DeploymentMode::Docker, PerformerRuntime::Process) => {
            let path = config.storage.path.join("processes");
            let runtime = ProcessRuntime::open(&path, supervisor, hourglass_process::Options::default()).await;
            Ok(Arc::new(runtime.context("development.performers: cannot run processes")?))
        }
        (DeploymentMode::Docker, PerformerRuntime::Docker) => bail!(
            "this release does not run containers yet: for local processes set development.enabled to true and \
             development.performers to process"
        ),
        (DeploymentMode::Kubernetes, _) => bail!(
            "this release does not create Performer resources yet: set deployment_mode to docker, and for local \
             processes development.enabled to true and development.performers to process"
        ),
    }
}

/// Counts broken connections in the metrics.
pub(super) struct Connections(pub(super) Metrics);

impl ConnectionMetrics for Connections {
    fn connection_error(&self, performer: &PerformerName) {
        self.0.connection_error(performer);
    }
}
