//! The planner against a simulated world.

#![expect(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a failure ends the test")]

mod exhaustive;
mod properties;
mod revision;
mod rules;
mod scenarios;
mod world;
