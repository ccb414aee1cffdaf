//! The core of Hourglass: what an executor and an operator decide, and nothing of how it is carried out.
//!
//! | module | holds |
//! |---|---|
//! | [`task`] | submissions, their identity, the bytes that are signed, conflict rules |
//! | [`lifecycle`] | the planner: which instances of a performer to start, route to, drain and stop |
//! | [`performer`] | what a performer is: its specification, names, revisions, endpoints |
//! | [`scheduling`], [`hardware`] | where it may run and what it needs, failing closed |
//! | [`config`] | the executor's configuration: layers, provenance, every problem at once |
//! | [`trace_context`] | what links an aggregator's trace with a performer's |
//! | [`causes`] | errors of others, as they are told |
//! | [`trust`] | who may submit tasks, where the configuration says so |
//! | [`ports`] | the traits that adapters implement |
//! | [`service`] | the application services over those ports |
//! | `testing` | in-memory fakes and conformance suites (feature `test-util`) |
//!
//! Nothing here opens a socket, reads a clock, or needs an async runtime: time, randomness and spawned
//! work arrive through [`ports`].

pub mod address;
pub mod causes;
pub mod config;
pub mod curve;
pub mod digest;
pub mod hardware;
pub mod lifecycle;
pub mod performer;
pub mod ports;
pub mod resources;
pub mod scheduling;
pub mod secret;
pub mod service;
pub mod task;
#[cfg(feature = "test-util")]
pub mod testing;
pub mod time;
pub mod trace_context;
pub mod trust;

pub use address::Address;
pub use causes::with_causes;
pub use curve::CurveType;
pub use digest::{Digest, keccak256};
pub use secret::Secret;
pub use time::Timestamp;
pub use trace_context::TraceContext;
