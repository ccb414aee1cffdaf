//! Performers as local child processes: the embedded default of the demo and of development.
//!
//! ```text
//!  executor ── ProcessRuntime ── keeper (one task per instance)      <state>/instances/<name>/
//!     │                            │ watches, stops, removes            intent, leader, exit, stop, output.log, work/
//!     └─ spawns ──► supervisor ────┴─ writes what it sees ───────────────┘
//!                       └─ performer (a process group) ─ whatever it starts
//! ```
//!
//! Every instance has a *supervisor*: this same executable, started again with a hidden first argument. It is the parent
//! of the performer and adopts whatever its descendants orphan, so that the exact cause of death is recorded and no
//! process escapes, also while the executor is dead. An executor that comes back on the same state directory adopts what
//! runs. Because of the supervisor the first line of `main` of every program that opens a [`ProcessRuntime`] is
//! [`supervise_or_continue`].
//!
//! What it does not do: isolate (a performer runs as the executor's user), enforce resource limits, pull images. What a
//! specification demands and a plain process cannot give (hardware, a runtime class, another user) is refused.
//!
//! `docs/adr/0005-process-instances.md` says why it is built so.

mod entry;
mod environment;
mod image;
mod keeper;
mod launch;
mod options;
mod output;
mod ports;
mod process;
mod records;
mod runtime;
mod state;
mod supervisor;
mod table;
mod tree;

pub use image::executable;
pub use options::Options;
pub use runtime::{OpenError, ProcessRuntime};
pub use supervisor::{Supervisor, supervise_or_continue};
