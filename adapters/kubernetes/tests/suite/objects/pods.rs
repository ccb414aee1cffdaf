use std::collections::BTreeSet;

use hourglass_cluster::{Namespace, shared};
use hourglass_core::Timestamp;
use hourglass_core::hardware::HardwareRequirements;
use hourglass_core::lifecycle::{Health, InstanceState, Owner};
use hourglass_core::performer::{EnvSource, EnvVar, PerformerSpec, PullPolicy, Security};
use hourglass_core::scheduling::{
    NodeExpression, NodeOperator, NodeTerm, PreferredTerm, TaintEffect, Toleration, TolerationOperator,
};
use hourglass_kubernetes::observe::{self, PodRecord, Viewer};
use serde_json::json;

use super::{UID, accepted, create, name, pod, read, restricted, serves, spec};

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
        Toleration { operator: TolerationOperator::Exists, ..Default::default() },
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
    serves(&namespace, pod_name, "n1", "2026-11-23T10:00:05Z");
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
