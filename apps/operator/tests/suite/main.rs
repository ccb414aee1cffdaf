//! The binary as it is run, on a real API server.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod process;
mod running;
mod subcommands;
