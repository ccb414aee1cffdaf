use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How much one listener gives to strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more wait in the system's backlog.
    pub connections: usize,
    /// Bytes of a request's line and headers.
    pub header_bytes: usize,
    /// How long a client may take to send them; also how long a connection may idle.
    pub header_time: Duration,
    /// How long a connection lives at most.
    pub connection_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            header_bytes: 16 * 1024,
            header_time: Duration::from_secs(5),
            connection_time: Duration::from_secs(60),
        }
    }
}

/// A listener could not be opened.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: choose another address or port, or end what uses this one")]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Opens a listener.
///
/// # Errors
/// [`BindError`].
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Serves HTTP/1.1 until it is dropped; dropping it ends its connections.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits) -> Infallible {
    serve_except(listener, router, limits, Arc::new(|_| false)).await
}

/// Whether connections from an address are closed at once. IPv4 addresses come as such, mapped into IPv6 or not.
pub type RefusePeers = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// [`serve`], except for peers that have no business here: their connections are closed before anything is read.
pub async fn serve_except(listener: TcpListener, router: Router, limits: Limits, refuses: RefusePeers) -> Infallible {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let permit = permits.clone().acquire_owned().await.ok();
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, peer)) if refuses(peer.ip().to_canonical()) => continue,
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely no descriptors are left: trying again at once would only burn the processor.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        while connections.try_join_next().is_some() {}
        let served = serve_one(stream, router.clone(), limits);
        connections.spawn(async move {
            let _permit = permit;
            served.await;
        });
    }
}

async fn serve_one(stream: TcpStream, router: Router, limits: Limits) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(limits.connection_time, connection).await {
        Ok(Ok(())) => {}
        // A client that hangs up or sends nonsense is its own affair.
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended badly"),
        Err(_) => tracing::debug!("a connection reached its age limit"),
    }
}
