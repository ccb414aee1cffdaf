//! The binary as it is run, on a real API server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;
mod running;
mod subcommands;
