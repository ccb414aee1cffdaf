//! What Kubernetes itself says to what this crate makes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod examples;
mod generated;
mod objects;
mod offline;
mod old_objects;
mod online;
mod resources;
mod translate;
