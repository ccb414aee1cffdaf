//! The task service over fakes and virtual time: refusals, one answer for ever, kills at every step.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod answers;
mod conformance;
mod crashes;
mod refusals;
mod world;
