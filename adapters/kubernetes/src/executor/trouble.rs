use hourglass_core::lifecycle::{ExitCause, InstanceState, StartDelay};

use crate::observe::{PodRecord, state};

/// What keeps an executor from running that its own objects do not tell: an API server that refused a child, or a pod
/// that does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable, in CamelCase.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Trouble {
    /// The first trouble of an executor's pods: no node fits, a container that cannot be made, one that ends again and
    /// again, with its last words.
    pub fn of<'a>(pods: impl IntoIterator<Item = &'a PodRecord>) -> Option<Self> {
        pods.into_iter().find_map(of_pod)
    }
}

fn of_pod(pod: &PodRecord) -> Option<Trouble> {
    match state(pod).0 {
        InstanceState::Exited { cause, output, .. } => Some(ended(pod, &cause, output)),
        InstanceState::Starting { waiting_for: Some(StartDelay::Unschedulable { detail }) } => {
            Some(Trouble { reason: "Unschedulable".into(), message: format!("{}: {detail}", pod.name) })
        }
        // Between two ends of a container that the kubelet starts again and again.
        InstanceState::Running if !pod.readiness.ready => {
            let last = pod.container.as_ref().filter(|container| container.restarts > 0)?.last.as_ref()?;
            Some(ended(pod, &last.cause(), last.output()))
        }
        _ => None,
    }
}

fn ended(pod: &PodRecord, cause: &ExitCause, output: Option<String>) -> Trouble {
    let words = output.map(|words| format!("; its last words: \"{words}\"")).unwrap_or_default();
    Trouble { reason: cause.reason().into(), message: format!("{}: {cause}{words}", pod.name) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::samples::{ready, record, stuck_in, with_container, with_status};

    fn of(pod: Value) -> Option<Trouble> {
        Trouble::of([&record(pod)])
    }

    #[test]
    fn pods_that_do_not_start() {
        let ended = json!({ "terminated": { "exitCode": 2, "reason": "Error", "message": "error: operator_keys" } });
        let crashed = json!({ "restartCount": 3, "lastState": ended });
        let waits = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off" } });
        for between in [waits, json!({ "running": {} })] {
            let trouble = of(with_container(between, crashed.clone())).unwrap();
            assert_eq!(trouble.reason, "Exited");
            assert!(trouble.message.contains("code 2") && trouble.message.contains("operator_keys"), "{trouble:?}");
        }
        let missing = of(stuck_in("CreateContainerConfigError", "secret \"operator\" not found")).unwrap();
        assert_eq!(missing.reason, "SecretNotFound");
        let mut pending = with_status(json!({ "conditions": [
            { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available" },
        ] }));
        pending["spec"]["nodeName"] = Value::Null;
        let trouble = of(pending).unwrap();
        assert!(trouble.reason == "Unschedulable" && trouble.message.contains("0/3 nodes"), "{trouble:?}");
    }

    #[test]
    fn pods_that_run_or_are_on_their_way_are_no_trouble() {
        let mut restarted = ready();
        restarted["status"]["containerStatuses"][0]["restartCount"] = 1.into();
        restarted["status"]["containerStatuses"][0]["lastState"] = json!({ "terminated": { "exitCode": 1 } });
        let mut leaving = stuck_in("CrashLoopBackOff", "");
        leaving["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:05Z".into();
        for pod in
            [ready(), restarted, leaving, stuck_in("ContainerCreating", ""), with_container(json!({}), json!({}))]
        {
            assert_eq!(of(pod), None);
        }
    }
}
