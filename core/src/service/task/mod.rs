//! Answering tasks: the way of one submission from its raw fields to a signed result.
//!
//! ```text
//! submit ─► admit ──────────────► join or begin ─► answer (detached) ─────────────────► reply
//!           fields, addressee,    one running       journal? ─► sign again
//!           AVS, aggregator,      job per task      floor, mandate, key, queue,
//!           ration, signature                       performer, record, sign
//! ```
//!
//! Everything in `admit` happens before any journal, performer or key is touched.

mod admission;
mod answer;
mod api;
mod intake;
mod ration;
mod running;
mod service;
mod settings;

pub use api::{Origin, SignedResult, TaskApi};
pub use service::{TaskPorts, TaskService};
pub use settings::{AvsTasks, Signers, TaskSettings};
