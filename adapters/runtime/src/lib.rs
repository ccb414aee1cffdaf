//! The clock and supervised tasks, on tokio.
//!
//! The core takes its time and its spawned work through ports and knows no runtime; adapters may not depend on each
//! other. So that neither rule bends, what every binary needs from tokio stands in this small crate of its own
//! (`docs/adr/0007-runtime-adapter.md`).
//!
//! ```
//! use hourglass_core::ports::Spawner;
//! use hourglass_runtime::Supervisor;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let supervisor = Supervisor::current();
//! supervisor.spawn_service("listener", Box::pin(async {}));
//! let failure = supervisor.failed().await;
//! assert_eq!(failure.to_string(), "service 'listener' ended although it must run as long as the process");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod clock;
mod supervisor;

pub use clock::TokioClock;
pub use supervisor::{FailureCause, ServiceFailure, StillRunning, Supervisor};
