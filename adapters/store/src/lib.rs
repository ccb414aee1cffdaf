//! The task journal and the performer store, on [redb](https://docs.rs/redb), in one directory that one process opens.
//!
//! ```text
//!   record() ──► bounded queue ──► writer thread ──► one transaction, synced ──► every caller its outcome
//!   find()   ──► recent records in memory ──► read transaction                   (never waits for the writer)
//! ```
//!
//! What it guarantees:
//!
//! - A record that was acknowledged is there after any crash or power cut, and never changes; the first writer wins.
//! - A failing disk fails closed. The database is opened again, with back-off, until it works: no restart is needed.
//! - A torn, foreign or newer file is an error that says what to do. It is never taken for a new store.
//! - Records are deleted only together with a floor that keeps their tasks from ever being signed again.
//!
//! What it does not do: share a directory between processes, or decide what may be signed. `docs/adr/0004-journal.md`
//! has the reasons.
//!
//! ```
//! use hourglass_store::{Options, Store};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! let store = Store::open(directory.path(), Options::default())?;
//! let journal = store.journal(); // a TaskJournal; `store.performers()` is the PerformerStore
//! # drop(journal);
//! store.close()?;
//! # Ok::<(), hourglass_store::StoreError>(())
//! ```

mod codec;
mod directory;
mod engine;
mod error;
mod journal;
mod medium;
mod options;
mod performers;
mod queue;
mod recent;
mod retention;
mod shared;
mod statistics;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod transaction;
mod transfer;
mod writer;

pub use error::StoreError;
pub use journal::RedbJournal;
pub use options::Options;
pub use performers::RedbPerformerStore;
pub use statistics::{SetFloor, Statistics};
pub use store::Store;
pub use transfer::{ExportSummary, FORMAT as EXPORT_FORMAT, ImportSummary, TransferError, VERSION as EXPORT_VERSION};
