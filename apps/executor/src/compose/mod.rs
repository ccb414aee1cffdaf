//! Puts an executor together from its configuration, and takes it apart again.
//!
//! ```text
//! settings   configuration → what each part is told
//! parts      journal, instances, performer client
//! identity   whose containers are ours
//! executor   start, reload, leave in order
//! watch      keeps metrics, readiness and the log true while it runs
//! engine     the same for the container engine
//! usage      samples what performers use
//! ```

mod engine;
mod executor;
mod identity;
mod parts;
mod settings;
mod usage;
mod watch;

pub(crate) use executor::Executor;
pub(crate) use settings::{docker as docker_options, performers as performer_specs, tls as server_tls};
