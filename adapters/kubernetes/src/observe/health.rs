//! Whether a pod that runs is to get tasks.

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::Health;

use super::{ContainerRecord, ContainerState, PodRecord};

/// Of a pod whose performer's container was started at least once.
pub(super) fn health(pod: &PodRecord, container: &ContainerRecord) -> Health {
    let readiness = &pod.readiness;
    let began = match &container.state {
        ContainerState::Running { since } => *since,
        ContainerState::Ended(ending) => ending.at,
        ContainerState::Waiting { .. } => None,
    };
    let since: Timestamp = readiness.since.or(began).or(pod.started_at).unwrap_or(pod.created_at);
    let runs = matches!(container.state, ContainerState::Running { .. });
    if let Some(reason) = lost_node(pod) {
        return Health::NotReady { since, reason };
    }
    if readiness.ready && runs {
        return Health::Ready { since };
    }
    let reason = match &container.state {
        ContainerState::Ended(ending) => format!("its container {}, and is started again", ending.cause()),
        _ if !container.started => "its gRPC health check has not succeeded yet".into(),
        _ if pod.containers_ready => {
            format!("it is not ready: {}", readiness.reason.as_deref().unwrap_or("no reason given"))
        }
        _ => "its gRPC health check fails".into(),
    };
    let restarted = match (container.restarts, &container.last) {
        (restarts, Some(last)) if restarts > 0 && runs => {
            format!("; before, it {} (restarts: {restarts})", last.cause())
        }
        _ => String::new(),
    };
    Health::NotReady { since, reason: format!("{reason}{restarted}") }
}

/// The node controller takes the readiness from the pods of a node that does not answer, and leaves everything else
/// that the kubelet said last.
pub(super) fn lost_node(pod: &PodRecord) -> Option<String> {
    let readiness = &pod.readiness;
    let by_controller =
        !readiness.ready && pod.containers_ready && readiness.reason.as_deref() != Some("ReadinessGatesNotReady");
    let lost = readiness.unknown || pod.phase == super::Phase::Unknown || by_controller;
    let node = pod.node.as_deref().unwrap_or("its node");
    lost.then(|| format!("node {node} does not answer (NodeLost)"))
}
