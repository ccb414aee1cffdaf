//! What the cross-crate suites share: the binaries under test, processes that cannot outlive a test, waiting with a
//! deadline, and the documents' own commands.
//!
//! The suites themselves are the modules of one test binary, `tests/suite/`.

pub mod architecture;
pub mod binaries;
pub mod documents;
pub mod images;
pub mod process_group;
pub mod repository;
pub mod running;
pub mod waiting;
pub mod yaml;
