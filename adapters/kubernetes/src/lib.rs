//! Kubernetes for Hourglass: `Performer` and `HourglassExecutor` resources, and pods as instances of the planner in core.
//!
//! | module | holds |
//! |---|---|
//! | [`build`] | from an instance that is to start to its pod; Service, NetworkPolicy, PodDisruptionBudget |
//! | [`observe`] | from pods and Services, as records that are small, to instances of the planner |
//! | [`names`] | labels, annotations, finalizers and names that others depend on |

pub mod build;
pub mod names;
pub mod observe;
