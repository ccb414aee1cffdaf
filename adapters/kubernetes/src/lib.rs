//! Kubernetes for Hourglass: `Performer` and `HourglassExecutor` resources, and pods as instances of the planner in core.
//!
//! | module | holds |
//! |---|---|
//! | [`names`] | labels, annotations, finalizers and names that others depend on |

pub mod names;
