//! `deploy/config`: the operator's manifests, applied as its documentation says, and what they allow it to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use hourglass_cluster::tools::{self, Tool};
use hourglass_cluster::{Audit, Cluster, ClusterOptions, Event};
use hourglass_kubernetes::connection::{NEEDED, RightScope};
use hourglass_tests::binaries::Binaries;
use hourglass_tests::process_group::ProcessGroup;
use hourglass_tests::waiting::until;
use hourglass_tests::{repository, yaml};
use serde_json::{Value, json};

const SERVICE_ACCOUNT: &str = "system:serviceaccount:hourglass-system:operator";
const GROUPS: [&str; 3] = ["system:serviceaccounts", "system:serviceaccounts:hourglass-system", "system:authenticated"];
const LIMIT: Duration = Duration::from_secs(60);

fn manifest(path: &str) -> Value {
    let file = repository::root().join("deploy/config").join(path);
    yaml::read(&fs::read_to_string(&file).unwrap()).unwrap()
}

/// `kubectl`, word for word as the documentation has it, where it says to run it: in `deploy/`.
fn in_deploy(cluster: &Cluster, command: &str) -> String {
    let output = Command::new(tools::path(Tool::Kubectl).unwrap())
        .args(command.split_whitespace())
        .current_dir(repository::root().join("deploy"))
        .env("KUBECONFIG", cluster.kubeconfig())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "kubectl {command}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One of our own, whatever cluster the user has: operators are installed in it, and its audit log is read.
fn own() -> &'static Cluster {
    static OWN: OnceLock<Cluster> = OnceLock::new();
    OWN.get_or_init(|| Cluster::start(&ClusterOptions::default()).unwrap())
}

/// Once in this process.
fn install() -> &'static Cluster {
    static INSTALLED: OnceLock<&'static Cluster> = OnceLock::new();
    INSTALLED.get_or_init(apply)
}

fn apply() -> &'static Cluster {
    let cluster = own();
    for folder in ["config/crd/bases/", "config/rbac/", "config/operator/"] {
        in_deploy(cluster, &format!("apply -f {folder}"));
    }
    let resources = ["performers", "hourglassexecutors"].map(|name| format!("crd/{name}.hourglass.eigenlayer.io"));
    for resource in resources {
        in_deploy(cluster, &format!("wait --for=condition=Established --timeout=60s {resource}"));
    }
    cluster
}

type Rules = BTreeSet<(String, String, String)>;

