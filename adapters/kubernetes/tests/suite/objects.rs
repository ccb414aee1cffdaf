//! What we make, as a real API server takes it: every field known, nothing refused in a namespace that enforces Pod Security
//! `restricted`, and found again as it was written.

use std::collections::BTreeSet;

use hourglass_cluster::{Namespace, shared};
use hourglass_core::Timestamp;
use hourglass_core::hardware::{HardwareRequirements, HardwareTables};
use hourglass_core::lifecycle::{Health, InstanceState, Intent, Owner, StartInstance, plan};
use hourglass_core::performer::{
    EnvSource, EnvVar, InstanceName, PerformerName, PerformerSpec, PullPolicy, Revision, Security,
};
use hourglass_core::scheduling::{NodeExpression, NodeOperator, NodeTerm, PreferredTerm, TaintEffect, Toleration};
use hourglass_kubernetes::api::Performer;
use hourglass_kubernetes::build::{self, Site};
use hourglass_kubernetes::observe::{self, Difference, Maker, PodRecord, ServiceRecord, Viewer};
use hourglass_kubernetes::status::{self, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const AVS: &str = "0xabcdef0123456789abcdef0123456789abcdef01";
const UID: &str = "11111111-2222-3333-4444-555555555555";

fn spec() -> PerformerSpec {
    PerformerSpec::new(AVS.parse().unwrap(), "my-org/performer:v1".parse().unwrap())
}

fn name() -> PerformerName {
    "example".parse().unwrap()
}

fn in_site<T>(namespace: &Namespace, then: impl FnOnce(&Site<'_>) -> T) -> T {
    let (tables, name) = (HardwareTables::default(), name());
    let namespace = namespace.name();
    then(&Site {
        namespace,
        performer: &name,
        uid: UID,
        executor: Some("my-executor"),
        headless: false,
        tables: &tables,
    })
}

fn pod(namespace: &Namespace, spec: &PerformerSpec, suffix: u32) -> Value {
    let name = InstanceName { performer: name(), revision: spec.revision(), suffix };
    let start = StartInstance { name, spec: spec.clone() };
    in_site(namespace, |site| serde_json::to_value(build::pod(&start, site).unwrap()).unwrap())
}

/// With every field known to the server, and nothing kept of it.
fn accepted(namespace: &Namespace, object: &impl Serialize) -> Result<(), String> {
    let text = serde_json::to_string(object).unwrap();
    let arguments = ["create", "--dry-run=server", "--validate=strict", "--filename=-"];
    namespace.kubectl_with(&arguments, &text).map(|_| ()).map_err(|error| format!("{error:#}"))
}

fn create(namespace: &Namespace, object: &impl Serialize) {
    let text = serde_json::to_string(object).unwrap();
    namespace.kubectl_with(&["create", "--validate=strict", "--filename=-"], &text).unwrap();
}

fn apply(namespace: &Namespace, object: &impl Serialize) {
    let text = serde_json::to_string(object).unwrap();
    let manager = "--field-manager=hourglass-operator";
    namespace.kubectl_with(&["apply", "--server-side", manager, "--validate=strict", "--filename=-"], &text).unwrap();
}

fn patch(namespace: &Namespace, what: &str, patch: &Value, more: &[&str]) -> Result<(), String> {
    let text = format!("--patch={patch}");
    let arguments = [&["patch", what, "--type=merge", &text], more].concat();
    namespace.kubectl(&arguments).map(|_| ()).map_err(|error| format!("{error:#}"))
}

fn read<T: DeserializeOwned>(namespace: &Namespace, what: &str) -> T {
    serde_json::from_str(&namespace.kubectl(&["get", what, "--output=json"]).unwrap()).unwrap()
}

/// A namespace that enforces Pod Security `restricted`.
fn restricted() -> Namespace {
    let namespace = shared().unwrap().namespace("pods").unwrap();
    let label = "pod-security.kubernetes.io/enforce=restricted";
    namespace.kubectl(&["label", "namespace", namespace.name(), label]).unwrap();
    namespace
}

/// Objects of the cluster that pods refer to, removed with this.
struct Classes(String);

impl Classes {
    fn of(namespace: &Namespace) -> Self {
        let name = namespace.name().to_owned();
        let runtime =
            json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "x"});
        let priority = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 1,
        });
        create(namespace, &json!({"apiVersion": "v1", "kind": "List", "items": [runtime, priority]}));
        Self(name)
    }
}

