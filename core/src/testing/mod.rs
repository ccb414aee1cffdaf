//! In-memory fakes of the ports and the conformance suites that every adapter runs.
//!
//! A suite panics at the first promise of its port that does not hold, and says which one.

mod authority;
mod client;
mod clock;
mod events;
mod journal;
mod performer_store;
mod runtime;
mod signing;

pub use authority::FakeAuthority;
pub use signing::{FakeSigner, FakeVerifier};
