//! Keys, signatures and keystores as their users meet them.

#![expect(clippy::panic, reason = "a missing vector field ends the test")]

mod agreement;
mod keystores;
mod loading;
mod refusals;
mod vectors;
