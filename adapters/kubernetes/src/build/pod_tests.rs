use std::collections::BTreeMap;
use std::time::Duration;

use hourglass_core::hardware::HardwareRequirements;
use hourglass_core::performer::{EnvSource, EnvVar, Security};
use hourglass_core::scheduling::{
    NodeExpression, NodeOperator, NodeTerm, PreferredTerm, Scheduling, TaintEffect, Toleration, TolerationOperator,
};
use serde_json::{Value, json};

use super::*;
use crate::api;
use crate::build::samples::{performer_spec, pretty, start, variable, with_site};

fn built(spec: &PerformerSpec) -> Result<Value, Unbuildable> {
    with_site(|site| pod(&start(spec, 0), site).map(|pod| serde_json::to_value(pod).unwrap()))
}

fn amounts(pairs: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    pairs.iter().map(|(name, amount)| ((*name).to_owned(), amount.parse().unwrap())).collect()
}

#[test]
fn nothing_asked_for() {
    insta::assert_snapshot!(pretty(&built(&performer_spec()).unwrap()));
}

#[test]
fn everything_asked_for() {
    let mut spec = performer_spec();
    spec.command = vec!["/performer".into()];
    spec.args = vec!["--port=$(GRPC_PORT)".into()];
    spec.port = Some(7000.try_into().unwrap());
    spec.pull_policy = PullPolicy::Always;
    spec.image_pull_secrets = vec!["registry".into()];
    spec.service_account = Some("avs".into());
    spec.replicas = 3;
    spec.upgrade.ready_deadline = Duration::from_secs(90);
    spec.upgrade.stop_grace = Duration::from_millis(1500);
    spec.env = vec![
        variable("LOG_LEVEL", "debug"),
        EnvVar { name: "TOKEN".into(), source: EnvSource::SecretKey { secret: "keys".into(), key: "token".into() } },
        EnvVar {
            name: "CHAIN".into(),
            source: EnvSource::ConfigMapKey { config_map: "chains".into(), key: "id".into() },
        },
    ];
    spec.resources.requests = amounts(&[("cpu", "500m"), ("memory", "1Gi")]);
    spec.resources.limits = amounts(&[("cpu", "2"), ("memory", "4Gi")]);
    spec.security = Security {
        run_as_user: Some(1000),
        read_only_root: Some(false),
        add_capabilities: vec!["CAP_NET_BIND_SERVICE".into(), "sys_nice".into()],
        allow_privilege_escalation: Some(true),
        tmpfs_bytes: Some(1 << 20),
        ..Security::default()
    };
    let expression = |key: &str, operator, values: &[&str]| NodeExpression {
        key: key.into(),
        operator,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    spec.scheduling = Scheduling {
        node_selector: [("disk".to_owned(), "ssd".to_owned())].into(),
        tolerations: vec![Toleration {
            key: Some("dedicated".into()),
            operator: TolerationOperator::Equal,
            value: Some("avs".into()),
            effect: Some(TaintEffect::NoExecute),
            seconds: Some(60),
        }],
        required_nodes: vec![NodeTerm {
            labels: vec![
                expression("zone", NodeOperator::NotIn, &["a"]),
                expression("spot", NodeOperator::DoesNotExist, &[]),
            ],
            fields: vec![expression("metadata.name", NodeOperator::In, &["n1", "n2"])],
        }],
        preferred_nodes: vec![PreferredTerm {
            weight: 10,
            term: NodeTerm { labels: vec![expression("cpus", NodeOperator::Gt, &["8"])], fields: Vec::new() },
        }],
        runtime_class: Some("gvisor".into()),
        priority_class: Some("high".into()),
        extras: [
            ("podAffinity", json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]})),
            ("podAntiAffinity", json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]})),
            ("spread", json!({"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"})),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_string()))
        .into(),
    };
    spec.hardware = HardwareRequirements {
        gpu_type: Some("nvidia-t4".into()),
        gpu_count: 2,
        custom_labels: [("rack".to_owned(), "r1".to_owned())].into(),
        ..HardwareRequirements::default()
    };
    insta::assert_snapshot!(pretty(&built(&spec).unwrap()));
}