impl Drop for Classes {
    fn drop(&mut self) {
        let _gone = shared().unwrap().kubectl(&["delete", "runtimeclass,priorityclass", &self.0]);
    }
}

fn everything(class: &str) -> PerformerSpec {
    let mut spec = spec();
    spec.command = vec!["/performer".into()];
    spec.args = vec!["--port=$(GRPC_PORT)".into()];
    spec.port = Some(7000.try_into().unwrap());
    spec.pull_policy = PullPolicy::Always;
    spec.image_pull_secrets = vec!["registry".into()];
    spec.service_account = Some("default".into());
    spec.replicas = 3;
    let from = |name: &str, source| EnvVar { name: name.into(), source };
    spec.env = vec![
        from("TOKEN", EnvSource::SecretKey { secret: "keys".into(), key: "token".into() }),
        from("CHAIN", EnvSource::ConfigMapKey { config_map: "chains".into(), key: "id".into() }),
        from("GRPC_PORT", EnvSource::ConfigMapKey { config_map: "chains".into(), key: "id".into() }),
        from("TOKEN", EnvSource::SecretKey { secret: "keys".into(), key: "another".into() }),
    ];
    spec.resources.requests =
        [("cpu".to_owned(), "0.5".parse().unwrap()), ("memory".to_owned(), "1Gi".parse().unwrap())].into();
    spec.resources.limits =
        [("cpu".to_owned(), "2".parse().unwrap()), ("memory".to_owned(), "1.5e9".parse().unwrap())].into();
    spec.security = Security {
        run_as_user: Some(1000),
        read_only_root: Some(false),
        add_capabilities: vec!["CAP_NET_BIND_SERVICE".into()],
        tmpfs_bytes: Some(1 << 20),
        ..Security::default()
    };
    let expression = |key: &str, operator, values: &[&str]| NodeExpression {
        key: key.into(),
        operator,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let labels = vec![
        expression("a", NodeOperator::In, &["x", "y"]),
        expression("b", NodeOperator::NotIn, &["x"]),
        expression("c", NodeOperator::Exists, &[]),
        expression("d", NodeOperator::DoesNotExist, &[]),
        expression("e", NodeOperator::Gt, &["1"]),
        expression("f", NodeOperator::Lt, &["9"]),
    ];
    let fields = vec![expression("metadata.name", NodeOperator::In, &["n1"])];
    spec.scheduling.node_selector = [("disk".to_owned(), "ssd".to_owned())].into();
    spec.scheduling.required_nodes = vec![NodeTerm { labels: labels.clone(), fields }];
    spec.scheduling.preferred_nodes =
        vec![PreferredTerm { weight: 100, term: NodeTerm { labels, fields: Vec::new() } }];
    spec.scheduling.tolerations = vec![
        Toleration {
            key: Some("k".into()),
            value: Some("v".into()),
            effect: Some(TaintEffect::NoExecute),
            seconds: Some(9),
            ..Default::default()
        },
        Toleration { operator: hourglass_core::scheduling::TolerationOperator::Exists, ..Default::default() },
    ];
    spec.scheduling.runtime_class = Some(class.into());
    spec.scheduling.priority_class = Some(class.into());
    let near = json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}]});
    let spread = json!({"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"});
    spec.scheduling.extras = [("podAffinity", &near), ("podAntiAffinity", &near), ("spread", &spread)]
        .map(|(name, text)| (name.to_owned(), text.to_string()))
        .into();
    spec
}

