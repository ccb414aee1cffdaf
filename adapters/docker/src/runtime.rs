//! The port: instances as containers.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hourglass_core::lifecycle::{Instance, StartInstance};
use hourglass_core::performer::{InstanceName, PerformerName};
use hourglass_core::ports::{Changes, InstanceRuntime, RuntimeCapabilities, RuntimeError};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use crate::engine::{EngineState, PLATFORM};
use crate::options::{ExecutorId, Options};
use crate::shared::{Shared, now};
use crate::usage::{self, ContainerUsage};
use crate::{follow, jobs};

/// Why a runtime cannot be opened: a configuration that cannot be right, whatever the engine does.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The address of the engine.
    #[error("'{0}' is no address of a container engine: write unix:///path or tcp://host:port")]
    Address(String),
    /// TLS on a socket of this host.
    #[error("docker.tls is for an engine at tcp://…, and a socket has none: remove docker.tls, or correct docker.host")]
    TlsOverSocket,
    /// A certificate or key.
    #[error("{}, of docker.tls, cannot be used: {message}", .path.display())]
    TlsFile {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The client itself.
    #[error("the client of the container engine cannot be made: {0}")]
    Client(String),
}

/// Runs instances as containers of one engine. Clones are handles of the same.
///
/// Dropping the last of them leaves every container as it is; the next one of the same [`ExecutorId`] adopts them.
#[derive(Debug, Clone)]
pub struct DockerRuntime {
    shared: Arc<Shared>,
    /// With the last handle, jobs of starts and stops end what they are at.
    _open: Arc<DropGuard>,
}

impl DockerRuntime {
    /// Takes the options; the engine need not be there, and is reached by [`Self::follow`].
    ///
    /// # Errors
    /// [`OpenError`]: what cannot be right whatever the engine does.
    pub async fn open(owner: ExecutorId, options: Options) -> Result<Self, OpenError> {
        // Certificates are read from files.
        let opened = tokio::task::spawn_blocking(move || Shared::new(owner, options)).await;
        let shared = opened.map_err(|error| OpenError::Client(error.to_string()))??;
        let open = Arc::new(shared.closed.clone().drop_guard());
        Ok(Self { shared, _open: open })
    }

    /// The background work, which never returns: reaching the engine, and following its events. Nothing is observed,
    /// started or stopped before it runs; it must run once.
    pub fn follow(&self) -> impl Future<Output = ()> + Send + 'static {
        follow::follow(Arc::clone(&self.shared))
    }

    /// What is known of the engine.
    pub fn engine(&self) -> watch::Receiver<EngineState> {
        self.shared.engine.state().subscribe()
    }

    /// Whether a connection from this address comes from one of our containers.
    ///
    /// Also one that was started a moment ago: whatever is in a network that we made, except the host itself.
    pub fn is_performer(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.shared.table.has_address(address) || self.shared.networks.covers(address)
    }

    /// What an instance uses, from its cgroup where that is seen from here, else from the engine; `None` where it does
    /// not run.
    pub async fn usage(&self, name: &InstanceName) -> Option<ContainerUsage> {
        let container = self.shared.table.seen(name)?;
        let (pid, id) = (container.pid?, container.id.clone());
        let root = self.shared.options.host_root.clone();
        let read = tokio::task::spawn_blocking(move || usage::from_cgroup(&root, &id, pid)).await;
        match read.ok().flatten() {
            Some(usage) => Some(usage),
            None => usage::from_engine(&self.shared.engine, &container.id).await,
        }
    }

    fn unavailable(&self) -> RuntimeError {
        let message = match &*self.shared.engine.state().borrow() {
            EngineState::Unavailable { message, .. } => message.clone(),
            _ => "it was not reached yet".to_owned(),
        };
        RuntimeError::Unavailable { platform: PLATFORM, message }
    }
}

#[async_trait]
impl InstanceRuntime for DockerRuntime {
    async fn observe(&self, performer: &PerformerName) -> Result<Vec<Instance>, RuntimeError> {
        self.shared.table.observe(performer).ok_or_else(|| self.unavailable())
    }

    async fn performers(&self) -> Result<Vec<PerformerName>, RuntimeError> {
        self.shared.table.performers().ok_or_else(|| self.unavailable())
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.shared.table.watch()
    }

    async fn start(&self, request: &StartInstance) -> Result<(), RuntimeError> {
        // What is not known to be there might be.
        if !self.shared.table.is_known() {
            return Err(self.unavailable());
        }
        if let Some(job) = self.shared.table.begin_start(&request.name, now()) {
            jobs::start(&self.shared, request.clone(), job);
        }
        Ok(())
    }

    async fn stop(&self, name: &InstanceName, grace: Duration) -> Result<(), RuntimeError> {
        if !self.shared.table.is_known() {
            return Err(self.unavailable());
        }
        match self.shared.table.begin_stop(name) {
            Some(job) => jobs::stop(&self.shared, name.clone(), grace, job),
            None if grace.is_zero() => {
                if let Some(job) = self.shared.table.stopping(name) {
                    job.hurry.notify_one();
                }
            }
            None => {}
        }
        Ok(())
    }

    fn capabilities(&self) -> RuntimeCapabilities {
        RuntimeCapabilities { reports_health: false, enforces_limits: true }
    }
}