#[test]
fn hardware_is_asked_for_whole_or_not_at_all() {
    let with = |hardware: HardwareRequirements| {
        let mut spec = performer_spec();
        spec.hardware = hardware;
        built(&spec)
    };
    let tee = |kind: &str| HardwareRequirements { tee_type: Some(kind.into()), ..HardwareRequirements::default() };
    insta::assert_snapshot!("sgx", pretty(&with(tee("sgx")).unwrap()["spec"]));
    let confidential = with(tee("sev")).unwrap();
    assert_eq!(confidential["spec"]["runtimeClassName"], "kata-qemu-snp");
    let count = |gpu_count| HardwareRequirements { gpu_count, ..HardwareRequirements::default() };
    assert_eq!(with(count(3)).unwrap()["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"], "3");
    let unknown = HardwareRequirements { gpu_type: Some("quantum".into()), ..HardwareRequirements::default() };
    let label = HardwareRequirements {
        custom_labels: [("a b".to_owned(), "c".to_owned())].into(),
        ..HardwareRequirements::default()
    };
    let missing = HardwareRequirements { tee_required: true, ..HardwareRequirements::default() };
    for (hardware, reason) in [
        (unknown, "UnknownGpuType"),
        (label, "InvalidNodeLabel"),
        (missing, "TeeTypeMissing"),
        (tee("enclave"), "UnknownTeeType"),
    ] {
        let error = with(hardware).unwrap_err();
        assert_eq!(error.reason(), reason);
        let hourglass_core::lifecycle::ExitCause::Refused { reason: told, message } = error.cause() else { panic!() };
        assert_eq!((told.as_str(), message), (reason, error.to_string()));
    }
}

#[test]
fn spread_over_nodes_with_several_replicas_only() {
    let constraint = |replicas, spread: Option<api::Spread>| {
        let mut spec = performer_spec();
        spec.replicas = replicas;
        let texts = spread.map(|spread| ("spread".to_owned(), serde_json::to_string(&spread).unwrap()));
        spec.scheduling.extras.extend(texts);
        let mut built = built(&spec).unwrap();
        built["spec"]["topologySpreadConstraints"].take()
    };
    assert_eq!(constraint(1, None), Value::Null);
    let revision = performer_spec().revision();
    assert_eq!(
        constraint(2, None),
        json!([{
            "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {
                "hourglass.eigenlayer.io/performer": "example",
                "hourglass.eigenlayer.io/revision": revision.as_str(),
            }},
        }])
    );
    assert_eq!(constraint(1, Some(api::Spread::default()))[0]["maxSkew"], 1);
}

#[test]
fn root_only_where_it_is_written() {
    let context = |run_as_user| {
        let mut spec = performer_spec();
        spec.security.run_as_user = run_as_user;
        built(&spec).unwrap()["spec"]["securityContext"].clone()
    };
    assert_eq!((&context(None)["runAsUser"], &context(None)["runAsGroup"]), (&json!(65532), &json!(65532)));
    assert_eq!((&context(Some(7))["runAsNonRoot"], &context(Some(7))["runAsGroup"]), (&json!(true), &Value::Null));
    assert_eq!((&context(Some(0))["runAsNonRoot"], &context(Some(0))["runAsUser"]), (&json!(false), &json!(0)));
}

#[test]
fn a_deadline_of_nothing_still_asks_once() {
    let mut spec = performer_spec();
    spec.upgrade.ready_deadline = Duration::ZERO;
    spec.upgrade.stop_grace = Duration::ZERO;
    let built = built(&spec).unwrap();
    assert_eq!(built["spec"]["containers"][0]["startupProbe"]["failureThreshold"], 1);
    assert_eq!(built["spec"]["terminationGracePeriodSeconds"], 0);
}

#[test]
fn an_executor_that_no_label_can_name_is_left_out() {
    let spec = performer_spec();
    let labels = |executor: Option<&str>| {
        with_site(|site| {
            let built = pod(&start(&spec, 0), &Site { executor, ..*site }).unwrap();
            built.metadata.labels.unwrap().get(names::LABEL_EXECUTOR_REF).cloned()
        })
    };
    assert_eq!(labels(Some("e")).as_deref(), Some("e"));
    assert_eq!(labels(Some(&"e".repeat(64))), None);
    assert_eq!(labels(None), None);
}

#[test]
fn what_a_newer_operator_wrote_is_not_guessed_at() {
    let mut spec = performer_spec();
    spec.scheduling.extras.insert("spread".into(), "7".into());
    assert_eq!(built(&spec).unwrap_err().reason(), "SpecUnreadable");
}
