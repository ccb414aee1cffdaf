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

mod container;
mod credentials;
mod devices;
mod diagnose;
mod engine;
mod entry;
mod environment;
mod events;
mod failure;
mod follow;
mod images;
mod labels;
mod logs;
mod networks;
mod observe;
mod options;
mod place;
mod refusal;
mod rfc3339;
mod runtime;
mod shared;
mod start;
mod stop;
mod subnet;
mod table;
mod transport;
mod usage;

pub use diagnose::{Finding, Outcome, diagnose};
pub use engine::EngineState;
pub use failure::StartFailure;
pub use options::{ContainerDefaults, EngineTls, ExecutorId, ExecutorIdError, Options};
pub use runtime::{DockerRuntime, OpenError};
pub use usage::ContainerUsage;
