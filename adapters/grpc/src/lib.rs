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
//! ```no_run
//! # use std::sync::Arc;
//! # use hourglass_core::service::TaskApi;
//! # async fn example(tasks: Arc<dyn TaskApi>) -> Result<(), hourglass_grpc::server::ServerError> {
//! use hourglass_grpc::server::{ExecutorServer, ServerOptions};
//!
//! let server = ExecutorServer::builder(ServerOptions::default()).tasks(tasks).bind().await?;
//! let handle = server.handle();
//! let serving = tokio::spawn(server.serve());
//! handle.set_ready(true);
//! // … until the process is told to go:
//! let cut = handle.drain().await;
//! # let _ = (serving, cut);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here decides about a task or a performer: the server hands requests to the traits of
//! [`hourglass_core::service`] and the client implements [`hourglass_core::ports::PerformerClient`].

pub mod api;
pub mod client;
pub mod proto;
pub mod server;
mod tasks;
pub mod tls;
