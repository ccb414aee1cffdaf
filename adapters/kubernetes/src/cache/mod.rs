//! What there is, as records by key: kept by a watch, and by what we have written ourselves.
//!
//! Three rules keep it true whatever order news come in:
//! - a record is replaced by a newer one only, by resourceVersion;
//! - what is gone stays gone: the uid of a deleted object is remembered for a while, and no late news brings it back;
//! - what the API server answered to our own write is put in at once, so that a watch that lags never makes us act twice.

mod key;
mod observer;
mod store;

pub use key::Key;
pub use observer::StoreObserver;
pub use store::{Listener, Store};
