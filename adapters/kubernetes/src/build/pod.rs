use std::collections::BTreeMap;
use std::time::Duration;

use hourglass_core::hardware;
use hourglass_core::lifecycle::StartInstance;
use hourglass_core::performer::{DEFAULT_PERFORMER_PORT, PerformerSpec, PullPolicy};
use hourglass_core::resources::{Quantity, Resources};
use k8s_openapi::api::core::v1::{Container, ContainerPort, LocalObjectReference, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as PodQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Owner, PORT_NAME, Site, Unbuildable, environment, labels, owner_reference, probes, scheduling, security};
use crate::names;
use crate::translate::PodExtras;

/// The performer's container; others may be beside it, put there by webhooks.
pub const CONTAINER: &str = "performer";

/// The pod of an instance, whole: it is created once and never changed, but for its labels.
///
/// Every hardware requirement is in it (`contract.md` §5). What of a specification only a container engine knows
/// (limits on processes and logs) is the node's own business here, and left out.
///
/// # Errors
/// [`Unbuildable`]: then nothing is to be created, and the planner is told with [`Unbuildable::cause`].
pub fn pod(start: &StartInstance, site: &Site<'_>) -> Result<Pod, Unbuildable> {
    let (name, spec) = (&start.name, &start.spec);
    let placement = hardware::map(&spec.hardware, &spec.resources, &spec.scheduling, site.tables)?;
    let extras = PodExtras::of(spec)?;
    let (volume, mount) = security::tmp(&spec.security);
    let strings = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let port = port(spec);
    let container = Container {
        name: CONTAINER.into(),
        image: Some(spec.image.as_str().into()),
        image_pull_policy: Some(pull_policy(spec.pull_policy).into()),
        command: strings(&spec.command),
        args: strings(&spec.args),
        env: Some(environment::environment(spec)?),
        ports: Some(vec![ContainerPort {
            name: Some(PORT_NAME.into()),
            container_port: port.into(),
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        resources: resources(&placement.resources),
        startup_probe: Some(probes::startup(port, spec.upgrade.ready_deadline)),
        readiness_probe: Some(probes::readiness(port)),
        liveness_probe: Some(probes::liveness(port)),
        security_context: Some(security::of_container(&spec.security)),
        volume_mounts: Some(vec![mount]),
        // The end of its log, where it fails without a message of its own: these are its last words in a status.
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        ..Container::default()
    };
    let tolerations = scheduling::tolerations(&placement.scheduling);
    let secrets: Vec<_> =
        spec.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect();
    let spread = scheduling::spread(&name.performer, &name.revision, spec.replicas, &extras);
    Ok(Pod {
        metadata: ObjectMeta {
            name: Some(names::pod(name)),
            namespace: Some(site.namespace.into()),
            labels: Some(labels::pod_labels(site, &spec.avs, &name.revision)),
            owner_references: Some(vec![owner_reference(Owner::Performer { name: &name.performer, uid: site.uid })]),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![container],
            volumes: Some(vec![volume]),
            security_context: Some(security::of_pod(&spec.security)),
            service_account_name: spec.service_account.clone(),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            restart_policy: Some("Always".into()),
            termination_grace_period_seconds: Some(whole_seconds(spec.upgrade.stop_grace)),
            image_pull_secrets: (!secrets.is_empty()).then_some(secrets),
            node_selector: Some(placement.scheduling.node_selector.clone()).filter(|labels| !labels.is_empty()),
            affinity: scheduling::affinity(&placement.scheduling, &extras),
            tolerations: (!tolerations.is_empty()).then_some(tolerations),
            topology_spread_constraints: spread.map(|spread| vec![spread]),
            runtime_class_name: placement.scheduling.runtime_class.clone(),
            priority_class_name: placement.scheduling.priority_class.clone(),
            ..PodSpec::default()
        }),
        status: None,
    })
}

/// The port that a performer serves on in its pod: the user's, else 9090 (`contract.md` §6).
pub fn port(spec: &PerformerSpec) -> u16 {
    spec.port.map_or(DEFAULT_PERFORMER_PORT, u16::from)
}

/// As a container spells it.
pub(crate) const fn pull_policy(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "Always",
        PullPolicy::Never => "Never",
        PullPolicy::IfNotPresent => "IfNotPresent",
    }
}

fn resources(resources: &Resources) -> Option<ResourceRequirements> {
    let amounts = |amounts: &BTreeMap<String, Quantity>| {
        let converted = amounts.iter().map(|(name, amount)| (name.clone(), PodQuantity(amount.as_str().into())));
        (!amounts.is_empty()).then(|| converted.collect())
    };
    let requirements = ResourceRequirements {
        requests: amounts(&resources.requests),
        limits: amounts(&resources.limits),
        claims: None,
    };
    (requirements != ResourceRequirements::default()).then_some(requirements)
}

/// Rounded up: a grace is never shorter than asked for.
fn whole_seconds(duration: Duration) -> i64 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod tests;
