//! What Kubernetes itself says to what this crate makes.

mod examples;
mod generated;
mod offline;
mod old_objects;
mod online;
mod resources;
mod translate;
