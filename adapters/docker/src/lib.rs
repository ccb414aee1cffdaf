//! Performers as containers of a Docker engine: the [`InstanceRuntime`](hourglass_core::ports::InstanceRuntime) of Docker
//! mode.
//!
//! ```text
//!             job: image, devices, network ─► body (pure) ─► create, start ──┐
//!  start ──► table ◄──────────────── inspect (pure mapping) ◄────────────────┤
//!  observe ◄─┤  ▲                                                            ▼
//!  stop ─────┘  └── follow: listing, then events, each an inspection ◄───── engine
//!             job: stop, kill, remove, until nothing is left ────────────────┘
//! ```
//!
//! What is to be started or stopped is decided by the planner of the core; here it is carried out and observed. Looking
//! at a performer reads the table and asks the engine nothing.
//!
//! | module | holds |
//! |---|---|
//! | `transport`, `engine`, `events` | connections, calls with limits and what their errors mean, the stream of events |
//! | `table`, `entry`, `follow` | what is known of every instance, and how it is kept true |
//! | `container`, `observe`, `refusal`, `labels` | pure: what is created, what an inspection means, why a start failed |
//! | `jobs`, `start`, `stop`, `shared` | the jobs, none of which ends in silence |
//! | `networks`, `place`, `subnet` | the networks of performers, and whether the executor is a container itself |
//! | `images`, `credentials`, `devices` | what has to be there before a container starts |
//! | `diagnose` | what keeps an engine from being of use, for people |
//!
//! What it does not do: decide anything, restart anything by itself, touch a container without our label, reach an engine
//! on another host from outside its containers.
//!
//! `docs/adr/0013-containers.md` says why it is built so.

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
mod jobs;
mod labels;
mod logs;
mod networks;
mod observe;
mod options;
mod place;
pub mod proxy;
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
