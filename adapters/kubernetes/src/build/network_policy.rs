use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{Owner, owner_reference};
use crate::names;

/// What the policy of an executor is called.
pub fn network_policy_name(executor: &str) -> String {
    format!("hourglass-performers-of-{executor}")
}

/// Lets the replicas of one executor connect to the performers that refer to it, and nobody else: what a policy selects is
/// closed to everybody whom none names. Health checks come from the node, which policies let pass.
///
/// It belongs to the executor, and goes with it.
pub fn network_policy(namespace: &str, executor: &str, uid: &str) -> NetworkPolicy {
    let labels = |pairs: &[(&str, &str)]| LabelSelector {
        match_labels: Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()),
        match_expressions: None,
    };
    let replicas = labels(&[(names::LABEL_APP, names::APP_EXECUTOR), (names::LABEL_NAME, executor)]);
    let from = NetworkPolicyPeer { pod_selector: Some(replicas), ..NetworkPolicyPeer::default() };
    let managed = (names::LABEL_MANAGED_BY.to_owned(), names::OPERATOR_MANAGER.to_owned());
    NetworkPolicy {
        metadata: ObjectMeta {
            name: Some(network_policy_name(executor)),
            namespace: Some(namespace.into()),
            labels: Some([managed, (names::LABEL_NAME.to_owned(), executor.to_owned())].into()),
            owner_references: Some(vec![owner_reference(Owner::Executor { name: executor, uid })]),
            ..ObjectMeta::default()
        },
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(labels(&[
                (names::LABEL_APP, names::APP_PERFORMER),
                (names::LABEL_EXECUTOR_REF, executor),
            ])),
            policy_types: Some(vec!["Ingress".into()]),
            ingress: Some(vec![NetworkPolicyIngressRule { from: Some(vec![from]), ports: None }]),
            egress: None,
        }),
    }
}
