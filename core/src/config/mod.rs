//! The configuration of an executor.
