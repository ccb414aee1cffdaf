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
mod performer_store;
mod platform;
mod runtime;
mod signing;
mod simulation;

pub use authority::FakeAuthority;
pub use client::FakeClient;
pub use clock::VirtualClock;
pub use events::RecordingEvents;
pub use journal::{
    MemoryJournal, conformance_journal, conformance_journal_floor, conformance_journal_outage, sample_record,
};
pub use performer_store::{MemoryPerformerStore, conformance_performer_store, sample_performer};
pub use platform::{Behaviour, Call, FakePlatform, Fault};
pub use runtime::FakeRuntime;
pub use signing::{FakeSigner, FakeVerifier};
pub use simulation::{Simulation, SimulationSpawner};
