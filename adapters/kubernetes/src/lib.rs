//! Kubernetes for Hourglass: `Performer` and `HourglassExecutor` resources, and pods as instances of the planner in core.
//!
//! | module | holds |
//! |---|---|
//! | [`api`] | the resources as the API server stores them |
//! | [`crd`] | from those types to the CustomResourceDefinitions |
//! | [`names`] | labels, annotations, finalizers and names that others depend on |
//! | [`translate`] | a Performer as the planner of core wants it, or every reason why not |
//! | [`validate`] | the same schema and rules offline, with lines and what to write instead |

pub mod api;
pub mod crd;
pub mod names;
pub mod translate;
pub mod validate;
