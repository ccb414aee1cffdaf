//! Real clusters: what they can, and that nothing is left of them.
//!
//! Their programs are built where they are not yet, and packages installed where that is allowed; `make components` does both.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod control_plane;
mod faults;
mod real_node;
mod remains;
mod simulated_nodes;
mod traces;
