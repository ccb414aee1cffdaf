//! Who leads: one operator at a time writes, by a Lease that it renews.
//!
//! What is relied on: the API server changes a Lease only where its resourceVersion is the one that was read. What is not
//! relied on: that clocks agree, or that a process runs on. Somebody who waits takes a lease over when it has seen the
//! *same* lease for the whole of its duration, by its own monotonic clock. Who leads counts from *before* it sent the
//! last renewal that succeeded, and for a shorter time; a process that was frozen and thawed finds its leadership expired
//! before it writes ([`Term::check`]). What was under way in that moment meets the preconditions of each write.
//!
//! ```text
//!                       ├──────── lease duration (15 s) ────────► others may take over
//!   renewal sent ───────┼── leads until (10 s) ──►│
//!                       └ written by the API server
//! ```

mod api;
mod elector;
mod leadership;
mod record;

pub use api::{ApiLease, LeaseApi, LeaseFailure};
pub use elector::{Elector, LeaseTimings};
pub use leadership::{Leadership, NotLeading, Term};
pub(crate) use record::micro_time;
pub use record::{LeaseRecord, LeaseWrite};

#[cfg(test)]
mod tests;
