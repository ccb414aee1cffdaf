use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hourglass_core::performer::Endpoint;
use hourglass_core::ports::Spawner;
use hourglass_core::with_causes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::unary::Whole;

/// The port on which performers made for the earlier executor listen.
const EARLIER_PORT: u16 = 8080;

/// One HTTP/2 connection to a performer.
pub(crate) struct Connection {
    sender: SendRequest<Whole>,
    /// Calls on it.
    pub(crate) load: AtomicUsize,
    /// What the performer allows at once (`SETTINGS_MAX_CONCURRENT_STREAMS`), as last heard.
    allowed: Arc<AtomicUsize>,
    /// Gets no new calls any more.
    retired: AtomicBool,
}

impl Connection {
    pub(crate) fn sender(&self) -> SendRequest<Whole> {
        self.sender.clone()
    }

    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(crate) fn usable(&self) -> bool {
        !self.retired.load(Ordering::Acquire) && !self.sender.is_closed()
    }

    pub(crate) fn has_room(&self, limit: usize) -> bool {
        self.load.load(Ordering::Acquire) < limit.min(self.allowed.load(Ordering::Acquire).max(1))
    }
}

/// Connects and completes the HTTP/2 handshake. `ended` is called once when the connection is over.
///
/// No keep-alive pings: Go servers answer pings that come more often than every five minutes with GOAWAY.
///
/// # Errors
/// What was seen, for people.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    within: Duration,
    spawner: &dyn Spawner,
    ended: impl FnOnce() + Send + 'static,
) -> Result<Arc<Connection>, String> {
    let tcp = match timeout(within, TcpStream::connect((endpoint.host.as_str(), endpoint.port))).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) => return Err(unreachable_text(endpoint, &error)),
        Err(_) => return Err(format!("no connection to {endpoint} within {within:?}{}", hint(endpoint))),
    };
    // Fails only for a socket that is gone, which the handshake then says.
    let _ = tcp.set_nodelay(true);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_header_list_size(64 << 10);
    let handshake = timeout(within, builder.handshake(TokioIo::new(tcp))).await;
    let (sender, connection) = match handshake {
        Ok(Ok(pair)) => pair,
        Ok(Err(error)) => return Err(format!("{endpoint} does not speak HTTP/2: {}", with_causes(&error))),
        Err(_) => return Err(format!("{endpoint} did not complete the HTTP/2 handshake within {within:?}")),
    };
    let allowed = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
    let heard = Arc::clone(&allowed);
    let drive = async move {
        let mut connection = pin!(connection);
        let result = std::future::poll_fn(|cx| {
            let polled = connection.as_mut().poll(cx);
            heard.store(connection.current_max_send_streams(), Ordering::Release);
            polled
        })
        .await;
        if let Err(error) = result {
            tracing::debug!(error = %with_causes(&error), "connection to a performer ended");
        }
        ended();
    };
    spawner.spawn("performer connection", Box::pin(drive));
    Ok(Arc::new(Connection { sender, load: AtomicUsize::new(0), allowed, retired: AtomicBool::new(false) }))
}

fn unreachable_text(endpoint: &Endpoint, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        format!("nothing listens on {endpoint}{}", hint(endpoint))
    } else {
        format!("cannot connect to {endpoint}: {error}{}", hint(endpoint))
    }
}

/// What nothing answering may come from (`contract.md` §6).
pub(crate) fn hint(endpoint: &Endpoint) -> &'static str {
    if endpoint.port == EARLIER_PORT {
        ""
    } else {
        "; performers made for the earlier executor listen on 8080: if this is one, set its port, or let its image \
         expose 8080"
    }
}
