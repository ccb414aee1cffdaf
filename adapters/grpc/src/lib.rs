//! The wire: the executor's servers, the client of performers, and thin clients for the command line.
//!
//! | module | holds |
//! |---|---|
//! | [`server`] | tasks, management, health and reflection on bounded connections; drain |
//! | [`client`] | performers: pooled connections, health, one task to the least loaded instance |
//! | [`api`] | what a command line calls on an executor |
//! | [`proto`] | generated messages, services and clients |
//! | [`tls`] | the server's certificates |
//!
//! Nothing here decides about a task or a performer: the server hands requests to the traits of
//! [`hourglass_core::service`] and the client implements [`hourglass_core::ports::PerformerClient`].

pub mod api;
pub mod client;
pub mod proto;
pub mod server;
pub mod tls;
pub mod traceparent;
