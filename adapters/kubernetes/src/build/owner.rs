use hourglass_core::performer::PerformerName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::names::{GROUP, VERSION};

/// A resource of ours that others belong to: they are removed after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A Performer.
    Performer {
        /// Its name.
        name: &'a PerformerName,
        /// Its uid.
        uid: &'a str,
    },
    /// A HourglassExecutor.
    Executor {
        /// Its name.
        name: &'a str,
        /// Its uid.
        uid: &'a str,
    },
}

/// The reference by which an object belongs to its owner, as its one controller.
///
/// It does not block the owner's deletion: that needs a permission on finalizers, and our own finalizer drains first.
pub fn owner_reference(owner: Owner<'_>) -> OwnerReference {
    let (kind, name, uid) = match owner {
        Owner::Performer { name, uid } => ("Performer", name.as_str(), uid),
        Owner::Executor { name, uid } => ("HourglassExecutor", name, uid),
    };
    OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: kind.into(),
        name: name.into(),
        uid: uid.into(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}
