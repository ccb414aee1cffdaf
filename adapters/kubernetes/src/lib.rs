//! Kubernetes for Hourglass: `Performer` and `HourglassExecutor` resources, and pods as instances of the planner in core.
//!
//! | module | holds |
//! |---|---|
//! | [`api`] | the resources as the API server stores them |
//! | [`names`] | labels, annotations, finalizers and names that others depend on |

pub mod api;
pub mod names;
