//! The suites that need several crates at once: one binary, so that it is linked once.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod architecture;
mod documents;
mod fuzz;
mod manual;
mod waiting;
