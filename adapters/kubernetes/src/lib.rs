//! Kubernetes for Hourglass: `Performer` and `HourglassExecutor` resources, and pods as instances of the planner in core.
//!
//! | module | holds |
//! |---|---|
//! | [`names`] | labels, annotations, finalizers and names that others depend on |
//! | [`connection`] | the client, calls with deadlines and typed failures, what the operator must be allowed to do |
//! | [`watch`] | following every object of a kind |
//! | [`cache`] | what there is, as records by key |
//! | [`queue`] | which keys are to be looked after, and when |
//! | [`lease`] | who leads |
//! | [`writer`] | the one place that writes |
//! | [`events`] | what happened, for people |

pub mod cache;
pub mod connection;
pub mod events;
pub mod lease;
pub mod names;
pub mod queue;
pub mod watch;
pub mod writer;

mod pace;