/// Group, resource and verb of every rule.
fn rules(role: &Value) -> Rules {
    let texts = |rule: &Value, key: &str| -> Vec<String> {
        rule[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut found = Rules::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                found.extend(texts(rule, "verbs").into_iter().map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    found
}

fn needed(scope: RightScope) -> Rules {
    let rights = NEEDED.iter().filter(|right| right.scope == scope);
    let each = rights.flat_map(|right| {
        let resource = right.resource.plural;
        let resource = right.subresource.map_or_else(|| resource.to_owned(), |part| format!("{resource}/{part}"));
        right.verbs.iter().map(move |verb| (right.resource.group.to_owned(), resource.clone(), (*verb).to_owned()))
    });
    each.collect()
}

#[test]
fn the_roles_hold_what_the_operator_checks_at_its_start_and_no_more() {
    assert_eq!(rules(&manifest("rbac/cluster_role.yaml")), needed(RightScope::Watched));
    let role = manifest("rbac/role.yaml");
    assert_eq!(rules(&role), needed(RightScope::Own));
    for rule in role["rules"].as_array().unwrap() {
        let creates = rule["verbs"] == json!(["create"]);
        assert!(creates || rule["resourceNames"] == json!([hourglass_kubernetes::names::LEASE]), "{rule}");
    }
}

#[test]
fn the_deployment_is_the_same_by_both_paths_and_runs_this_version() {
    let deployment = manifest("manager/manager.yaml");
    assert_eq!(deployment, manifest("operator/operator.yaml"));
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], format!("hourglass-operator:{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(container["command"], json!(["/manager"]));
    let metadata = &deployment["metadata"];
    assert_eq!((&metadata["name"], &metadata["namespace"]), (&json!("hourglass-operator"), &json!("hourglass-system")));
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"]["app"], "hourglass-operator");
    assert_eq!(deployment["spec"]["template"]["spec"]["serviceAccountName"], "operator");
}

/// The namespace enforces Pod Security `restricted`, and a ReplicaSet makes the pod: it is refused where it does not meet it.
#[test]
fn what_the_documentation_says_to_apply_is_applied_and_its_pod_is_admitted() {
    let cluster = install();
    until("the operator's pod is made", LIMIT, || {
        let pods = in_deploy(cluster, "get pods -n hourglass-system -l app=hourglass-operator -o name");
        (!pods.is_empty()).then_some(()).context("not yet")
    })
    .unwrap();
    // Applied once more, nothing changes.
    let again = in_deploy(cluster, "apply -f config/operator/");
    assert!(again.contains("unchanged"), "{again}");
}

/// The binary, as the service account that the manifests make and with the roles that they give it.
#[test]
fn the_operator_does_its_work_with_the_rights_that_it_is_given() {
    let cluster = install();
    let namespace = cluster.namespace("rights").unwrap();
    let kubeconfig = cluster.kubeconfig_for(SERVICE_ACCOUNT, &GROUPS).unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let audit = cluster.audit().from_now();
    let mut command = Command::new(&Binaries::get().unwrap().operator);
    command
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .args(["--namespace", "hourglass-system", "--metrics-bind-address=0", "--health-probe-bind-address=0"])
        .stdin(Stdio::null())
        .stdout(log.reopen().unwrap())
        .stderr(log.reopen().unwrap());
    let _operator = ProcessGroup::spawn(&mut command).unwrap();
    let said = || fs::read_to_string(log.path()).unwrap();
    let performer = json!({
        "apiVersion": "hourglass.eigenlayer.io/v1alpha1",
        "kind": "Performer",
        "metadata": { "name": "example" },
        "spec": { "avsAddress": "0x1234567890abcdef1234567890abcdef12345678", "image": "example/performer:v1", "replicas": 2 },
    });
    namespace.kubectl_with(&["apply", "-f", "-"], &performer.to_string()).unwrap();
    let names = |kind: &str| namespace.kubectl(&["get", kind, "-o", "name"]).unwrap();
    let what = "two pods, a Service and a budget are made";
    let made = until(what, LIMIT, || {
        let pods = names("pods").lines().count() == 2;
        (pods && names("services").contains("performer-example") && !names("pdb").is_empty())
            .then_some(())
            .context("not yet")
    });
    made.unwrap_or_else(|error| panic!("{error:#}\n{}", said()));
    for pod in names("pods").lines() {
        let address = json!([{ "ip": "10.0.0.7" }]);
        let container = json!([{
            "name": "performer", "ready": true, "restartCount": 0, "image": "example/performer:v1", "imageID": "",
            "started": true, "state": { "running": { "startedAt": "2026-11-23T00:00:00Z" } },
        }]);
        let conditions = json!([
            { "type": "PodScheduled", "status": "True" },
            { "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T00:00:00Z" },
        ]);
        let status = json!({ "status": {
            "phase": "Running", "podIP": "10.0.0.7", "podIPs": address, "containerStatuses": container, "conditions": conditions,
        }});
        namespace.kubectl(&["patch", pod, "--subresource=status", "--type=merge", "-p", &status.to_string()]).unwrap();
    }
    let ready = ["wait", "--for=condition=Ready", "--timeout=60s", "performer/example"];
    namespace.kubectl(&ready).unwrap_or_else(|error| panic!("{error:#}\n{}", said()));
    namespace.kubectl(&["delete", "performer", "example", "--wait=false"]).unwrap();
    // Nobody plays a node that would end them.
    until("its pods are told to go", LIMIT, || {
        let going = ["get", "pods", "-o", "jsonpath={.items[*].metadata.deletionTimestamp}"];
        let left = namespace.kubectl(&going).unwrap();
        (left.split_whitespace().count() == names("pods").lines().count()).then_some(()).context("not yet")
    })
    .unwrap();
    namespace.kubectl(&["delete", "pods", "--all", "--force", "--grace-period=0"]).unwrap();
    until("it is gone", LIMIT, || names("performers").is_empty().then_some(()).context("not yet"))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", said()));
    assert!(!said().contains("permissions are missing"), "{}", said());
    let refused: BTreeMap<String, u16> = own_requests(&audit)
        .into_iter()
        .filter(|event| event.response_status.code == 403)
        .map(|event| (format!("{} {}", event.verb, event.request), event.response_status.code))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Of the operator that runs with the manifests' service account.
fn own_requests(audit: &Audit) -> Vec<Event> {
    audit.events().unwrap().into_iter().filter(|event| event.user.username == SERVICE_ACCOUNT).collect()
}
