//! A gate in front of the engine's socket: whoever holds that socket is root on the host, and the executor needs only a
//! few of its calls.
//!
//! ```text
//!  executor ──► listen ──► rules: call, body ──► look-up: whose is it? ──► engine's socket
//!                             │ 403                  │ 403
//! ```
//!
//! Let through are the calls of this crate's adapter, about containers and networks that carry the executor's label, and
//! bodies that ask for nothing of the host. Everything is read strictly and written anew; nothing of the caller's bytes
//! reaches the engine. What it does not protect from: an executor that was taken over can run any image, within these
//! limits, and use the host's memory, disk and network through it.

mod call;
mod container;
mod container_body;
mod engine;
mod events;
mod listen;
mod network;
mod owner;
mod permits;
mod refusal;
mod routes;
mod rules;
mod service;
#[cfg(test)]
mod tests;

pub use listen::{BindError, Listen, ListenError};
pub use owner::Owner;
pub use permits::{PermitError, Permits};
pub use refusal::Refusal;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use listen::Listener;
use service::Gate;

/// Connections at once; more wait in the system's backlog. Each is one call of the executor, one of them its events.
const CONNECTIONS: usize = 512;
const HEAD_BYTES: usize = 64 << 10;
const HEAD_TIME: Duration = Duration::from_secs(10);

/// What a proxy is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyOptions {
    /// The engine's own socket.
    pub engine: PathBuf,
    /// Whose containers may be touched.
    pub owner: Owner,
    /// What they may have besides the least.
    pub permits: Permits,
}

/// A proxy that listens.
#[derive(Debug)]
pub struct SocketProxy {
    listener: Listener,
    gate: Arc<Gate>,
}

impl SocketProxy {
    /// Opens the listener. The engine need not be there yet.
    ///
    /// # Errors
    /// [`BindError`].
    pub async fn bind(listen: &Listen, options: ProxyOptions) -> Result<Self, BindError> {
        let gate = Gate {
            engine: engine::Engine::new(options.engine),
            known: owner::Known::new(options.owner),
            permits: options.permits,
        };
        Ok(Self { listener: listen::bind(listen).await?, gate: Arc::new(gate) })
    }

    /// Serves until it is dropped; dropping it ends its connections.
    pub async fn serve(self) -> Infallible {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            // The semaphore is never closed.
            let permit = permits.clone().acquire_owned().await.ok();
            let accepted = match &self.listener {
                Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    connections.spawn(connection(stream, self.gate.clone(), permit));
                }),
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    connections.spawn(connection(stream, self.gate.clone(), permit));
                }),
            };
            if let Err(error) = accepted {
                // Most likely no descriptors are left: trying again at once would only burn the processor.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn connection<S>(stream: S, gate: Arc<Gate>, _permit: Option<OwnedSemaphorePermit>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let gate = gate.clone();
        async move { Ok::<_, Infallible>(gate.answer(request).await) }
    });
    // No upgrades: `serve_connection` alone never leaves HTTP.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended badly");
    }
}
