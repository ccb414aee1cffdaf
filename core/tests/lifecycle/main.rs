//! The planner against a simulated world.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failure ends the test")]

mod exhaustive;
mod mishaps;
mod periods;
mod properties;
mod revision;
mod rules;
mod scenarios;
mod sim;
mod world;
