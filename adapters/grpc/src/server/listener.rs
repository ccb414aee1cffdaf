use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::server::connection::{self, ConnectionContext, Phase};
use crate::server::registry::Registry;

const FIRST_BACKOFF: Duration = Duration::from_millis(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// The TLS configuration of new connections; replaced as a whole when certificates are renewed.
pub(crate) type SharedTls = Arc<RwLock<Arc<ServerConfig>>>;

/// One listening socket and what is served on it.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<SharedTls>,
    pub(crate) context: Arc<ConnectionContext>,
}

impl Listener {
    pub(crate) async fn bind(
        address: SocketAddr,
        tls: Option<SharedTls>,
        context: ConnectionContext,
    ) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, tls, context: Arc::new(context) })
    }

    /// Accepts until the server drains, then waits for what was accepted. Nothing that `accept` says ends it.
    pub(crate) async fn run(self, registry: Arc<Registry>, phase: watch::Receiver<Phase>) {
        let Self { socket, tls, context } = self;
        let mut draining = phase.clone();
        let mut connections = JoinSet::new();
        let mut backoff = FIRST_BACKOFF;
        loop {
            tokio::select! {
                biased;
                () = connection::reached(&mut draining, Phase::Draining) => break,
                Some(ended) = connections.join_next(), if !connections.is_empty() => report(ended),
                accepted = socket.accept() => match accepted {
                    Ok((tcp, peer)) => {
                        backoff = FIRST_BACKOFF;
                        let Some(registration) = registry.admit(peer.ip().to_canonical()) else {
                            tracing::debug!(%peer, "too many connections: closed");
                            continue;
                        };
                        let tls = tls.as_ref().map(acceptor);
                        prepare(&tcp);
                        let context = Arc::clone(&context);
                        connections.spawn(connection::serve(tcp, tls, context, registration, phase.clone()));
                    }
                    Err(error) if of_one_connection(&error) => {}
                    Err(error) => {
                        // Out of descriptors or memory: the socket stays readable, so waiting is what keeps this from
                        // spinning. Connections that end meanwhile free what is missing.
                        tracing::warn!(%error, wait = ?backoff, "cannot accept connections");
                        tokio::time::sleep(backoff).await;
                        backoff = (backoff * 2).min(LONGEST_BACKOFF);
                    }
                },
            }
        }
        // The port is free from here on: a successor may bind it while our calls end.
        drop(socket);
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "serving a connection ended through a defect");
    }
}

fn acceptor(tls: &SharedTls) -> TlsAcceptor {
    TlsAcceptor::from(Arc::clone(&tls.read().unwrap_or_else(PoisonError::into_inner)))
}

fn prepare(tcp: &TcpStream) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
}

/// Whether the error is about a connection that is gone already, not about us.
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
