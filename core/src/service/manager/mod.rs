//! The manager: keeps performers as they are wanted over any [`InstanceRuntime`](crate::ports::InstanceRuntime).
//!
//! ```text
//!  apply, remove, configure ──► store ──► record ─┐
//!                                                 ▼
//!  runtime.watch ─┐        ┌────────────► observe ─► plan ─► save the history ─► act ─┐
//!  client.watch ──┼─ wake ─┤                                                          │
//!  wake_at, resync┘        └──────────────────────── wait ◄───────────────────────────┘
//!                                     one such loop for each performer
//! ```
//!
//! What is decided is decided by [`plan`](crate::lifecycle::plan()); here it is carried out.
//!
//! # What the configuration asks for, against what was deployed since
//!
//! A deployed artifact stays in force until the configuration asks for something else than it asked *last*,
//! over restarts too. So every performer remembers what the configuration asked last, whether it followed or not.
//!
//! | the configuration | the performer |
//! |---|---|
//! | names one that is not there | is made |
//! | asks for the same as last time | stays as it is: deployed over, or removed, or neither |
//! | asks for another artifact (another revision) | becomes what the configuration asks for |
//! | asks only for another number of replicas, upgrade policy or pull policy | takes those, and keeps a deployed artifact |
//! | names it no longer, and it runs what was configured | is removed |
//! | names it no longer, and something else was deployed | stays: somebody asked for it by name |
//! | names it no longer, and it was removed | is no longer remembered |

mod act;
mod bell;
mod configuration;
mod entry;
mod keeper;
mod looping;
mod options;
mod pace;
mod restart;
mod routing;
mod shared;

pub use looping::LoopingManager;
pub use options::{ManagerOptions, ShutdownPolicy};
pub use shared::ManagerParts;
