//! The port: instances as local processes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hourglass_core::lifecycle::{Instance, StartInstance};
use hourglass_core::performer::{InstanceName, PerformerName};
use hourglass_core::ports::{Changes, InstanceRuntime, Notices, RuntimeCapabilities, RuntimeError};
use thiserror::Error;

use crate::options::Options;
use crate::output;
use crate::state::StateDir;
use crate::supervisor::Supervisor;
use crate::table::{Shared, unavailable};

/// How long a predecessor that is going away may still hold the directory: a thread of it that is about to end, or a
/// process that it has just begun.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Why a runtime cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another runtime has this directory.
    #[error("{} is in use by another executor: stop that one, or choose another state directory", .0.display())]
    InUse(PathBuf),
    /// The directory cannot be made, read or locked.
    #[error("the state directory {} cannot be used: check that it can be written", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Runs instances as child processes of this host, in development.
///
/// Dropping it leaves every instance running; the next one on the same directory adopts them.
#[derive(Debug)]
pub struct ProcessRuntime {
    shared: Arc<Shared>,
}

impl ProcessRuntime {
    /// Opens a state directory, makes it where it is not there, and adopts every instance in it: those that run, those
    /// that ended meanwhile, those whose stop was under way.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(path: &Path, supervisor: Supervisor, options: Options) -> Result<Self, OpenError> {
        let broken = |source| OpenError::Io { path: path.into(), source };
        let mut opened = StateDir::open(path).map_err(broken)?;
        let patience = tokio::time::Instant::now() + LOCK_PATIENCE;
        while opened.is_none() && tokio::time::Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(10)).await;
            opened = StateDir::open(path).map_err(broken)?;
        }
        let state = Arc::new(opened.ok_or_else(|| OpenError::InUse(path.into()))?);
        state.sweep().map_err(broken)?;
        let shared = Arc::new(Shared {
            options,
            supervisor,
            owner: state.owner(),
            state: Mutex::new(Some(Arc::clone(&state))),
            table: Mutex::default(),
            changes: Notices::new(),
        });
        for name in state.instances().map_err(broken)? {
            match shared.adopt(&name, state.instance(&name)).await {
                // Its removal was under way when the runtime before this one was dropped.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                adopted => adopted.map_err(broken)?,
            }
        }
        Ok(Self { shared })
    }

    /// The last lines that an instance wrote to stdout and stderr, oldest first; empty where nothing is known of it.
    pub async fn output_tail(&self, name: &InstanceName, lines: usize) -> Vec<String> {
        let Some(state) = self.shared.state() else { return Vec::new() };
        let log = state.instance(name).output_log();
        tokio::task::spawn_blocking(move || output::tail(&log, lines)).await.unwrap_or_default()
    }
}

impl Drop for ProcessRuntime {
    fn drop(&mut self) {
        for entry in self.shared.table().values() {
            if let Some(keeper) = &entry.keeper {
                keeper.abort();
            }
        }
        drop(self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[async_trait]
impl InstanceRuntime for ProcessRuntime {
    async fn observe(&self, performer: &PerformerName) -> Result<Vec<Instance>, RuntimeError> {
        let table = self.shared.table();
        let ours = table.iter().filter(|(name, _)| name.performer == *performer);
        let mut instances: Vec<Instance> = ours.map(|(name, entry)| entry.observed(name)).collect();
        instances.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(instances)
    }

    async fn performers(&self) -> Result<Vec<PerformerName>, RuntimeError> {
        Ok(self.shared.performers())
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.shared.changes.watch()
    }

    async fn start(&self, request: &StartInstance) -> Result<(), RuntimeError> {
        let (shared, request) = (Arc::clone(&self.shared), request.clone());
        // Detached: a caller that gives up leaves no instance half made.
        let launched = tokio::spawn(async move { shared.launch(request).await }).await;
        launched.unwrap_or_else(|error| Err(unavailable(error)))
    }

    async fn stop(&self, name: &InstanceName, grace: Duration) -> Result<(), RuntimeError> {
        let (shared, name) = (Arc::clone(&self.shared), name.clone());
        let stopped = tokio::task::spawn_blocking(move || shared.stop(&name, grace)).await;
        stopped.map_err(unavailable)
    }

    fn capabilities(&self) -> RuntimeCapabilities {
        RuntimeCapabilities { reports_health: false, enforces_limits: false }
    }
}