#[test]
fn pods_are_accepted() {
    let namespace = restricted();
    let classes = Classes::of(&namespace);
    let hardware = |hardware: HardwareRequirements| {
        let mut spec = spec();
        spec.scheduling.runtime_class = Some(classes.0.clone());
        PerformerSpec { hardware, ..spec }
    };
    let tee = |tee: &str| hardware(HardwareRequirements { tee_type: Some(tee.into()), ..Default::default() });
    let mut several = spec();
    several.replicas = 2;
    let gpu = |gpu_type: Option<&str>, gpu_count| HardwareRequirements {
        gpu_type: gpu_type.map(Into::into),
        gpu_count,
        custom_labels: [("rack".to_owned(), "r1".to_owned())].into(),
        ..Default::default()
    };
    for spec in [
        spec(),
        several,
        everything(&classes.0),
        hardware(gpu(Some("nvidia-a100"), 2)),
        hardware(gpu(Some("amd.com/gpu"), 1)),
        hardware(gpu(None, 1)),
        tee("sgx"),
        tee("sev"),
        tee("tdx"),
    ] {
        accepted(&namespace, &pod(&namespace, &spec, 0)).unwrap_or_else(|error| panic!("{error}: {spec:?}"));
    }
    // The guard itself: the namespace does refuse, and the server does know every field.
    let mut root = spec();
    root.security.run_as_user = Some(0);
    let refused = accepted(&namespace, &pod(&namespace, &root, 0)).unwrap_err();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");
    let mut misspelt = pod(&namespace, &spec(), 0);
    misspelt["spec"]["enableServiceLink"] = json!(false);
    let refused = accepted(&namespace, &misspelt).unwrap_err();
    assert!(refused.contains("unknown field \"spec.enableServiceLink\""), "{refused}");
    // Where nothing is enforced, what was overridden may be.
    let open = shared().unwrap().namespace("pods").unwrap();
    root.security.add_capabilities = vec!["sys_admin".into()];
    root.security.allow_privilege_escalation = Some(true);
    accepted(&open, &pod(&open, &root, 0)).unwrap();
}

#[test]
fn a_pod_is_found_again_and_followed() {
    let namespace = restricted();
    let spec = spec();
    let made = pod(&namespace, &spec, 0);
    create(&namespace, &made);
    let pod_name = made["metadata"]["name"].as_str().unwrap();
    let what = format!("pod/{pod_name}");
    let record: PodRecord = read(&namespace, &what);
    let (name, drained) = (name(), BTreeSet::new());
    let viewer = Viewer { performer: &name, uid: UID, service: None, drained: &drained };
    let seen = observe::instance(&record, &viewer).unwrap();
    assert_eq!((seen.name.revision, seen.owner), (spec.revision(), Owner::Ours));
    assert_eq!(seen.state, InstanceState::Starting { waiting_for: None });
    assert!(record.created_at > Timestamp::EPOCH && !record.uid.is_empty());
    // The test plays scheduler and kubelet.
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod_name}, "target": {"kind": "Node", "name": "n1"}});
    let raw = format!("/api/v1/namespaces/{}/pods/{pod_name}/binding", namespace.name());
    namespace.kubectl_with(&["create", "--raw", &raw, "--filename=-"], &binding.to_string()).unwrap();
    let since = "2026-11-23T10:00:05Z";
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": since});
    let status = json!({"status": {
        "phase": "Running", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}], "startTime": since,
        "conditions": ["PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"].map(condition),
        "containerStatuses": [{
            "name": "performer", "image": "my-org/performer:v1", "imageID": "x", "ready": true, "started": true, "restartCount": 0,
            "state": {"running": {"startedAt": since}},
        }],
    }});
    patch(&namespace, &what, &status, &["--subresource=status"]).unwrap();
    let record: PodRecord = read(&namespace, &what);
    let seen = observe::instance(&record, &viewer).unwrap();
    assert!(
        matches!(seen.health, Health::Ready { since: at } if at.to_rfc3339() == "2026-11-23T10:00:05.000Z"),
        "{seen:?}"
    );
    assert_eq!(seen.endpoint.map(|endpoint| endpoint.to_string()).as_deref(), Some("10.0.0.7:9090"));
    assert_eq!((record.node.as_deref(), record.serving), (Some("n1"), true));
    namespace.kubectl(&["delete", &what, "--wait=false"]).unwrap();
    let record: PodRecord = read(&namespace, &what);
    assert_eq!(
        observe::instance(&record, &viewer).unwrap().state,
        InstanceState::Stopping,
        "until a kubelet says that it ended"
    );
}

fn service(
    namespace: &Namespace,
    revision: &Revision,
    port: u16,
    headless: bool,
) -> k8s_openapi::api::core::v1::Service {
    let avs = AVS.parse().unwrap();
    in_site(namespace, |site| build::service(&Site { headless, ..*site }, &avs, revision, port))
}

