//! In-memory fakes of the ports and the conformance suites that every adapter runs.
//!
//! A suite panics at the first promise of its port that does not hold, and says which one.

mod authority;
mod client;
mod clock;
pub mod conformance;
mod events;
#[expect(clippy::expect_used, reason = "a suite fails by panicking")]
mod journal;
#[expect(clippy::expect_used, reason = "a suite fails by panicking")]
mod manager;
mod performer_store;
mod platform;
mod runtime;
mod signing;

pub use authority::FakeAuthority;
pub use journal::{
    MemoryJournal, conformance_journal, conformance_journal_floor, conformance_journal_outage, sample_record,
};
pub use performer_store::{MemoryPerformerStore, conformance_performer_store, sample_performer};
pub use signing::{FakeSigner, FakeVerifier};
mod simulation;

pub use client::FakeClient;
pub use clock::VirtualClock;
pub use events::RecordingEvents;
pub use platform::{Behaviour, Call, FakePlatform, Fault};
pub use runtime::FakeRuntime;
pub use simulation::{Simulation, SimulationSpawner};
