use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::build::samples::{UID, performer};
use crate::observe::samples::*;

/// As the Performer `example` sees it, with a Service that routes to [`REVISION`].
fn seen(pod: Value) -> Option<Instance> {
    let routed = service(json!({
        "hourglass.eigenlayer.io/performer": "example",
        "hourglass.eigenlayer.io/revision": REVISION,
        "hourglass.eigenlayer.io/serving": "true",
    }));
    let (name, drained) = (performer(), BTreeSet::new());
    instance(&record(pod), &Viewer { performer: &name, uid: UID, service: Some(&routed), drained: &drained })
}

/// One line for each state: what the planner is told.
fn told(pod: Value) -> String {
    let instance = seen(pod).unwrap();
    let state = match &instance.state {
        InstanceState::Exited { cause, at, output } => {
            let kind = match cause {
                ExitCause::Refused { .. } => "refused ",
                ExitCause::StartFailed { .. } => "failed ",
                _ => "",
            };
            let output = output.as_ref().map(|output| format!(", last words {output:?}")).unwrap_or_default();
            format!("Exited at {at}, {kind}[{}] {cause}{output}", cause.reason())
        }
        InstanceState::Starting { waiting_for: None } => "Starting".into(),
        InstanceState::Starting { waiting_for: Some(StartDelay::Pulling { detail }) } => format!("Pulling: {detail}"),
        InstanceState::Starting { waiting_for: Some(StartDelay::Unschedulable { detail }) } => {
            format!("Unschedulable: {detail}")
        }
        other => format!("{other:?}"),
    };
    match &instance.health {
        Health::Unknown => state,
        Health::Ready { since } => format!("{state}, ready since {since}"),
        Health::NotReady { since, reason } => format!("{state}, not ready since {since}: {reason}"),
    }
}

