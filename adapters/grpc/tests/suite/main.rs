//! The wire over real sockets on loopback.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod client;
mod server;
mod support;
