//! Following all objects of a kind: list, then watch, for ever.
//!
//! ```text
//!          ┌──────────── 410, or the list is old ◄───────────────┐
//!          ▼                                                      │
//!  list in pages of 500 ──► mark what is seen ──► sweep the rest ──► watch from there ◄─┐
//!          │                                                      │                     │
//!          └── fails: back off, again                             └── ends, fails, stuck: back off, resume
//! ```
//!
//! What is guaranteed to an [`Observer`]: after each complete list it knows exactly what there is, also of what vanished
//! while nobody watched. In between it sees every change that the API server sends, in that order, possibly twice, and
//! possibly older than what it knows already: whoever keeps records compares their resourceVersions (`cache`).

mod decode;
mod follow;
mod lines;
mod list;
mod record;
mod source;
mod watcher;

pub use record::{Gone, Invalid, Observer, Record, Scope, newer};
pub use source::{WatchHealth, WatchOptions};
pub use watcher::Watcher;
