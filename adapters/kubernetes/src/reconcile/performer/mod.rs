//! The controller of Performers.
//!
//! ```text
//! gather    the resource, its pods, its Service, its executor's replicas, from memory
//! wish      what is asked for, as core's intent; or every reason why not
//! plan      core decides
//! remember  what justifies the actions becomes durable, in the status
//! act       Service and starts together, then drains, then stops
//! report    the status, where nothing more is to be done: at once where it matters, else when it has lasted a moment
//! ```
//!
//! Each pass begins from what is known now and may end after any write; whoever comes next, in this process or another,
//! comes to the same. What a pass writes is put into memory from the answer, so that the next pass sees it however far
//! the watch lags.
//!
//! **Writes for a new Performer**: finalizer, Service and pod, status once it is ready. The plan that starts the first
//! pods is not written down before: planning again from nothing and what is observed gives the same names, and whoever
//! finds such a pod there already takes it.

mod act;
mod budget;
mod controller;
mod events;
mod failure;
mod finalizer;
mod gather;
mod memory;
mod pass;
mod report;
mod routing;
mod takeover;
mod wish;
mod write;

pub use controller::{PerformerController, PerformerParts};
