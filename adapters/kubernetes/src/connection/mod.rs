//! The way to the API server: a client, calls with deadlines and typed failures, and what we are allowed to do.
//!
//! Nothing here limits the rate of calls: the writer bounds how many are under way, and the API server says when it has
//! had enough.

mod call;
mod client;
mod failure;
mod resource;
mod rights;

pub use call::{Call, Content, Reply, send};
pub use client::{ConnectError, ConnectOptions, Connection, connect, connect_with};
pub use failure::{ApiFailure, Refusal};
pub use resource::{Resource, resources};
pub use rights::{NEEDED, Right, RightScope, RightsError, missing};
