//! What an executor tells about itself: metrics, logs, traces, health.
//!
//! | part | for |
//! |---|---|
//! | [`Metrics`] | every metric, under the names that `contract.md` §6 fixes; takes the core's measurements |
//! | [`OperatorMetrics`] | the same of an operator |
//! | [`EventLog`] | the core's events as log lines and a counter |
//! | [`Readiness`] | named conditions, each with the reason of its state; what `/ready` answers is never anything else |
//! | [`http`] | `/metrics`, and `/health`, `/ready`, `/startup`, on listeners that a stranger cannot exhaust |
//! | [`logs`] | JSON or human log lines, their level reloadable |
//! | [`TracedTasks`] | one correlation id for each task, from the request to the performer |
//!
//! It decides nothing: what is ready and what counts as an error is said by whoever knows.
//!
//! ```
//! use hourglass_telemetry::{BuildInfo, Metrics, Readiness};
//!
//! let readiness = Readiness::new();
//! let journal = readiness.condition("journal");
//! let metrics = Metrics::new(BuildInfo { version: "1.2.3", revision: "abcdef0" }, &readiness);
//! assert!(!readiness.is_ready());
//! journal.ready("writable");
//! assert!(readiness.is_ready());
//! assert!(metrics.encode().contains("hourglass_condition{condition=\"journal\"} 1\n"));
//! ```

mod events;
pub mod http;
pub mod logs;
mod metrics;
mod readiness;
mod traced_tasks;

pub use events::EventLog;
pub use metrics::{BuildInfo, Metrics, OperatorMetrics, ReadSamples, SampleKind, Usage};
pub use readiness::{Condition, ConditionState, Readiness};
pub use traced_tasks::TracedTasks;
