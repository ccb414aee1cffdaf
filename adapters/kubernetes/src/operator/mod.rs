//! The operator put together: stores, watches, controllers, lease. A binary gives it a client, a clock and places for
//! measurements, and runs its services; a test does the same.
//!
//! Every process that is not leading follows the cluster all the same, so that it can take over at once.

mod assemble;
mod lead;

pub use assemble::{Operator, OperatorOptions, OperatorPorts, Service};
pub use lead::Lead;
