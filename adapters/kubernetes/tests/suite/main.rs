//! What Kubernetes itself says to what this crate makes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod objects;
