//! What Kubernetes itself says to what this crate makes; and the parts that talk to an API server, on a real one and on
//! one that is scripted to do what a real one does once in a year.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod examples;
mod generated;
mod objects;
mod offline;
mod old_objects;
mod online;
mod real;
mod resources;
mod scripted;
mod translate;
