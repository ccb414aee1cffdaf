//! Keys, signatures and keystores as their users meet them.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests end the test, as tests do")]

mod agreement;
mod conformance;
mod keystores;
mod loading;
mod refusals;
mod vectors;