#[test]
fn a_service_is_found_as_it_was_applied() {
    let namespace = restricted();
    let (one, two): (Revision, Revision) = ("aaaaaaaaaa".parse().unwrap(), "bbbbbbbbbb".parse().unwrap());
    let what = "service/performer-example";
    let first = service(&namespace, &one, 9090, false);
    accepted(&namespace, &first).unwrap();
    apply(&namespace, &first);
    let record: ServiceRecord = read(&namespace, what);
    assert_eq!((record.maker, record.revision()), (Maker::Us, Some(one.clone())));
    assert_eq!(
        record.difference(UID, &first),
        Difference::Nothing,
        "the server's defaults are no difference: {record:?}"
    );
    for next in [service(&namespace, &two, 9090, false), service(&namespace, &two, 9091, false)] {
        let record: ServiceRecord = read(&namespace, what);
        assert_eq!(record.difference(UID, &next), Difference::Apply);
        apply(&namespace, &next);
        let record: ServiceRecord = read(&namespace, what);
        assert_eq!(record.difference(UID, &next), Difference::Nothing, "{record:?}");
    }
    let headless = service(&namespace, &two, 9091, true);
    let record: ServiceRecord = read(&namespace, what);
    assert_eq!(record.difference(UID, &headless), Difference::Replace);
    namespace.kubectl(&["delete", what]).unwrap();
    apply(&namespace, &headless);
    let record: ServiceRecord = read(&namespace, what);
    assert_eq!(record.difference(UID, &headless), Difference::Nothing);
}

/// As the earlier operator left them: the Service selects by name alone.
fn earlier(namespace: &Namespace) {
    let owner = json!([{
        "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "name": "example", "uid": UID,
        "controller": true, "blockOwnerDeletion": true,
    }]);
    let labels = json!({
        "app": "hourglass-performer", "hourglass.eigenlayer.io/performer": "example", "hourglass.eigenlayer.io/avs": AVS,
    });
    let restricted = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let container = json!({
        "name": "performer", "image": "my-org/performer:v1", "securityContext": restricted,
        "ports": [{"name": "grpc", "containerPort": 9090, "protocol": "TCP"}],
    });
    let security = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    create(
        namespace,
        &json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "performer-example", "namespace": namespace.name(), "labels": labels, "ownerReferences": owner},
            "spec": {"containers": [container], "restartPolicy": "Always", "securityContext": security},
        }),
    );
    create(
        namespace,
        &json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "performer-example", "namespace": namespace.name(), "ownerReferences": owner},
            "spec": {
                "type": "ClusterIP", "selector": {"hourglass.eigenlayer.io/performer": "example"},
                "ports": [{"name": "grpc", "port": 8080, "targetPort": "grpc", "protocol": "TCP"}],
            },
        }),
    );
}

#[test]
fn what_the_earlier_operator_left_is_taken_over() {
    let namespace = restricted();
    earlier(&namespace);
    let spec = spec();
    let before: PodRecord = read(&namespace, "pod/performer-example");
    let adoption = before.adoption(UID, &spec).unwrap();
    assert!(adoption.is_current, "what the server adds makes no other pod of it: {before:?}");
    patch(&namespace, "pod/performer-example", &adoption.patch(&before, Some("my-executor")), &[]).unwrap();
    let after: PodRecord = read(&namespace, "pod/performer-example");
    assert_eq!((&after.uid, &after.revision, after.serving), (&before.uid, &Some(spec.revision()), true));
    assert_eq!(after.adoption(UID, &spec), None);
    let again = patch(&namespace, "pod/performer-example", &adoption.patch(&before, None), &[]).unwrap_err();
    assert!(again.contains("the object has been modified"), "{again}");

    let what = "service/performer-example";
    let found: ServiceRecord = read(&namespace, what);
    assert!(found.selects(&after) && found.maker == Maker::Another);
    // Each time the port is another one, which an application would add beside the earlier operator's.
    for port in [9090, 9091, 8080] {
        let wanted = service(&namespace, &spec.revision(), port, false);
        let record: ServiceRecord = read(&namespace, what);
        let Difference::Patch(change) = record.difference(UID, &wanted) else { panic!("{record:?}") };
        patch(&namespace, what, &change, &["--field-manager=hourglass-operator"]).unwrap();
        let record: ServiceRecord = read(&namespace, what);
        assert_eq!(
            (record.maker, record.difference(UID, &wanted)),
            (Maker::TakenOver, Difference::Nothing),
            "{record:?}"
        );
        assert_eq!(record.uid, found.uid);
        assert!(record.selects(&after));
    }
}

