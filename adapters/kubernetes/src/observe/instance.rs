use std::collections::BTreeSet;

use hourglass_core::lifecycle::{ExitCause, Health, Instance, InstanceState, Owner, StartDelay};
use hourglass_core::performer::{Endpoint, InstanceName, PerformerName};

use super::health::health;
use super::image::{Pull, of_pull};
use super::refusal::{failed, of_configuration, of_start, refused};
use super::{ADOPTED_SUFFIX, ContainerRecord, ContainerState, Phase, PodRecord, Schedule, ServiceRecord};
use crate::names;

/// Who looks at pods: one Performer, with what it knows besides them.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// Its name.
    pub performer: &'a PerformerName,
    /// Its uid.
    pub uid: &'a str,
    /// Its Service, once that is there.
    pub service: Option<&'a ServiceRecord>,
    /// Pods on which no executor has a task left; see [`drained`](super::drained).
    pub drained: &'a BTreeSet<Box<str>>,
}

/// A pod as the planner sees it. `None` for a pod whose name is not one of this performer's instances, and for one of
/// the earlier operator's that was not [taken over](PodRecord::adoption) yet.
///
/// A pod under our name that our Performer does not control is [`Owner::Foreign`], whatever its labels say: one that was
/// orphaned, or belonged to a Performer of the same name that is gone.
pub fn instance(pod: &PodRecord, viewer: &Viewer<'_>) -> Option<Instance> {
    let name = instance_name(pod, viewer.performer)?;
    let ours = pod.owner.as_deref() == Some(viewer.uid);
    let (state, health) = state(pod);
    let routed = ours && viewer.service.is_some_and(|service| service.selects(pod));
    Some(Instance {
        name,
        owner: if ours { Owner::Ours } else { Owner::Foreign },
        state,
        health,
        endpoint: pod.address.as_ref().zip(pod.port).map(|(host, port)| Endpoint { host: host.to_string(), port }),
        started_at: pod.started_at.unwrap_or(pod.created_at),
        routed,
        in_flight: viewer.drained.contains(&pod.name).then_some(0),
        platform_id: Some(pod.uid.to_string()),
        image: pod.container.as_ref().and_then(|container| container.image.parse().ok()),
    })
}

/// What the pod of an instance is called: of one that was taken over as the earlier operator did, else as we do.
pub fn pod_name(instance: &InstanceName) -> String {
    if instance.suffix == ADOPTED_SUFFIX { names::earlier_pod(&instance.performer) } else { names::pod(instance) }
}

fn instance_name(pod: &PodRecord, performer: &PerformerName) -> Option<InstanceName> {
    if *pod.name == *names::earlier_pod(performer) {
        let revision = pod.revision.clone()?;
        return Some(InstanceName { performer: performer.clone(), revision, suffix: ADOPTED_SUFFIX });
    }
    names::instance(&pod.name).filter(|name| name.performer == *performer)
}

/// How a pod is, whoever's it is.
pub(crate) fn state(pod: &PodRecord) -> (InstanceState, Health) {
    let unknown = Health::Unknown;
    if pod.is_leaving() {
        return (InstanceState::Stopping, unknown);
    }
    let ended = |cause| InstanceState::Exited { cause, at: ended_at(pod), output: output(pod) };
    match (pod.phase, &pod.schedule, &pod.container) {
        (Phase::Failed, ..) => (ended(failure(pod)), unknown),
        (Phase::Succeeded, _, container) => {
            let cause = container.as_ref().and_then(ending).map_or(ExitCause::Code(0), |ending| ending.cause());
            (ended(cause), unknown)
        }
        (_, Schedule::Unschedulable { message, needs }, None) => {
            let needs = needs.as_ref().map(|needs| format!("; it needs a node with {needs}")).unwrap_or_default();
            (starting(Some(StartDelay::Unschedulable { detail: format!("{message}{needs}") })), unknown)
        }
        (_, _, None) => (starting(pulling(pod, None)), unknown),
        (_, _, Some(container)) => match &container.state {
            ContainerState::Waiting { reason, message } => (waiting(pod, container, reason, message), unknown),
            // The kubelet starts it again, and says so where it pauses before.
            ContainerState::Running { .. } | ContainerState::Ended(_) => {
                (InstanceState::Running, health(pod, container))
            }
        },
    }
}

