//! What a real kubelet and a real scheduler say of pods that do not come up, and what the planner is told.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use hourglass_cluster::{Cluster, ClusterOptions, Namespace};
use hourglass_core::lifecycle::{ExitCause, Health, Instance, InstanceState, StartDelay};
use hourglass_core::performer::{EnvSource, EnvVar, PerformerSpec, PullPolicy};
use hourglass_environment::image::Image;
use hourglass_environment::waiting::until;
use hourglass_environment::{program, statics};
use hourglass_kubernetes::observe::{self, PodRecord, Viewer};
use serde_json::{Value, json};

use super::{UID, create, name, pod, read, spec};

const IMAGE: &str = "hourglass.local/guest:1";
const NAMED_USER: &str = "hourglass.local/guest:named-user";
const SOON: Duration = Duration::from_secs(240);

/// A pod, what is to be told of it at last, and words that must be in it.
type Case = (&'static str, PerformerSpec, fn(&mut Value), &'static str, &'static str);

fn unchanged(_: &mut Value) {}

/// As a pod would be that somebody else's webhook changed.
fn whatever_user(pod: &mut Value) {
    let context = pod["spec"]["securityContext"].as_object_mut().unwrap();
    context.remove("runAsUser");
    context.remove("runAsGroup");
}

fn cases() -> Vec<Case> {
    let with = |change: &dyn Fn(&mut PerformerSpec)| {
        let mut spec = spec();
        spec.image = IMAGE.parse().unwrap();
        spec.pull_policy = PullPolicy::Never;
        spec.args = vec!["wait".into()];
        change(&mut spec);
        spec
    };
    let args = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        with(&|spec| spec.args.clone_from(&words))
    };
    let command = |path: &str| with(&|spec| spec.command = vec![path.to_owned()]);
    let image = |image: &str, policy| {
        with(&|spec| {
            spec.image = image.parse().unwrap();
            spec.pull_policy = policy;
        })
    };
    let from = |source: EnvSource| with(&|spec| spec.env = vec![EnvVar { name: "A".into(), source: source.clone() }]);
    let secret = |name: &str, key: &str| from(EnvSource::SecretKey { secret: name.into(), key: key.into() });
    let map = |name: &str, key: &str| from(EnvSource::ConfigMapKey { config_map: name.into(), key: key.into() });
    let asks = |resource: &str, amount: &str| {
        with(&|spec| spec.resources.limits = [(resource.to_owned(), amount.parse().unwrap())].into())
    };
    let eats = with(&|spec| {
        spec.args = vec!["eat".into()];
        spec.resources.limits = [("memory".to_owned(), "32Mi".parse().unwrap())].into();
    });
    vec![
        ("runs, serves nothing", with(&|_| ()), unchanged, "NotReady", "has not succeeded yet"),
        ("ends", args(&["exit", "3", "starting", "no key"]), unchanged, "Exited", "code 3, starting | no key"),
        ("ends well", args(&["exit", "0", "done"]), unchanged, "Exited", "code 0"),
        ("signal", args(&["abort"]), unchanged, "Killed", "ended by signal"),
        ("memory", eats, unchanged, "OutOfMemory", "memory"),
        ("no such command", command("/nope"), unchanged, "refused CommandNotFound", "/nope"),
        ("not executable", command("/data"), unchanged, "refused CommandNotExecutable", "permission denied"),
        ("no program", command("/text"), unchanged, "refused ImagePlatformMismatch", "exec format error"),
        ("no secret", secret("missing", "a"), unchanged, "failed SecretNotFound", "\"missing\" not found"),
        ("no key", secret("there", "missing"), unchanged, "failed SecretKeyNotFound", "key missing in Secret"),
        ("no map", map("missing", "a"), unchanged, "failed ConfigMapNotFound", "\"missing\" not found"),
        ("no key of it", map("there", "missing"), unchanged, "failed ConfigMapKeyNotFound", "key missing in ConfigMap"),
        (
            "never pulled",
            image("hourglass.local/none:1", PullPolicy::Never),
            unchanged,
            "refused ImageNotPresent",
            "node",
        ),
        ("no reference", image("A::b", PullPolicy::IfNotPresent), unchanged, "refused ImageReferenceInvalid", "A::b"),
        (
            "no registry",
            image("127.0.0.1:1/p:1", PullPolicy::Always),
            unchanged,
            "Pulling",
            "ImagePullFailed: 127.0.0.1:1/p:1",
        ),
        ("root", with(&|_| ()), whatever_user, "refused ImageRunsAsRoot", "will run as root"),
        (
            "a user by name",
            image(NAMED_USER, PullPolicy::Never),
            whatever_user,
            "refused ImageRunsAsRoot",
            "set security.runAsUser to its number",
        ),
        ("no such node", asks("cpu", "1000"), unchanged, "Unschedulable", "it needs a node with cpu 1k"),
        ("no such device", asks("example.com/quantum", "1"), unchanged, "Unschedulable", "example.com/quantum 1"),
    ]
}

