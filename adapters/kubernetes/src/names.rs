//! Names that others depend on (`contract.md` §5), and those of our own that every writer shares.

use hourglass_core::performer::{InstanceName, PerformerName};

/// The API group of our resources.
pub const GROUP: &str = "hourglass.eigenlayer.io";
/// The one version that is served.
pub const VERSION: &str = "v1alpha1";

/// Keeps a Performer until its pods have drained.
pub const PERFORMER_FINALIZER: &str = "hourglass.eigenlayer.io/performer-finalizer";
/// The lease of the leading operator.
pub const LEASE: &str = "b8e8a8a8.hourglass.eigenlayer.io";

/// The field manager of what the operator applies.
pub const OPERATOR_MANAGER: &str = "hourglass-operator";
/// The field manager of the operator's status writes.
pub const STATUS_MANAGER: &str = "hourglass-operator-status";
/// The field manager of what an executor applies, and what its objects say they are managed by.
pub const EXECUTOR_MANAGER: &str = "hourglass-executor";

/// The ClusterRole with the rights of executors, which RoleBindings give them in one namespace.
pub const EXECUTOR_ROLE: &str = "hourglass-executor";

/// Label `app` of performers' pods and Services.
pub const APP_PERFORMER: &str = "hourglass-performer";
/// Label `app` of executors.
pub const APP_EXECUTOR: &str = "hourglass-executor";
/// Label `app` of the operator.
pub const APP_OPERATOR: &str = "hourglass-operator";

/// The label that tells what a pod is.
pub const LABEL_APP: &str = "app";
/// Whose pod or Service: the Performer's name.
pub const LABEL_PERFORMER: &str = "hourglass.eigenlayer.io/performer";
/// Whose tasks: the AVS's address in lower case.
pub const LABEL_AVS: &str = "hourglass.eigenlayer.io/avs";
/// Which revision a pod is of; the Service selects by it.
pub const LABEL_REVISION: &str = "hourglass.eigenlayer.io/revision";
/// Whether a pod may get tasks; the Service selects by it beside the revision. A pod that drains has `false`.
pub const LABEL_SERVING: &str = "hourglass.eigenlayer.io/serving";
/// On a Service of the earlier operator that was taken over: `true`. Changes of it are patches, since applying would leave
/// what another manager wrote beside ours.
pub const LABEL_TAKEN_OVER: &str = "hourglass.eigenlayer.io/taken-over";
/// On a performer's pod: the executor that its Performer refers to, which a NetworkPolicy lets in.
pub const LABEL_EXECUTOR_REF: &str = "hourglass.eigenlayer.io/executor-ref";
/// Which HourglassExecutor a child belongs to.
pub const LABEL_NAME: &str = "hourglass.eigenlayer.io/name";
/// Which executor made a Performer: only that one may remove it.
pub const LABEL_EXECUTOR: &str = "hourglass.eigenlayer.io/executor";
/// Who manages an object.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// On a Performer: which revision a blue/green upgrade may route to.
pub const ANNOTATION_PROMOTE: &str = "hourglass.eigenlayer.io/promote";
/// On a Performer: call the upgrade off that is under way.
pub const ANNOTATION_ABORT: &str = "hourglass.eigenlayer.io/abort";
/// On a Performer: any new value tries a withdrawn revision again.
pub const ANNOTATION_RETRY: &str = "hourglass.eigenlayer.io/retry";
/// On an executor's pods: which configuration and keys they began with. Another value replaces them.
pub const ANNOTATION_CONFIG: &str = "hourglass.eigenlayer.io/config-revision";
/// Before a replica's name, on a Performer: the pods on which that replica has no task left.
pub const ANNOTATION_DRAINED_PREFIX: &str = "drained.hourglass.eigenlayer.io/";

/// The Service of a Performer, and with its namespace its DNS name.
pub fn service(performer: &PerformerName) -> String {
    format!("performer-{performer}")
}

/// The one pod that the earlier operator made for a Performer.
pub fn earlier_pod(performer: &PerformerName) -> String {
    format!("performer-{performer}")
}

/// The pod of an instance.
pub fn pod(instance: &InstanceName) -> String {
    format!("performer-{instance}")
}

/// The instance that a pod of this name is, where it is one of ours.
pub fn instance(pod: &str) -> Option<InstanceName> {
    pod.strip_prefix("performer-")?.parse().ok()
}

/// Where a Performer is reached: `host:port`.
pub fn endpoint(performer: &PerformerName, namespace: &str, port: u16) -> String {
    format!("{}.{namespace}.svc.cluster.local:{port}", service(performer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_found_again_by_its_name() {
        let name: InstanceName = "example-0123456789-7".parse().unwrap();
        assert_eq!(pod(&name), "performer-example-0123456789-7");
        assert_eq!(instance(&pod(&name)), Some(name));
        assert_eq!(instance("performer-example"), None, "the earlier operator's");
    }
}
