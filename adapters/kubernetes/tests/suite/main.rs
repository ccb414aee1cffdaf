//! What Kubernetes itself says to what this crate makes.

mod examples;
mod generated;
mod objects;
mod offline;
mod old_objects;
mod resources;
mod translate;
