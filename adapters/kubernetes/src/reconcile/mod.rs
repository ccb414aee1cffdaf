//! Looking after resources: what is wanted and what there is, compared, and the difference written.

mod measure;
pub mod performer;
mod refusal;
mod stores;

pub use measure::{NoMeasure, ReconcileMetrics};
pub use stores::{ChildRecord, ExecutorRecord, PerformerRecord, ReplicaRecord, Running, Stores, WatchScope};
