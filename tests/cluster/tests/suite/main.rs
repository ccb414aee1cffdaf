//! Real clusters: what they can, and that nothing is left of them.

mod control_plane;
mod faults;
mod real_node;
mod remains;
mod simulated_nodes;
mod traces;
