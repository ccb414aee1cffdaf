//! In-memory fakes of the ports and the conformance suites that every adapter runs.
//!
//! A suite panics at the first promise of its port that does not hold, and says which one.

mod authority;
mod client;
mod clock;
pub mod conformance;
mod events;
mod journal;
mod performer_store;
mod platform;
mod runtime;
mod signing;
mod simulation;

pub use client::FakeClient;
pub use clock::VirtualClock;
pub use events::RecordingEvents;
pub use platform::{Behaviour, Call, FakePlatform, Fault};
pub use runtime::FakeRuntime;
pub use simulation::{Simulation, SimulationSpawner};
