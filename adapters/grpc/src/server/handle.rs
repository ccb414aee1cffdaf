use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::server::connection::Phase;
use crate::server::listener::SharedTls;
use crate::server::refusals::Refusals;
use crate::server::registry::Registry;
use crate::tls::{TlsError, TlsOptions};

/// Controls a server from outside. Cheap to clone.
#[derive(Clone)]
pub struct ServerHandle(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) address: SocketAddr,
    pub(crate) management_address: Option<SocketAddr>,
    pub(crate) ready: watch::Sender<bool>,
    pub(crate) leaving: AtomicBool,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) tls: Option<SharedTls>,
    pub(crate) drain_delay: Duration,
    pub(crate) drain_timeout: Duration,
}

/// What a drain had to cut because it did not end in time. All zero is a clean one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DrainReport {
    /// Connections that were still open.
    pub connections_cut: usize,
    /// Calls that were still running.
    pub calls_cut: usize,
}

impl ServerHandle {
    /// Where tasks are taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.address
    }

    /// Where management is served, if it has a listener of its own.
    pub fn management_addr(&self) -> Option<SocketAddr> {
        self.0.management_address
    }

    /// What `grpc.health.v1` answers. A server starts out not ready, and one that drains stays so.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.send_if_modified(|now| {
            let new = ready && !self.0.leaving.load(Ordering::Acquire);
            std::mem::replace(now, new) != new
        });
    }

    /// Follows what health answers.
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.0.ready.subscribe()
    }

    /// Open connections and running calls.
    pub fn load(&self) -> (usize, usize) {
        self.0.registry.load()
    }

    /// Connections that were closed so far because their peer may not connect.
    pub fn refused_peers(&self) -> u64 {
        self.0.refusals.count()
    }

    /// Serves new connections with other certificates; those that are open keep theirs.
    ///
    /// # Errors
    /// [`TlsError`] where they cannot be used; the old ones then stay. A server without TLS ignores them.
    pub fn reload_tls(&self, options: &TlsOptions) -> Result<(), TlsError> {
        let config = options.server_config()?;
        if let Some(tls) = &self.0.tls {
            *tls.write().unwrap_or_else(PoisonError::into_inner) = config;
        }
        Ok(())
    }

    /// Leaves in order: not ready at once; after `drain_delay` no new connection, and GOAWAY on every open one;
    /// calls that run may finish until `drain_timeout`; then everything is cut.
    ///
    /// Returns when no connection is left. Calling it again joins the drain that is going on.
    pub async fn drain(&self) -> DrainReport {
        let shared = &self.0;
        shared.leaving.store(true, Ordering::Release);
        self.set_ready(false);
        tokio::time::sleep(shared.drain_delay).await;
        self.enter(Phase::Draining);
        let ended = tokio::time::timeout(shared.drain_timeout, shared.registry.empty()).await;
        let (connections_cut, calls_cut) = if ended.is_ok() { (0, 0) } else { shared.registry.load() };
        self.enter(Phase::Cut);
        shared.registry.empty().await;
        DrainReport { connections_cut, calls_cut }
    }

    fn enter(&self, phase: Phase) {
        self.0.phase.send_if_modified(|now| {
            let grows = phase > *now;
            *now = phase.max(*now);
            grows
        });
    }
}
