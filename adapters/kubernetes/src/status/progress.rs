use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::PerformerStatus;

/// Whether a new status may wait a moment before it is written, because it tells nothing but that work goes on: it may be
/// outdated as soon as it is there. Readiness, problems, and what executors act upon are never kept back.
///
/// Whether the *history* in it may wait is another question, which the planner's caller answers.
pub fn can_wait(old: Option<&PerformerStatus>, new: &PerformerStatus) -> bool {
    let nothing = PerformerStatus::default();
    let old = old.unwrap_or(&nothing);
    let holds = |status: &PerformerStatus, kind: &str| {
        status.conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True")
    };
    let told = ["Ready", "Available", "Degraded", "Stalled"].iter().any(|kind| holds(old, kind) != holds(new, kind));
    // A trouble that turns into another.
    let reason = |status: &PerformerStatus| {
        let found = status.conditions.iter().find(|condition: &&Condition| condition.type_ == "Degraded");
        found.filter(|condition| condition.status == "True").map(|condition| condition.reason.clone())
    };
    let ready = |status: &PerformerStatus| status.ready.unwrap_or(false);
    !told
        && reason(old) == reason(new)
        && ready(old) == ready(new)
        && old.draining_pods == new.draining_pods
        && old.withdrawn == new.withdrawn
        && (old.revision == new.revision || old.revision.is_none())
        && (old.grpc_endpoint == new.grpc_endpoint || old.grpc_endpoint.is_none())
}
