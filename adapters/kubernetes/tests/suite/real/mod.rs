//! The operator on a real API server; the test plays the node.

mod faults;
mod kubelet;
mod lifecycle;
mod restarts;
mod strategies;
mod world;
