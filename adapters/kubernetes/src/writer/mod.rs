//! The one place that writes to the API server for performers.
//!
//! Each write checks the leadership right before it is sent, takes one of a bounded number of turns, is counted, and
//! shows itself to a hook before and after. All of them may be sent again after an unknown outcome: an object that is
//! created has a fixed name, everything else carries a precondition or says the same each time. So what a repetition
//! finds is an answer too: [`WriteFailure::AlreadyExists`], [`WriteFailure::Conflict`] and [`WriteFailure::NotFound`]
//! mean "look again, then decide", never "failed".

mod failure;
mod hook;
mod send;
mod write;

pub use failure::WriteFailure;
pub use hook::{NoHook, WriteHook, WriteMetrics, WriteOutcome};
pub use send::{Writer, WriterOptions};
pub use write::{Verb, Write};
