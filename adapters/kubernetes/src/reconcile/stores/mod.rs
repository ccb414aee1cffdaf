//! What the controllers know of the cluster: one store for each kind, and how a change finds who is concerned.

mod child;
mod records;
mod wiring;

pub use child::ChildRecord;
pub use records::{ExecutorRecord, PerformerRecord, ReplicaRecord};
pub use wiring::{Running, Stores, WatchScope};
