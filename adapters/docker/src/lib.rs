//! Performers as containers of a Docker engine: the [`InstanceRuntime`](hourglass_core::ports::InstanceRuntime) of Docker
//! mode.
//!
//! ```text
//!  start ──► image ──► devices ──► container body ──► create, start ─┐
//!            pull       host       (pure)                            ▼
//!  observe ◄──────────────────────── table ◄── events, listings ◄── engine
//! ```
//!
//! What is to be started or stopped is decided by the planner of the core; here it is carried out and observed.

mod failure;
mod options;
pub mod proxy;

pub use failure::StartFailure;
pub use options::{ContainerDefaults, EngineTls, ExecutorId, ExecutorIdError, Options};