/// In the words of the cases: what the planner is told.
fn told(instance: &Instance) -> (String, String) {
    match (&instance.state, &instance.health) {
        (InstanceState::Starting { waiting_for: None }, _) => ("Starting".into(), String::new()),
        (InstanceState::Starting { waiting_for: Some(StartDelay::Pulling { detail }) }, _) => {
            ("Pulling".into(), detail.clone())
        }
        (InstanceState::Starting { waiting_for: Some(StartDelay::Unschedulable { detail }) }, _) => {
            ("Unschedulable".into(), detail.clone())
        }
        (InstanceState::Running, Health::NotReady { reason, .. }) => ("NotReady".into(), reason.clone()),
        (InstanceState::Running, _) => ("Running".into(), String::new()),
        (InstanceState::Stopping, _) => ("Stopping".into(), String::new()),
        (InstanceState::Exited { cause, output, .. }, _) => {
            let kind = match cause {
                ExitCause::Refused { .. } => "refused ",
                ExitCause::StartFailed { .. } => "failed ",
                _ => "",
            };
            let words = output.as_ref().map(|output| format!(", {output}")).unwrap_or_default();
            (format!("{kind}{}", cause.reason()), format!("{cause}{words}"))
        }
    }
}

#[test]
fn what_a_kubelet_says_is_understood() {
    let cluster = Cluster::start(&ClusterOptions::real()).unwrap();
    for image in images() {
        cluster.load(&image).unwrap();
    }
    let namespace = cluster.namespace("words").unwrap();
    let label = "pod-security.kubernetes.io/enforce=restricted";
    cluster.kubectl(&["label", "namespace", namespace.name(), label]).unwrap();
    let metadata = json!({"name": "there"});
    create(&namespace, &json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "b"}}));
    create(&namespace, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}));
    let cases = cases();
    let mut names = Vec::new();
    for ((what, spec, change, ..), suffix) in cases.iter().zip(0..) {
        let mut made = pod(&namespace, spec, suffix);
        change(&mut made);
        names.push(made["metadata"]["name"].as_str().unwrap().to_owned());
        let text = made.to_string();
        namespace.kubectl_with(&["create", "--filename=-"], &text).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }
    let outcome = until("every pod has come to its end", SOON, || missing(&namespace, &cases, &names));
    outcome.unwrap();
}

/// Reads every pod once; an error names those of which something else is told.
fn missing(namespace: &Namespace, cases: &[Case], names: &[String]) -> anyhow::Result<()> {
    let list: Value = read(namespace, "pods");
    let (name, drained) = (name(), BTreeSet::new());
    let viewer = Viewer { performer: &name, uid: UID, service: None, drained: &drained };
    let mut others = String::new();
    for ((what, _, _, wanted, words), pod_name) in cases.iter().zip(names) {
        let found = list["items"].as_array().unwrap().iter().find(|pod| pod["metadata"]["name"] == pod_name.as_str());
        let record: PodRecord = serde_json::from_value(found.unwrap().clone()).unwrap();
        let (kind, said) = told(&observe::instance(&record, &viewer).unwrap());
        if kind != *wanted || !said.contains(words) {
            writeln!(others, "{what}: wanted {wanted} ({words}), told {kind} ({said}): {:?}", record.container)?;
        }
    }
    anyhow::ensure!(others.is_empty(), "{others}");
    Ok(())
}

fn images() -> [Image; 2] {
    let folder = tempfile::tempdir().unwrap();
    let built = folder.path().join("guest");
    statics::compile(&program::checkout().join("adapters/kubernetes/tests/suite/objects/guest.rs"), &built).unwrap();
    let program = std::fs::read(built).unwrap();
    let image = |name: &str| Image::new(name).file("/guest", program.clone(), 0o755).entrypoint(["/guest"]);
    let plain = image(IMAGE).file("/data", "x", 0o644).file("/text", "neither a script nor a program", 0o755);
    [plain, image(NAMED_USER).user("nobody")]
}
