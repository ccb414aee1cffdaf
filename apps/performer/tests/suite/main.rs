//! The binary as a process, and every way in which it misbehaves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod process;
mod running;