#[test]
fn policies_and_budgets_are_accepted_and_applying_them_again_writes_nothing() {
    let namespace = restricted();
    let revision = spec().revision();
    let avs = AVS.parse().unwrap();
    let policy = build::network_policy(namespace.name(), "my-executor", UID);
    let budget = in_site(&namespace, |site| build::disruption_budget(site, &avs, &revision, 3)).unwrap();
    accepted(&namespace, &policy).unwrap();
    accepted(&namespace, &budget).unwrap();
    let version = |what: &str| read::<Value>(&namespace, what)["metadata"]["resourceVersion"].take();
    for (object, what) in [
        (serde_json::to_value(&policy).unwrap(), "networkpolicy/hourglass-performers-of-my-executor"),
        (serde_json::to_value(&budget).unwrap(), "poddisruptionbudget/performer-example"),
    ] {
        apply(&namespace, &object);
        let spec = read::<Value>(&namespace, what)["spec"].take();
        let generation = read::<Value>(&namespace, what)["metadata"]["generation"].take();
        apply(&namespace, &object);
        assert_eq!(read::<Value>(&namespace, what)["spec"], spec);
        assert_eq!(read::<Value>(&namespace, what)["metadata"]["generation"], generation);
        assert!(version(what).is_string());
    }
    // Scaled, and routed to another revision.
    let other =
        in_site(&namespace, |site| build::disruption_budget(site, &avs, &"bbbbbbbbbb".parse().unwrap(), 5)).unwrap();
    apply(&namespace, &other);
    assert_eq!(read::<Value>(&namespace, "poddisruptionbudget/performer-example")["spec"]["minAvailable"], 4);
}

#[test]
fn a_status_is_found_as_it_was_written() {
    let namespace = restricted();
    let definition = hourglass_kubernetes::crd::performers();
    apply(&namespace, &definition);
    let crd = "customresourcedefinition/performers.hourglass.eigenlayer.io";
    namespace.kubectl(&["wait", "--for=condition=Established", crd, "--timeout=60s"]).unwrap();
    create(
        &namespace,
        &json!({
            "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "metadata": {"name": "example"},
            "spec": {"avsAddress": AVS, "image": "my-org/performer:v1"},
        }),
    );
    let what = "performer/example";
    let (name, spec) = (name(), spec());
    let intent = Intent::new(name.clone(), spec.clone());
    let (wanted, now) = (spec.revision(), Timestamp::from_secs(1_800_000_000));
    let mut stale = String::new();
    let revision = spec.revision();
    let instance = |suffix, ready: bool| hourglass_core::lifecycle::Instance {
        name: InstanceName { performer: name.clone(), revision: revision.clone(), suffix },
        owner: Owner::Ours,
        state: InstanceState::Running,
        health: if ready {
            Health::Ready { since: now }
        } else {
            Health::NotReady { since: now, reason: "not yet".into() }
        },
        endpoint: None,
        started_at: now,
        routed: ready,
        in_flight: None,
        platform_id: None,
    };
    for instances in [vec![], vec![instance(0, false)], vec![instance(0, true)], vec![]] {
        let object: Performer = read(&namespace, what);
        let version = object.metadata.resource_version.clone().unwrap();
        let history = status::history(object.status.as_ref()).unwrap();
        let planned = plan(&intent, &history, &instances, now);
        let view = View {
            object: &object,
            name: Some(&name),
            plan: Some(&planned),
            waiting: None,
            instances: &instances,
            problems: &[],
            wanted: Some(&wanted),
            port: 9090,
            now,
        };
        let new = status::status(&view);
        let change = status::patch(object.status.as_ref(), &new, &version).unwrap();
        patch(&namespace, what, &change, &["--subresource=status"]).unwrap();
        let written: Performer = read(&namespace, what);
        assert_eq!(written.status.as_ref(), Some(&new), "the server keeps what was written");
        let later = View { object: &written, now: now + std::time::Duration::from_secs(0), ..view };
        assert_eq!(status::patch(written.status.as_ref(), &status::status(&later), "1"), None, "nothing more to write");
        assert_eq!(status::history(written.status.as_ref()).unwrap(), planned.history);
        stale = version;
    }
    let late = json!({"metadata": {"resourceVersion": stale}, "status": {"phase": "Failed"}});
    let refused = patch(&namespace, what, &late, &["--subresource=status"]).unwrap_err();
    assert!(refused.contains("the object has been modified"), "{refused}");
}
