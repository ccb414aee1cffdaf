//! What happened, as Events of Kubernetes: for people who look with `kubectl describe` and `kubectl events`.
//!
//! They are written as `events.k8s.io/v1`: its API server checks them, it names who reports and who did it, and has a
//! field for repetitions (`series`); both APIs show the same objects, so whoever reads core/v1 sees them too.
//!
//! An Event is worth less than any other write. They are sent one at a time by a task of their own from a bounded queue;
//! when that is full, or the API server refuses one, it is dropped and counted. What repeats is counted in the Event
//! that is there already, and written less often each time.

mod dedup;
mod recorder;

pub use recorder::{EventRecorder, EventTarget, EventWorker, Recorded, recorder};
