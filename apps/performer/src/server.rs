//! The server: one listener, both services, a shutdown that finishes what runs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::HealthServer;

use crate::behaviour::Behaviour;
use crate::flood::{flood_output, grow_memory};
use crate::health::{HealthService, Serving};
use crate::proto::performer_service_server::PerformerServiceServer;
use crate::service::{Service, Shared};

/// Why a performer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was asked to, and had finished its tasks.
    Stopped,
    /// Its behaviour said so; a process would exit with this code.
    Crashed(i32),
}

/// Serves on `listener` until `shutdown` is done, then answers health checks with `NOT_SERVING`, takes no new connection
/// and returns when every running task is answered. A hanging task thus makes it never return.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    behaviour: Behaviour,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Outcome> {
    let (crash, mut crashed) = mpsc::channel(1);
    // Healthy from the first connection on, unless it is told otherwise.
    let at_once = behaviour.ready_after().is_zero() && !behaviour.refuse_health;
    let (state, states) = watch::channel(if at_once { Serving::Yes } else { Serving::No });
    let limit = behaviour.max_message_bytes;
    let service = PerformerServiceServer::from_arc(Arc::new(Shared(Arc::new(Service::new(behaviour.clone(), crash)))))
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit);
    let health = HealthServer::new(HealthService::new(states, behaviour.hang_health));

    let become_ready = async {
        tokio::time::sleep(behaviour.ready_after()).await;
        if !behaviour.refuse_health && !at_once {
            state.send_replace(Serving::Yes);
        }
        std::future::pending::<()>().await;
    };
    let until = async {
        tokio::select! {
            () = shutdown => {}
            () = become_ready => {}
        }
        state.send_replace(Serving::Closing);
    };
    let misbehave = async {
        if let Some(bytes) = behaviour.flood_output_bytes {
            tokio::task::spawn_blocking(move || flood_output(bytes)).await.map_err(io::Error::other)??;
        }
        if let Some(mib) = behaviour.grow_memory_mib {
            grow_memory(mib, behaviour.grow_memory_max_mib).await;
        }
        std::future::pending::<io::Result<()>>().await
    };
    // An answer is two small writes, the message and its trailers. Without this, Nagle's algorithm keeps the second until
    // the first is acknowledged, which the other side delays: milliseconds on every call.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server =
        Server::builder().add_service(health).add_service(service).serve_with_incoming_shutdown(incoming, until);
    tokio::select! {
        served = server => served.map(|()| Outcome::Stopped).context("the server broke"),
        Some(()) = crashed.recv() => Ok(Outcome::Crashed(behaviour.crash_exit_code)),
        flooded = misbehave => flooded.map(|()| Outcome::Stopped).context("cannot write to stdout or stderr"),
    }
}

/// A performer in this process.
#[derive(Debug)]
pub struct Performer {
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    server: JoinHandle<Result<Outcome>>,
}

/// Starts a performer in this process, on a free port of the loopback interface.
///
/// `crash_at_start` and `ignore_sigterm` mean nothing here. A crash ends the server, not the process.
///
/// # Errors
/// When no port can be had.
pub async fn spawn(behaviour: Behaviour) -> Result<Performer> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free loopback port")?;
    let address = listener.local_addr()?;
    let (shutdown, ask) = oneshot::channel();
    let server = tokio::spawn(serve(listener, behaviour, async {
        // Dropping the handle stops the performer as well.
        let _asked_or_dropped = ask.await;
    }));
    Ok(Performer { address, shutdown: Some(shutdown), server })
}

impl Performer {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it to stop and waits until its running tasks are answered.
    ///
    /// # Errors
    /// When the server broke before.
    pub async fn stop(mut self) -> Result<Outcome> {
        drop(self.shutdown.take());
        self.server.await?
    }

    /// Waits until it ends by itself, at most for `limit`.
    ///
    /// # Errors
    /// When it does not, or the server broke.
    pub async fn ended(self, limit: Duration) -> Result<Outcome> {
        tokio::time::timeout(limit, self.server).await.context("the performer did not end by itself")??
    }
}
