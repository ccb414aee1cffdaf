//! The suites that need several crates at once: one binary, so that it is linked once.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod architecture;
mod blue_green;
mod command_line;
mod connections;
mod development;
mod docker;
mod documents;
mod dropin;
mod fuzz;
mod killed;
mod leaving;
mod management;
mod manual;
mod misbehaving;
mod observed;
mod once;
mod refusals;
mod storage;
mod tls;
mod upgrades;
mod waiting;
