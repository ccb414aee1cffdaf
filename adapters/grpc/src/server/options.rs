use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::tls::TlsOptions;

/// The port of an executor's server where nobody says otherwise.
pub const DEFAULT_EXECUTOR_PORT: u16 = 9095;

/// What a server listens on and how much it lets strangers do.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where tasks are taken; port 0 takes a free one. Default `0.0.0.0:9095`.
    pub listen: SocketAddr,
    /// Where management is served, if not beside the tasks: without authentication it belongs on loopback. The
    /// listener is plaintext where its address is loopback. Default none.
    pub management_listen: Option<SocketAddr>,
    /// TLS, and mTLS with a client authority. Default none.
    pub tls: Option<TlsOptions>,
    /// Whether reflection (v1 and v1alpha) is served. Default yes.
    pub reflection: bool,
    /// The largest request message, in bytes. Default 4 MiB.
    pub max_message_bytes: usize,
    /// Calls that run at once; one more is RESOURCE_EXHAUSTED. Default 4,096.
    pub max_calls: usize,
    /// Calls that run at once on one connection (`SETTINGS_MAX_CONCURRENT_STREAMS`). Default 256.
    pub max_calls_per_connection: u32,
    /// Connections at once. Default 4,096.
    pub max_connections: usize,
    /// Connections at once from one address (for IPv6: one /64). The one that has been idle longest gives way to a new one; where none is
    /// idle the new one is closed. Default 512.
    pub max_connections_per_peer: usize,
    /// A connection that carried no call for so long is closed with GOAWAY, pings or not. Default 60 s.
    pub idle_timeout: Duration,
    /// How long a connection may take for the TLS handshake, and again for the HTTP/2 preface. Default 10 s.
    pub handshake_timeout: Duration,
    /// How long a request message may take to arrive whole. Default 20 s.
    pub request_timeout: Duration,
    /// The longest call; a shorter `grpc-timeout` of the client holds. Deployments wait for a performer to become
    /// ready, so it is long. Default 15 min.
    pub call_timeout: Duration,
    /// How long connections are still accepted after a drain began, for clients that have not heard of it. Default 5 s.
    pub drain_delay: Duration,
    /// How long calls may run after that before they are cut. Default 60 s.
    pub drain_timeout: Duration,
    /// The largest header list of a request, in bytes. Default 16 KiB.
    pub max_header_bytes: u32,
    /// Streams that a client opened and reset before we looked at them; one more closes the connection (the "rapid
    /// reset" attack). Default 64.
    pub max_pending_resets: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_EXECUTOR_PORT)),
            management_listen: None,
            tls: None,
            reflection: true,
            max_message_bytes: 4 << 20,
            max_calls: 4096,
            max_calls_per_connection: 256,
            max_connections: 4096,
            max_connections_per_peer: 512,
            idle_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(20),
            call_timeout: Duration::from_secs(15 * 60),
            drain_delay: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(60),
            max_header_bytes: 16 << 10,
            max_pending_resets: 64,
        }
    }
}
