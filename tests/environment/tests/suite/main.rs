//! The environment, tested with itself: real engines, a real registry.
//!
//! They install what is missing where they may. Without that they fail, saying what to install.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod container;
mod engines;
mod registries;
