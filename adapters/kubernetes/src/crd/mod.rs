//! From the types in [`crate::api`] to the CustomResourceDefinitions that a cluster gets.
//!
//! | step | where |
//! |---|---|
//! | a structural schema from types and their comments | `schema` |
//! | bounds on every text, list, map and number, enumerations, patterns | `bounds` |
//! | defaults, among them the status of a resource that nobody has looked at yet | `defaults` |
//! | rules in CEL, with messages that say what to write instead | `rules` |
//! | names, columns, subresources | `definition` |
//! | as YAML, and as the reference for people | `yaml`, `reference` |
//!
//! [`crate::validate`] reads the result, so that what it says offline is what the API server says.
//!
//! **Objects of earlier versions.** The API server does not judge again what an update leaves as it was (ratcheting,
//! Kubernetes 1.30): fields that it would refuse today stay, metadata can be changed, finalizers removed. That holds for
//! rules below the field that changes too, but not for a rule above it: such rules compare with the old object
//! (`optionalOldSelf`) and refuse only what is new.

mod bounds;
mod defaults;
mod definition;
mod path;
mod reference;
mod rules;
mod schema;
mod yaml;

pub use definition::{Manifest, definitions_yaml, executors, manifests, performers};
pub use reference::reference_markdown;
pub use yaml::to_yaml;
