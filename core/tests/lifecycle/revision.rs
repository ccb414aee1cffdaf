//! The revision of a specification stays the same for ever: a changed value here restarts every user's performer.

use std::str::FromStr;

use hourglass_core::performer::{EnvSource, EnvValue, EnvVar, Image, PerformerSpec, PullPolicy};
use hourglass_core::resources::Quantity;
use hourglass_core::scheduling::{
    NodeExpression, NodeOperator, NodeTerm, PreferredTerm, TaintEffect, Toleration, TolerationOperator,
};

fn spec() -> PerformerSpec {
    PerformerSpec::new("0x1111111111111111111111111111111111111111".parse().unwrap(), image("my-org/avs:v1"))
}

fn image(text: &str) -> Image {
    text.parse().unwrap()
}

fn with(change: impl FnOnce(&mut PerformerSpec)) -> PerformerSpec {
    let mut spec = spec();
    change(&mut spec);
    spec
}

fn var(name: &str, source: EnvSource) -> EnvVar {
    EnvVar { name: name.into(), source }
}

fn value(text: &str) -> EnvSource {
    EnvSource::Value(EnvValue(text.into()))
}

fn quantity(text: &str) -> Quantity {
    Quantity::from_str(text).unwrap()
}

fn term(values: &[&str]) -> NodeTerm {
    let values = values.iter().map(|value| (*value).into()).collect();
    NodeTerm {
        labels: vec![NodeExpression { key: "zone".into(), operator: NodeOperator::In, values }],
        fields: Vec::new(),
    }
}

fn toleration(key: &str) -> Toleration {
    Toleration {
        key: Some(key.into()),
        operator: TolerationOperator::Exists,
        effect: Some(TaintEffect::NoSchedule),
        ..Toleration::default()
    }
}

/// One change of every field that is part of the revision.
fn changes() -> Vec<(&'static str, PerformerSpec)> {
    vec![
        ("default", spec()),
        ("image", with(|s| s.image = image("my-org/avs:v2"))),
        ("untagged image", with(|s| s.image = image("my-org/avs"))),
        (
            "version",
            with(|s| {
                s.image = image("my-org/avs");
                s.version = Some("v1".into());
            }),
        ),
        ("command", with(|s| s.command = vec!["run".into(), "it".into()])),
        ("command in one word", with(|s| s.command = vec!["run it".into()])),
        ("args", with(|s| s.args = vec!["run".into(), "it".into()])),
        ("an empty arg", with(|s| s.args = vec![String::new()])),
        ("env", with(|s| s.env = vec![var("A", value("1")), var("B", value("2"))])),
        ("env set to nothing", with(|s| s.env = vec![var("A", value(""))])),
        ("env of the executor", with(|s| s.env = vec![var("A", EnvSource::FromExecutor("1".into()))])),
        (
            "env of a secret",
            with(|s| s.env = vec![var("A", EnvSource::SecretKey { secret: "s".into(), key: "k".into() })]),
        ),
        (
            "env of a config map",
            with(|s| s.env = vec![var("A", EnvSource::ConfigMapKey { config_map: "s".into(), key: "k".into() })]),
        ),
        ("port", with(|s| s.port = 9090.try_into().ok())),
        (
            "requests",
            with(|s| {
                s.resources.requests.insert("cpu".into(), quantity("1"));
            }),
        ),
        (
            "limits",
            with(|s| {
                s.resources.limits.insert("cpu".into(), quantity("1"));
            }),
        ),
        (
            "node selector",
            with(|s| {
                s.scheduling.node_selector.insert("disk".into(), "ssd".into());
            }),
        ),
        ("tolerations", with(|s| s.scheduling.tolerations = vec![toleration("a"), toleration("b")])),
        (
            "toleration of everything",
            with(|s| {
                s.scheduling.tolerations =
                    vec![Toleration { operator: TolerationOperator::Exists, ..Toleration::default() }]
            }),
        ),
        ("nodes", with(|s| s.scheduling.required_nodes = vec![term(&["x", "y"]), term(&["z"])])),
        (
            "preferred nodes",
            with(|s| s.scheduling.preferred_nodes = vec![PreferredTerm { weight: 7, term: term(&["x"]) }]),
        ),
        (
            "a platform's own words",
            with(|s| {
                s.scheduling.extras.insert("podAffinity".into(), "{}".into());
            }),
        ),
        ("runtime class", with(|s| s.scheduling.runtime_class = Some("kata".into()))),
        ("priority class", with(|s| s.scheduling.priority_class = Some("kata".into()))),
        ("gpu type", with(|s| s.hardware.gpu_type = Some("nvidia-a100".into()))),
        ("gpu count", with(|s| s.hardware.gpu_count = 1)),
        ("tee", with(|s| s.hardware.tee_required = true)),
        ("tee type", with(|s| s.hardware.tee_type = Some("sgx".into()))),
        (
            "custom labels",
            with(|s| {
                s.hardware.custom_labels.insert("disk".into(), "ssd".into());
            }),
        ),
        ("service account", with(|s| s.service_account = Some("sa".into()))),
        ("user", with(|s| s.security.run_as_user = Some(0))),
        ("writable root", with(|s| s.security.read_only_root = Some(false))),
        ("capabilities", with(|s| s.security.add_capabilities = vec!["A".into(), "B".into()])),
        ("privilege escalation", with(|s| s.security.allow_privilege_escalation = Some(true))),
        ("no privilege escalation", with(|s| s.security.allow_privilege_escalation = Some(false))),
        ("pids", with(|s| s.security.pids_limit = Some(1))),
        ("tmpfs", with(|s| s.security.tmpfs_bytes = Some(1))),
        ("log size", with(|s| s.security.log_max_bytes = Some(1))),
        ("log files", with(|s| s.security.log_max_files = Some(1))),
    ]
}

