//! The executor's server: tasks, management, health and reflection on connections that are ours to bound and close.
//!
//! tonic routes and decodes calls. Accepting, TLS, HTTP/2 limits, idle connections and draining are done here, on
//! hyper's connections: tonic's own server cannot close an idle connection, count them per peer, or say what a drain cut.

mod activity;
mod calls;
mod connection;
mod elsewhere;
mod env;
mod handle;
mod health;
mod listener;
mod management_service;
mod options;
mod preface;
mod refusals;
mod registry;
mod routes;
mod status;
mod task_service;
mod upgrade_service;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use hourglass_core::service::{PerformerManagement, TaskApi};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};

pub use handle::{DrainReport, ServerHandle};
pub use options::{DEFAULT_EXECUTOR_PORT, ServerOptions};
pub use refusals::RefusePeers;
pub use status::REASON_KEY;

use crate::tls::TlsError;
use calls::CallPolicy;
use connection::{ConnectionContext, Phase};
use handle::Shared;
use listener::Listener;
use refusals::Refusals;
use registry::Registry;

/// Why a server could not be made.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The descriptors that reflection serves are damaged: a defect of the build.
    #[error("reflection cannot be offered")]
    Reflection(#[source] tonic_reflection::server::Error),
}

impl ServerError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "CannotListen",
            Self::Tls(e) => e.reason(),
            Self::Reflection(_) => "ReflectionDamaged",
        }
    }

    /// Whether trying again without a change may help: a port may become free.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Bind { .. })
    }
}

/// Collects what a server serves.
pub struct ExecutorServerBuilder {
    options: ServerOptions,
    tasks: Option<Arc<dyn TaskApi>>,
    management: Option<Arc<dyn PerformerManagement>>,
    refuse_peers: Option<RefusePeers>,
}

impl ExecutorServerBuilder {
    /// Serves `ExecutorService`.
    #[must_use]
    pub fn tasks(mut self, tasks: Arc<dyn TaskApi>) -> Self {
        self.tasks = Some(tasks);
        self
    }

    /// Serves `ExecutorManagementService` and `PerformerUpgradeService`, on their own listener where the options name one.
    #[must_use]
    pub fn management(mut self, management: Arc<dyn PerformerManagement>) -> Self {
        self.management = Some(management);
        self
    }

    /// Closes connections from these addresses as soon as they are accepted, on every listener: performers, for one,
    /// have no business here. They take no place of a connection, and are counted by [`ServerHandle::refused_peers`].
    #[must_use]
    pub fn refuse_peers(mut self, refuses: RefusePeers) -> Self {
        self.refuse_peers = Some(refuses);
        self
    }

    /// Takes the sockets. Nothing is accepted until [`ExecutorServer::serve`] runs.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind(self) -> Result<ExecutorServer, ServerError> {
        let Self { options, tasks, management, refuse_peers } = self;
        let refusals = Refusals::new(refuse_peers);
        let ready = watch::Sender::new(false);
        let tls = match &options.tls {
            Some(tls) => Some(Arc::new(RwLock::new(tls.server_config()?))),
            None => None,
        };
        let policy = Arc::new(CallPolicy {
            permits: Arc::new(Semaphore::new(options.max_calls.min(Semaphore::MAX_PERMITS))),
            max_calls: options.max_calls,
            call_timeout: options.call_timeout,
            request_timeout: options.request_timeout,
        });
        let context = |tasks, management| -> Result<ConnectionContext, ServerError> {
            Ok(ConnectionContext {
                routes: routes::build(&options, ready.subscribe(), tasks, management)?,
                policy: Arc::clone(&policy),
                http2: connection::http2(&options),
                handshake_timeout: options.handshake_timeout,
                idle_timeout: options.idle_timeout,
                refusals: Arc::clone(&refusals),
            })
        };
        let (beside, apart) = match options.management_listen {
            Some(address) => (None, management.map(|management| (address, management))),
            None => (management, None),
        };
        let mut listeners = vec![bind(options.listen, tls.clone(), context(tasks, beside)?).await?];
        if let Some((address, management)) = apart {
            let tls = tls.clone().filter(|_| !address.ip().is_loopback());
            listeners.push(bind(address, tls, context(None, Some(management))?).await?);
        }
        let local = |listener: &Listener| listener.socket.local_addr();
        let address = local(&listeners[0]).map_err(|source| ServerError::Bind { address: options.listen, source })?;
        let management_address = listeners.get(1).and_then(|listener| local(listener).ok());
        let shared = Shared {
            address,
            management_address,
            ready,
            leaving: AtomicBool::new(false),
            phase: watch::Sender::new(Phase::Serving),
            refusals: Arc::clone(&refusals),
            registry: Registry::new(options.max_connections, options.max_connections_per_peer),
            tls,
            drain_delay: options.drain_delay,
            drain_timeout: options.drain_timeout,
        };
        Ok(ExecutorServer { listeners, handle: ServerHandle(Arc::new(shared)) })
    }
}

async fn bind(
    address: SocketAddr,
    tls: Option<listener::SharedTls>,
    context: ConnectionContext,
) -> Result<Listener, ServerError> {
    Listener::bind(address, tls, context).await.map_err(|source| ServerError::Bind { address, source })
}

/// A server that has its sockets.
pub struct ExecutorServer {
    listeners: Vec<Listener>,
    handle: ServerHandle,
}

impl ExecutorServer {
    /// Begins to describe a server.
    pub fn builder(options: ServerOptions) -> ExecutorServerBuilder {
        ExecutorServerBuilder { options, tasks: None, management: None, refuse_peers: None }
    }

    /// What controls this server.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until a [drain](ServerHandle::drain) has ended. It never ends for another reason.
    pub async fn serve(self) {
        let shared = &self.handle.0;
        let runs = self
            .listeners
            .into_iter()
            .map(|listener| listener.run(Arc::clone(&shared.registry), shared.phase.subscribe()));
        futures_util::future::join_all(runs).await;
    }
}
