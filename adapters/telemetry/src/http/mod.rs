//! The HTTP endpoints that watch a process, on listeners that a stranger cannot exhaust.
//!
//! ```no_run
//! # use hourglass_telemetry::{Metrics, Readiness, http};
//! # async fn example(metrics: Metrics, readiness: Readiness) -> Result<(), Box<dyn std::error::Error>> {
//! let listener = http::bind("127.0.0.1:8090".parse()?).await?;
//! let server = http::serve(listener, http::health_router(readiness), http::Limits::default());
//! // Never ends by itself: to be spawned as a service.
//! tokio::spawn(server);
//! # Ok(()) }
//! ```

mod endpoints;
mod server;

pub use endpoints::{METRICS_CONTENT_TYPE, exposition_router, health_router, metrics_router, probes_router};
pub use server::{BindError, Limits, RefusePeers, bind, serve, serve_except};
