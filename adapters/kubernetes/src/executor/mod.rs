//! What a HourglassExecutor consists of, and what users see of it. Pure: the same arguments give the same objects.
//!
//! ```text
//! HourglassExecutor ─► keys ─► configuration ─► children()   or every problem with its field
//!                       │          │               ├─ ServiceAccount, RoleBinding    rights in its own namespace
//!                       │          └───────────────├─ ConfigMap <name>-config        as the executor itself reads it
//!                       └──────────────────────────├─ Secret <name>-keys             keys that stand in the resource
//!                                                  ├─ Service, headless Service, NetworkPolicy
//!                                                  └─ StatefulSet <name>             with the volume of the journal
//! children + StatefulSet as it is + pods ─► status() ─► patch(old, new)
//! ```
//!
//! **Configuration** is checked by the very code that the executor reads it with, so that what would not start is told
//! of in a condition, while what ran before goes on running.
//!
//! **Keys** in Secrets of others are mounted from there: the operator reads no Secret. Their content is read when a
//! replica starts; whoever changes it restarts the StatefulSet. Keys that stand in the resource are moved into a Secret
//! of its own, and a change of them replaces the replicas.
//!
//! **Replicas.** Two journals that do not know of each other could both sign one task. Every journal is on a volume of
//! its replica, so one replica runs, however many are asked for, and a condition says so.
//!
//! **Rights** are given in the executor's own namespace only. If naming another namespace were enough to get them there,
//! whoever may create an executor in one namespace could do as he likes in all.

mod access;
mod children;
mod conditions;
mod configuration;
mod key_secret;
mod keys;
mod merge;
mod placement;
mod pod;
mod replicas;
mod services;
mod site;
mod status;
mod trouble;
mod view;
mod volume;
mod warning;
mod workload;

pub use children::{Children, children};
pub use key_secret::KeySecret;
pub use site::{config_map_name, headless_service_name, key_secret_name};
pub use status::status;
pub use trouble::Trouble;
pub use view::View;
pub use volume::Volume;
pub use warning::Warning;

#[cfg(test)]
mod tests;
