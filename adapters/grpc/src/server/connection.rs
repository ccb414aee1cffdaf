use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;

use crate::server::ServerOptions;
use crate::server::calls::{CallPolicy, CallService};
use crate::server::preface;
use crate::server::refusals::Refusals;
use crate::server::registry::Registration;

/// How long a connection that was told to close may take once it carries no call any more, at most.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// How far the server is on its way out. Only ever grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// Every connection gets GOAWAY; its calls go on.
    Draining,
    /// What is left is dropped.
    Cut,
}

/// Resolves when the server has gone so far.
pub(crate) async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // An error means that every handle is gone and with it whoever could drain: as good as the last phase.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

/// What every connection of a listener needs.
pub(crate) struct ConnectionContext {
    pub(crate) routes: Routes,
    pub(crate) policy: Arc<CallPolicy>,
    pub(crate) http2: http2::Builder<TokioExecutor>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) refusals: Arc<Refusals>,
}

/// HTTP/2 as this server speaks it: bounded in every way that a stranger could stretch, and without pings of its own.
pub(crate) fn http2(options: &ServerOptions) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    // One message fits the window of its stream, so that it arrives in one round trip; a connection holds a few.
    let stream_window = u32::try_from(options.max_message_bytes).unwrap_or(u32::MAX).clamp(64 << 10, 1 << 20);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.max_calls_per_connection)
        .max_header_list_size(options.max_header_bytes)
        .max_pending_accept_reset_streams(options.max_pending_resets)
        .initial_stream_window_size(stream_window)
        .initial_connection_window_size(stream_window.saturating_mul(4))
        .auto_date_header(false);
    builder
}

/// Serves one connection until it ends, has been idle for too long, gives way to another, or the server goes.
pub(crate) async fn serve(
    tcp: TcpStream,
    tls: Option<TlsAcceptor>,
    context: Arc<ConnectionContext>,
    registration: Registration,
    mut phase: watch::Receiver<Phase>,
) {
    let draining = phase.clone();
    let started = async {
        match tls {
            None => serve_io(tcp, &context, &registration, draining).await,
            Some(acceptor) => match timeout(context.handshake_timeout, acceptor.accept(tcp)).await {
                Ok(Ok(stream)) => serve_io(stream, &context, &registration, draining).await,
                Ok(Err(error)) => tracing::debug!(peer = %registration.peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %registration.peer, "TLS handshake took too long"),
            },
        }
    };
    tokio::select! {
        () = started => {}
        () = reached(&mut phase, Phase::Cut) => {}
    }
}

async fn serve_io<T>(io: T, context: &ConnectionContext, registration: &Registration, mut phase: watch::Receiver<Phase>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = registration.peer;
    let io = match timeout(context.handshake_timeout, preface::read(io)).await {
        Ok(Ok(io)) => io,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "connection did not begin as HTTP/2"),
        Err(_) => return tracing::debug!(%peer, "connection did not begin in time"),
    };
    let activity = &registration.activity;
    let close_grace = CLOSE_GRACE.min(context.idle_timeout);
    let service = CallService {
        routes: context.routes.clone(),
        peer,
        activity: Arc::clone(activity),
        policy: Arc::clone(&context.policy),
    };
    let mut connection = std::pin::pin!(context.http2.serve_connection(TokioIo::new(io), service));
    let mut closing_since: Option<Instant> = None;
    loop {
        let quiet_since = activity.idle_since();
        let due = match (activity.running(), closing_since) {
            (0, None) => quiet_since + context.idle_timeout,
            (0, Some(since)) => quiet_since.max(since) + close_grace,
            // Looked at again; what counts is when the last call ends.
            (_, None) => Instant::now() + context.idle_timeout,
            (_, Some(_)) => Instant::now() + close_grace,
        };
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection ended");
                }
                return;
            }
            () = tokio::time::sleep_until(due) => {
                // A call may have begun or ended meanwhile.
                let idle = activity.running() == 0 && activity.idle_since() <= quiet_since;
                match closing_since {
                    Some(_) if idle => return,
                    None if idle && Instant::now() >= quiet_since + context.idle_timeout => {}
                    _ => continue,
                }
            }
            () = registration.close.notified(), if closing_since.is_none() => {}
            () = reached(&mut phase, Phase::Draining), if closing_since.is_none() => {}
        }
        connection.as_mut().graceful_shutdown();
        closing_since = Some(Instant::now());
    }
}
