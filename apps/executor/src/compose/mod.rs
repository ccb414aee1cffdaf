//! Puts an executor together from its configuration, and takes it apart again.
//!
//! ```text
//! settings   configuration → what each part is told
//! parts      journal, instances, performer client
//! executor   start, reload, leave in order
//! watch      keeps metrics, readiness and the log true while it runs
//! ```

mod executor;
mod parts;
mod settings;
mod usage;
mod watch;

pub(crate) use executor::Executor;