#[test]
fn on_the_way_up() {
    let mut unschedulable = fresh();
    unschedulable["spec"]["containers"][0]["resources"] = json!({"requests": {"nvidia.com/gpu": "2", "cpu": "500m"}});
    unschedulable["spec"]["nodeSelector"] = json!({"disk": "ssd"});
    unschedulable["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [
            {"matchExpressions": [{"key": "accelerator", "operator": "In", "values": ["nvidia-t4", "t4"]}, {"key": "zone", "operator": "Exists"}]},
            {"matchExpressions": [{"key": "gpu", "operator": "In", "values": ["T4"]}]},
        ],
    }}});
    unschedulable["status"]["conditions"] = json!([{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
    }]);
    let mut gated = fresh();
    gated["status"]["conditions"] =
        json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": ""}]);
    let mut no_sandbox = stuck_in("ContainerCreating", "");
    condition(&mut no_sandbox, "PodReadyToStartContainers")["status"] = json!("False");
    let not_found = "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/my-org/performer:v1\": \
                     failed to resolve reference: docker.io/my-org/performer:v1: not found";
    let refused =
        "failed to do request: Head \"https://r.local/v2\": dial tcp 10.0.0.1:443: connect: connection refused";
    let started = json!({"running": {"startedAt": "2026-11-23T10:00:03Z"}});
    let lines: Vec<String> = [
        ("created", fresh()),
        ("no node fits", unschedulable),
        ("held back", gated),
        ("bound", with_status(json!({}))),
        ("no sandbox yet", no_sandbox),
        ("sandbox", stuck_in("ContainerCreating", "")),
        ("another's container first", stuck_in("PodInitializing", "")),
        ("registry down", stuck_in("ErrImagePull", refused)),
        (
            "registry down, pausing",
            stuck_in("ImagePullBackOff", &format!("Back-off pulling image \"x\": ErrImagePull: {refused}")),
        ),
        ("an older kubelet pausing", stuck_in("ImagePullBackOff", "Back-off pulling image \"x\"")),
        ("no such image", stuck_in("ErrImagePull", not_found)),
        (
            "no such image, pausing",
            stuck_in("ImagePullBackOff", &format!("Back-off pulling image \"x\": ErrImagePull: {not_found}")),
        ),
        (
            "no image name",
            stuck_in("InvalidImageName", "Failed to apply default image tag \"A::b\": couldn't parse image name"),
        ),
        (
            "never pulled",
            stuck_in("ErrImageNeverPull", "Container image \"x\" is not present with pull policy of Never"),
        ),
        ("signature", stuck_in("SignatureValidationFailed", "image is not signed")),
        ("no secret", stuck_in("CreateContainerConfigError", "secret \"keys\" not found")),
        ("no key", stuck_in("CreateContainerConfigError", "couldn't find key token in Secret avs-ns/keys")),
        (
            "root",
            stuck_in(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root (pod: \"x\", container: performer)",
            ),
        ),
        ("no user", stuck_in("CreateContainerError", "failed to generate container spec: no users found")),
        (
            "no command",
            stuck_in(
                "RunContainerError",
                "failed to create containerd task: exec: \"/nope\": stat /nope: no such file or directory",
            ),
        ),
        ("runtime hangs", stuck_in("CreateContainerError", "context deadline exceeded")),
        ("something new", stuck_in("SomethingNew", "never seen")),
        ("runs, not started", with_container(started.clone(), json!({"started": false}))),
        ("runs, not ready", with_container(started, json!({"started": true}))),
        ("serves", ready()),
    ]
    .map(|(what, pod)| format!("{what:<26} {}", told(pod)))
    .into();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn on_the_way_down() {
    let ended = |code: i32, reason: &str, message: &str| json!({"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": "2026-11-23T10:05:00Z"}});
    let back_off =
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}});
    let crashed = |last: Value| with_container(back_off.clone(), json!({"lastState": last, "restartCount": 2}));
    let running = json!({"running": {"startedAt": "2026-11-23T10:05:01Z"}});
    let failed =
        |reason: &str, message: &str| with_status(json!({"phase": "Failed", "reason": reason, "message": message}));
    let target = |reason: &str, status: &str| {
        let mut pod = with_status(json!({"phase": "Failed"}));
        pod["status"]["conditions"] =
            json!([{"type": "DisruptionTarget", "status": status, "reason": reason, "message": "words of who did it"}]);
        pod
    };
    let mut leaving = ready();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:10:00Z");
    let mut lost = ready();
    condition(&mut lost, "Ready")["status"] = json!("False");
    condition(&mut lost, "Ready")["lastTransitionTime"] = json!("2026-11-23T10:09:00Z");
    let mut unknown = lost.clone();
    condition(&mut unknown, "Ready")["status"] = json!("Unknown");
    let mut phase_unknown = ready();
    phase_unknown["status"]["phase"] = json!("Unknown");
    let mut gates = lost.clone();
    condition(&mut gates, "Ready")["reason"] = json!("ReadinessGatesNotReady");
    let mut failing = ready();
    condition(&mut failing, "Ready")["status"] = json!("False");
    condition(&mut failing, "ContainersReady")["status"] = json!("False");
    let lines: Vec<String> = [
        ("ended, to be restarted", with_container(ended(1, "Error", "no key"), json!({"started": false}))),
        (
            "restarted",
            with_container(running.clone(), json!({"restartCount": 1, "lastState": ended(137, "OOMKilled", "")})),
        ),
        ("crash loop", crashed(ended(1, "Error", "starting\npanicked: no key\n"))),
        ("crash loop, no message", crashed(ended(3, "Error", ""))),
        ("crash loop, ended well", crashed(ended(0, "Completed", ""))),
        ("crash loop, memory", crashed(ended(137, "OOMKilled", "allocating"))),
        ("crash loop, signal", crashed(ended(139, "Error", ""))),
        ("crash loop, named signal", crashed(json!({"terminated": {"exitCode": 255, "signal": 6, "reason": "Error"}}))),
        (
            "crash loop, never ran",
            crashed(ended(
                128,
                "StartError",
                "failed to create containerd task: exec: \"/nope\": stat /nope: no such file or directory",
            )),
        ),
        ("crash loop, no program", crashed(ended(1, "Error", "exec /text: exec format error"))),
        ("crash loop, of a helper", crashed(ended(1, "Error", "exec /text: exec format error\nso I gave up"))),
        (
            "crash loop, not located",
            crashed(ended(137, "ContainerStatusUnknown", "The container could not be located")),
        ),
        ("crash loop, nothing known", crashed(json!({}))),
        ("health check fails", failing),
        ("readiness gates", gates),
        ("node does not answer", lost),
        ("node does not answer", unknown),
        ("node does not answer", phase_unknown),
        ("told to go", leaving),
        ("evicted", failed("Evicted", "The node was low on resource: memory.")),
        ("evicted by the API", target("EvictionByEvictionAPI", "True")),
        ("preempted", target("PreemptionByScheduler", "True")),
        ("preempted on the node", failed("Preempting", "Preempted in order to admit critical pod")),
        ("node gone", target("DeletionByPodGC", "True")),
        ("node tainted", target("DeletionByTaintManager", "True")),
        ("node lost, as of old", failed("NodeLost", "Node n1 which was running pod is unresponsive")),
        ("node shut down", failed("Terminated", "Pod was terminated in response to imminent node shutdown.")),
        ("eviction called off", target("EvictionByEvictionAPI", "False")),
        ("not admitted", failed("OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu")),
        ("no device", failed("UnexpectedAdmissionError", "Allocate failed due to no healthy devices")),
        ("failed with its container", {
            let mut pod = with_container(ended(2, "Error", "bye"), json!({}));
            pod["status"]["phase"] = json!("Failed");
            pod
        }),
        ("succeeded", with_status(json!({"phase": "Succeeded"}))),
    ]
    .map(|(what, pod)| format!("{what:<26} {}", told(pod)))
    .into();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn whose_pod() {
    let found = |change: &dyn Fn(&mut Value)| {
        let mut pod = ready();
        change(&mut pod);
        seen(pod).map(|instance| (instance.name.to_string(), instance.owner, instance.routed))
    };
    let name = "example-0123456789-0".to_owned();
    let ours = Some((name.clone(), Owner::Ours, true));
    assert_eq!(found(&|_| ()), ours);
    // What the labels say is not who owns it.
    let foreign = Some((name.clone(), Owner::Foreign, false));
    assert_eq!(found(&|pod| pod["metadata"]["ownerReferences"] = json!([])), foreign);
    assert_eq!(
        found(&|pod| pod["metadata"]["ownerReferences"][0]["uid"] = json!("of one that was here before")),
        foreign
    );
    assert_eq!(found(&|pod| pod["metadata"]["ownerReferences"][0]["controller"] = json!(false)), foreign);
    assert_eq!(found(&|pod| pod["metadata"]["ownerReferences"][0]["kind"] = json!("ReplicaSet")), foreign);
    assert_eq!(found(&|pod| pod["metadata"]["ownerReferences"][0]["apiVersion"] = json!("apps/v1")), foreign);
    // One of ours from which somebody took the labels is ours, and gets no tasks.
    assert_eq!(found(&|pod| pod["metadata"]["labels"] = json!({})), Some((name.clone(), Owner::Ours, false)));
    let other = |label: &'static str, value: &'static str| {
        found(&move |pod| pod["metadata"]["labels"][format!("hourglass.eigenlayer.io/{label}")] = json!(value))
    };
    let unrouted = Some((name, Owner::Ours, false));
    assert_eq!(other("serving", "false"), unrouted);
    assert_eq!(other("revision", "aaaaaaaaaa"), unrouted);
    // Others' names.
    for other in [
        "performer-other-0123456789-0",
        "performer-example-x-0",
        "example-0123456789-0",
        "performer-example-0123456789-00",
        "",
    ] {
        assert_eq!(found(&|pod| pod["metadata"]["name"] = json!(other)), None, "{other}");
    }
}

