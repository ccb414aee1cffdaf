//! The operator on a real API server; the test plays the node.

mod kubelet;
mod lifecycle;
mod restarts;
mod world;
