//! What Kubernetes itself says to what this crate makes.
