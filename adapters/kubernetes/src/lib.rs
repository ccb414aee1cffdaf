//! Kubernetes for Hourglass: `Performer` and `HourglassExecutor` resources, and pods as instances of the planner in core.
//!
//! | module | holds |
//! |---|---|
//! | [`api`] | the resources as the API server stores them |
//! | [`build`] | from an instance that is to start to its pod; Service, NetworkPolicy, PodDisruptionBudget |
//! | [`crd`] | from those types to the CustomResourceDefinitions |
//! | [`executor`] | from a HourglassExecutor to everything that it consists of, and its status |
//! | [`names`] | labels, annotations, finalizers and names that others depend on |
//! | [`observe`] | from pods and Services, as records that are small, to instances of the planner |
//! | [`status`] | from a plan and what is observed to a Performer's status, and the smallest patch |
//! | [`translate`] | a Performer as the planner of core wants it, or every reason why not |
//! | [`connection`] | the client, calls with deadlines and typed failures, what the operator must be allowed to do |
//! | [`watch`] | following every object of a kind |
//! | [`cache`] | what there is, as records by key |
//! | [`queue`] | which keys are to be looked after, and when |
//! | [`lease`] | who leads |
//! | [`writer`] | the one place that writes |
//! | [`events`] | what happened, for people |
//! | [`operator`] | all of that put together |
//! | [`reconcile`] | looking after resources: what is wanted and what there is, compared, and the difference written |
//! | [`validate`] | the same schema and rules offline, with lines and what to write instead |

pub mod api;
pub mod build;
pub mod cache;
pub mod connection;
pub mod crd;
pub mod events;
pub mod executor;
pub mod lease;
pub mod names;
pub mod observe;
pub mod operator;
pub mod queue;
pub mod reconcile;
pub mod status;
pub mod translate;
pub mod validate;
pub mod watch;
pub mod writer;

mod pace;
