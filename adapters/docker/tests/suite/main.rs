//! Containers as instances, on a real engine, and on one that is scripted to do what a real one does once in a year.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod conformance;
mod fixture;
mod lifecycle;