const fn starting(waiting_for: Option<StartDelay>) -> InstanceState {
    InstanceState::Starting { waiting_for }
}

/// With a sandbox only the image is missing, or the container is made at this moment.
fn pulling(pod: &PodRecord, container: Option<&ContainerRecord>) -> Option<StartDelay> {
    let image = container.map_or("its image", |container| &container.image);
    let detail = || format!("{image} is pulled, or its container is made");
    pod.has_sandbox.then(|| StartDelay::Pulling { detail: detail() })
}

/// A container that waits, by the kubelet's word for why.
fn waiting(pod: &PodRecord, container: &ContainerRecord, reason: &str, message: &str) -> InstanceState {
    let image = &*container.image;
    let ended = |cause, output| InstanceState::Exited { cause, at: ended_at(pod), output };
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" | "ImageInspectError" => {
            match of_pull(image, message) {
                Pull::Pending(detail) => starting(Some(StartDelay::Pulling { detail })),
                Pull::Impossible(cause) => ended(cause, None),
            }
        }
        "SignatureValidationFailed" => {
            let remedy = "use an image that the nodes' policy allows";
            ended(refused("ImageUnsigned", &format!("{image}: {message}; {remedy}")), None)
        }
        "InvalidImageName" => {
            let remedy = "write it as registry/name:tag or registry/name@sha256:…, the name in lower case";
            ended(refused("ImageReferenceInvalid", &format!("{image} is no image: {message}; {remedy}")), None)
        }
        "ErrImageNeverPull" => {
            let node = pod.node.as_deref().unwrap_or("the node");
            let remedy = "put it there, or set imagePullPolicy to IfNotPresent";
            ended(refused("ImageNotPresent", &format!("{image} is not on {node}: {message}; {remedy}")), None)
        }
        "CreateContainerConfigError" => ended(of_configuration(message), None),
        "CreateContainerError" | "RunContainerError" => ended(of_start(message), None),
        "CrashLoopBackOff" => match ending(container) {
            Some(ending) => ended(ending.cause(), ending.output()),
            None => ended(ExitCause::Unknown, None),
        },
        // A container before ours is at work: a webhook put it there.
        "PodInitializing" => starting(None),
        "" | "ContainerCreating" => starting(pulling(pod, Some(container))),
        // Whatever else a kubelet may come to wait for: until the ready deadline.
        _ => starting(None),
    }
}

fn ending(container: &ContainerRecord) -> Option<&super::Ending> {
    match &container.state {
        ContainerState::Ended(ending) => Some(ending),
        _ => container.last.as_deref(),
    }
}

/// Why a pod is in phase `Failed`, which is for good.
fn failure(pod: &PodRecord) -> ExitCause {
    if let Some(disruption) = &pod.disruption {
        return ExitCause::Evicted(disruption.to_string());
    }
    if let Some(ending) = pod.container.as_ref().and_then(ending) {
        return ending.cause();
    }
    // A kubelet that does not admit a pod tells why, and no container was ever there.
    match &pod.reason {
        Some(reason) => {
            let node = pod.node.as_deref().unwrap_or("its node");
            let message = pod.message.as_deref().unwrap_or_default();
            failed("NodeRefused", &format!("{node} refuses the pod ({reason}): {message}"))
        }
        None => ExitCause::Unknown,
    }
}

fn output(pod: &PodRecord) -> Option<String> {
    pod.container.as_ref().and_then(ending).and_then(super::Ending::output)
}

fn ended_at(pod: &PodRecord) -> hourglass_core::Timestamp {
    let ended = pod.container.as_ref().and_then(ending).and_then(|ending| ending.at);
    ended.or(pod.readiness.since).or(pod.started_at).unwrap_or(pod.created_at)
}

#[cfg(test)]
#[path = "instance_tests.rs"]
mod tests;
