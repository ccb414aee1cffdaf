use hourglass_core::Address;
use hourglass_core::performer::Revision;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Owner, Site, labels, owner_reference, routed_by};
use crate::names;

/// Of several replicas, one at a time may be taken away with its node: of exactly those pods that tasks are routed to,
/// so that pods of another revision that stand by do not make up for them.
///
/// `None` with fewer than two replicas: one would keep its node from ever being emptied. Pods that are not ready never
/// do.
pub fn disruption_budget(
    site: &Site<'_>,
    avs: &Address,
    routed: &Revision,
    replicas: u32,
) -> Option<PodDisruptionBudget> {
    if replicas < 2 {
        return None;
    }
    let at_least = i32::try_from(replicas - 1).unwrap_or(i32::MAX);
    Some(PodDisruptionBudget {
        metadata: ObjectMeta {
            name: Some(names::service(site.performer)),
            namespace: Some(site.namespace.into()),
            labels: Some(labels::common(site.performer, avs)),
            owner_references: Some(vec![owner_reference(Owner::Performer { name: site.performer, uid: site.uid })]),
            ..ObjectMeta::default()
        },
        spec: Some(PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::Int(at_least)),
            selector: Some(LabelSelector {
                match_labels: Some(routed_by(site.performer, routed)),
                match_expressions: None,
            }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}
