use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Volume;
use super::site::{Site, headless_service_name};
use crate::names;

/// The replicas. Each keeps its name and its volume; the volume stays when everything else is deleted, because what was
/// signed must not be forgotten.
pub(super) fn stateful_set(
    site: &Site<'_>,
    replicas: i32,
    volume: &Volume,
    revision: &str,
    pod: PodSpec,
) -> StatefulSet {
    let annotations = BTreeMap::from([(names::ANNOTATION_CONFIG.to_owned(), revision.to_owned())]);
    StatefulSet {
        metadata: site.metadata(site.name),
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas),
            selector: site.selector(),
            service_name: Some(headless_service_name(site.name)),
            // In order, one replica that never became ready would keep what mends it from ever being rolled out.
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".into()),
                ..StatefulSetUpdateStrategy::default()
            }),
            revision_history_limit: Some(3),
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: Some("Retain".into()),
                when_scaled: Some("Retain".into()),
            }),
            volume_claim_templates: Some(vec![volume.claim(site)]),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(site.labels()),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

/// The configuration that the replicas of a StatefulSet are to have.
pub(super) fn revision_of(set: &StatefulSet) -> Option<&str> {
    let annotations = set.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref()?;
    annotations.get(names::ANNOTATION_CONFIG).map(String::as_str)
}
