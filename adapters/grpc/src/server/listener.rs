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
        run(self.socket, self.tls, self.context, registry, phase).await;
    }
}

/// Where connections come from.
trait Source: Send {
    fn accept(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Source for TcpListener {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }
}

async fn run(
    mut socket: impl Source,
    tls: Option<SharedTls>,
    context: Arc<ConnectionContext>,
    registry: Arc<Registry>,
    phase: watch::Receiver<Phase>,
) {
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
                    if context.refusals.refuses(peer.ip()) {
                        continue;
                    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{ServerOptions, calls::CallPolicy};

    /// Fails as told before it accepts.
    struct Failing(TcpListener, Vec<io::Error>);

    impl Source for Failing {
        async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
            match self.1.pop() {
                Some(error) => Err(error),
                None => self.0.accept().await,
            }
        }
    }

    #[tokio::test]
    async fn no_error_of_accept_ends_the_loop() {
        const EMFILE: i32 = 24;
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let errors = [EMFILE, EMFILE]
            .map(io::Error::from_raw_os_error)
            .into_iter()
            .chain([io::ErrorKind::ConnectionAborted.into()]);
        let options = ServerOptions::default();
        let context = ConnectionContext {
            routes: tonic::service::Routes::default(),
            policy: Arc::new(CallPolicy {
                permits: Arc::new(tokio::sync::Semaphore::new(1)),
                max_calls: 1,
                call_timeout: options.call_timeout,
                request_timeout: options.request_timeout,
            }),
            http2: connection::http2(&options),
            handshake_timeout: options.handshake_timeout,
            idle_timeout: options.idle_timeout,
            refusals: crate::server::refusals::Refusals::new(None),
        };
        let registry = Registry::new(1, 1);
        let phase = watch::Sender::new(Phase::Serving);
        let source = Failing(socket, errors.collect());
        let running = run(source, None, Arc::new(context), Arc::clone(&registry), phase.subscribe());
        let running = tokio::spawn(running);
        let client = TcpStream::connect(address).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), async {
            while registry.load().0 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap();
        drop(client);
        phase.send_replace(Phase::Draining);
        running.await.unwrap();
    }
}
