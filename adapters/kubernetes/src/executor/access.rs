//! As whom the replicas call the API server, and what they may do there.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};

use super::site::Site;
use crate::names;

pub(super) fn service_account(site: &Site<'_>) -> ServiceAccount {
    // A token is mounted where a pod asks for it, as the replicas do, and nowhere else.
    ServiceAccount {
        metadata: site.metadata(site.name),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

/// In the executor's own namespace, whatever namespace its performers are in.
pub(super) fn role_binding(site: &Site<'_>) -> RoleBinding {
    let group = "rbac.authorization.k8s.io";
    RoleBinding {
        metadata: site.metadata(site.name),
        role_ref: RoleRef { api_group: group.into(), kind: "ClusterRole".into(), name: names::EXECUTOR_ROLE.into() },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".into(),
            name: site.name.into(),
            namespace: Some(site.namespace.into()),
            api_group: None,
        }]),
    }
}
