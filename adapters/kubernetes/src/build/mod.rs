//! What is created in the cluster for a performer, from core's types alone. Pure: the same arguments give the same object.
//!
//! ```text
//! StartInstance + Site ──► pod()                 created once, never changed
//! Site + revision      ──► service()             routes to the pods of one revision that serve
//!                      ──► disruption_budget()   with several replicas
//! executor             ──► network_policy()      lets that executor in, and nobody else
//! ```

mod disruption_budget;
mod environment;
mod labels;
mod network_policy;
mod owner;
mod pod;
mod probes;
mod scheduling;
pub(crate) mod security;
mod service;
mod site;
mod unbuildable;

#[cfg(test)]
#[path = "samples_tests.rs"]
pub(crate) mod samples;

pub use disruption_budget::disruption_budget;
pub use labels::{Serving, is_label, pod_labels, routed_by};
pub use network_policy::{network_policy, network_policy_name};
pub use owner::{Owner, owner_reference};
pub(crate) use pod::pull_policy;
pub use pod::{CONTAINER, pod, port};
pub use scheduling::{required_nodes, tolerations};
pub use service::{PORT_NAME, service};
pub use site::Site;
pub use unbuildable::Unbuildable;

#[cfg(test)]
mod tests;
