//! Local processes as instances, with real processes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod adoption;
mod conformance;
mod death;
mod fixture;
mod start;
mod stop;