#[test]
fn where_it_serves_and_what_it_still_has_to_do() {
    let pod = record(ready());
    let (name, service) = (performer(), service(json!({"hourglass.eigenlayer.io/performer": "example"})));
    let nothing = BTreeSet::new();
    let drained = BTreeSet::from([pod.name.clone()]);
    let viewer = Viewer { performer: &name, uid: UID, service: Some(&service), drained: &nothing };
    let seen = instance(&pod, &viewer).unwrap();
    assert_eq!(seen.endpoint.unwrap().to_string(), "10.0.0.7:9090");
    assert_eq!((seen.in_flight, seen.platform_id.as_deref()), (None, Some("pod-uid")));
    assert_eq!(seen.started_at.to_rfc3339(), "2026-11-23T10:00:01.000Z");
    assert_eq!(instance(&pod, &Viewer { drained: &drained, ..viewer }).unwrap().in_flight, Some(0));
    assert!(!instance(&pod, &Viewer { service: None, ..viewer }).unwrap().routed);
    assert_eq!(instance(&record(fresh()), &viewer).unwrap().endpoint, None);
}

/// JSON that resembles a pod as little or as much as it happens to.
fn any_pod() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        "[A-Za-z: ]{0,12}",
        proptest::sample::select(vec![
            "True",
            "False",
            "Unknown",
            "Running",
            "Pending",
            "Failed",
            "Succeeded",
            "Ready",
            "ContainersReady",
            "PodScheduled",
            "DisruptionTarget",
            "CrashLoopBackOff",
            "ErrImagePull",
            "OOMKilled",
            "StartError",
            "performer",
            "grpc",
            "2026-11-23T10:00:00Z",
            "1900-01-01T00:00:00Z",
            "not a time",
            POD,
            "performer-example",
            "9999999999",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1..140_i64).prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let keys = vec![
        "metadata",
        "spec",
        "status",
        "name",
        "uid",
        "labels",
        "ownerReferences",
        "deletionTimestamp",
        "finalizers",
        "containers",
        "nodeName",
        "affinity",
        "nodeAffinity",
        "conditions",
        "type",
        "status",
        "reason",
        "message",
        "lastTransitionTime",
        "phase",
        "containerStatuses",
        "state",
        "lastState",
        "waiting",
        "running",
        "terminated",
        "exitCode",
        "signal",
        "restartCount",
        "ports",
        "containerPort",
        "podIP",
        "started",
        "env",
        "resources",
        "requests",
        "controller",
        "kind",
        "apiVersion",
    ];
    let key = proptest::sample::select(keys).prop_map(str::to_owned);
    let any = leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::hash_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let base = proptest::sample::select(vec![ready(), fresh(), stuck_in("ErrImagePull", "x"), json!({})]);
    (base, any).prop_map(|(mut base, more)| {
        merge(&mut base, more);
        base
    })
}

proptest! {
    #[test]
    fn whatever_the_api_server_says(pod in any_pod()) {
        // What is no pod at all is an error of reading, which concerns this one object.
        if let Ok(record) = serde_json::from_value::<PodRecord>(pod) {
            let (name, drained) = (performer(), BTreeSet::new());
            let viewer = Viewer { performer: &name, uid: UID, service: None, drained: &drained };
            if let Some(instance) = instance(&record, &viewer) {
                prop_assert_eq!(instance.name.performer.as_str(), "example");
                prop_assert!(!record.is_leaving() || instance.state == InstanceState::Stopping);
            }
            let _ = record.notices(hourglass_core::Timestamp::from_secs(1));
        }
    }
}