#[test]
fn golden() {
    let table: String = changes().iter().map(|(what, spec)| format!("{} {what}\n", spec.revision())).collect();
    insta::assert_snapshot!(table);
}

#[test]
fn every_change_gives_another_revision() {
    let changes = changes();
    for (at, (what, spec)) in changes.iter().enumerate() {
        for (other, earlier) in &changes[..at] {
            assert_ne!(spec.revision(), earlier.revision(), "{what} and {other}");
        }
    }
}

#[test]
fn what_needs_no_new_instance_gives_none() {
    let same = [
        with(|s| s.avs = "0x2222222222222222222222222222222222222222".parse().unwrap()),
        with(|s| s.replicas = 7),
        with(|s| s.pull_policy = PullPolicy::Always),
        with(|s| s.image_pull_secrets = vec!["s".into()]),
        with(|s| s.upgrade.ready_deadline = std::time::Duration::ZERO),
        with(|s| s.version = Some("v1".into())),
        with(|s| s.service_account = Some(String::new())),
    ];
    for spec in same {
        assert_eq!(spec.revision(), self::spec().revision(), "{spec:?}");
    }
}

#[test]
fn ways_of_writing_the_same_thing() {
    type Change = fn(&mut PerformerSpec);
    let pairs: [(Change, Change); 5] = [
        (
            |s| s.env = vec![var("A", value("1")), var("B", value("2"))],
            |s| s.env = vec![var("B", value("0")), var("B", value("2")), var("A", value("1"))],
        ),
        (
            |s| s.scheduling.tolerations = vec![toleration("a"), toleration("b")],
            |s| s.scheduling.tolerations = vec![toleration("b"), toleration("a")],
        ),
        (
            |s| s.scheduling.required_nodes = vec![term(&["x", "y"]), term(&["z"])],
            |s| s.scheduling.required_nodes = vec![term(&["z"]), term(&["y", "x"])],
        ),
        (
            |s| drop(s.resources.limits.insert("cpu".into(), quantity("1"))),
            |s| drop(s.resources.limits.insert("cpu".into(), quantity("1000m"))),
        ),
        (
            |s| s.security.add_capabilities = vec!["A".into(), "B".into()],
            |s| s.security.add_capabilities = vec!["B".into(), "A".into()],
        ),
    ];
    for (one, other) in pairs {
        assert_eq!(with(one).revision(), with(other).revision());
        assert_ne!(with(one).revision(), spec().revision());
    }
}
