//! From Performers to what the planner is asked for.

use hourglass_core::hardware::{HardwareTables, map};
use hourglass_core::performer::{EnvSource, UpgradeStrategy};
use hourglass_kubernetes::api::{Performer, SchedulingDefaults};
use hourglass_kubernetes::names::{ANNOTATION_ABORT, ANNOTATION_PROMOTE, ANNOTATION_RETRY};
use hourglass_kubernetes::translate::{self, PodExtras, Problem, Translated};
use serde_json::{Value, json};

use super::resources::everything;

fn object(spec: Value) -> Performer {
    let mut whole = json!({ "avsAddress": "0x1234567890abcdef1234567890abcdef12345678", "image": "my-org/p:v1" });
    for (name, value) in spec.as_object().unwrap() {
        whole[name] = value.clone();
    }
    serde_json::from_value(json!({ "metadata": { "name": "my-avs" }, "spec": whole })).unwrap()
}

fn translated(object: &Performer, defaults: Option<Value>) -> Result<Translated, Vec<Problem>> {
    let defaults: Option<SchedulingDefaults> = defaults.map(|defaults| serde_json::from_value(defaults).unwrap());
    translate::performer(object, defaults.as_ref(), &HardwareTables::default())
}

fn good(spec: Value) -> Translated {
    translated(&object(spec), None).unwrap()
}

fn problems(spec: Value) -> Vec<String> {
    translated(&object(spec), None).unwrap_err().iter().map(|p| format!("{} {p}", p.reason)).collect()
}

#[test]
fn everything_arrives() {
    let mut spec = everything();
    // Hardware has tests of its own in core; here it is to agree with the rest.
    spec["resources"]["limits"]["sgx.intel.com/epc"] = json!("1Mi");
    let translated = good(spec);
    let spec = &translated.intent.spec;
    let env: Vec<String> = spec
        .env
        .iter()
        .map(|var| match &var.source {
            EnvSource::Value(value) => format!("{}={}", var.name, value.0),
            other => format!("{}={other:?}", var.name),
        })
        .collect();
    insta::assert_debug_snapshot!((env, spec, translated.executor, translated.headless, translated.aborted));
    let extras = PodExtras::of(spec).unwrap();
    assert!(extras.pod_affinity.is_some() && extras.pod_anti_affinity.is_some());
    assert_eq!(extras.spread.unwrap().max_skew, Some(2));
}

#[test]
fn defaults_are_the_same_written_or_not() {
    let nothing = good(json!({}));
    let written = good(json!({
        "imagePullPolicy": "IfNotPresent", "replicas": 1, "version": "v1",
        "config": { "grpcPort": 9090, "environment": {}, "serviceAccountName": "" },
        "resources": {}, "hardwareRequirements": { "gpuCount": 0, "teeRequired": false, "teeType": "" },
        "scheduling": { "runtimeClass": "", "affinity": { "podAffinity": {} } },
        "upgradeStrategy": { "type": "RollingUpdate", "readyDeadlineSeconds": 300, "drainDeadlineSeconds": 60, "stopGraceSeconds": 10 },
        "security": { "runAsUser": 65532, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false },
        "spread": { "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway" },
        "service": { "headless": false },
    }));
    assert_eq!(nothing.intent.spec.revision(), written.intent.spec.revision());
    assert_eq!(nothing.intent.spec.upgrade, written.intent.spec.upgrade);
    assert_eq!(nothing.intent.spec.port.map(std::num::NonZeroU16::get), Some(9090));
    assert!(written.notes.is_empty(), "{:?}", written.notes);
}

#[test]
fn whatever_matters_to_a_pod_is_another_revision() {
    let base = good(json!({})).intent.spec.revision();
    let near = json!({ "requiredDuringSchedulingIgnoredDuringExecution": [{ "topologyKey": "zone" }] });
    for spec in [
        json!({ "image": "my-org/p:v2" }),
        json!({ "version": "v2" }),
        json!({ "config": { "grpcPort": 9091 } }),
        json!({ "config": { "environment": { "A": "" } } }),
        json!({ "scheduling": { "affinity": { "podAffinity": near } } }),
        json!({ "scheduling": { "affinity": { "podAntiAffinity": near } } }),
        json!({ "scheduling": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
            { "weight": 1, "preference": { "matchExpressions": [{ "key": "a", "operator": "Exists" }] } }] } } }),
        json!({ "spread": { "maxSkew": 2 } }),
        json!({ "security": { "runAsUser": 0 } }),
    ] {
        assert_ne!(good(spec.clone()).intent.spec.revision(), base, "{spec}");
    }
    for spec in [
        json!({ "replicas": 5 }),
        json!({ "executorRef": "e" }),
        json!({ "upgradeStrategy": { "type": "BlueGreen" } }),
        json!({ "service": { "headless": true } }),
        json!({ "imagePullPolicy": "Always" }),
    ] {
        assert_eq!(good(spec.clone()).intent.spec.revision(), base, "{spec}");
    }
}

#[test]
fn of_several_variables_with_one_name_the_reference_wins() {
    let from = json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }]);
    let both = good(json!({ "config": { "environment": { "A": "1" }, "environmentFrom": from } }));
    let one = good(json!({ "config": { "environmentFrom": from } }));
    assert_eq!(both.intent.spec.revision(), one.intent.spec.revision());
    assert!(matches!(both.intent.spec.env.last().unwrap().source, EnvSource::SecretKey { .. }));
}

#[test]
fn both_spellings_of_affinity_and_the_default_of_the_executor_hold_together() {
    let terms = |key: &str| {
        json!({ "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchExpressions": [{ "key": key, "operator": "Exists" }] }, { "matchExpressions": [{ "key": key, "operator": "In", "values": ["x"] }] }] } })
    };
    let object = object(json!({ "scheduling": {
        "affinity": { "nodeAffinity": terms("a") }, "nodeAffinity": terms("b"),
        "nodeSelector": { "disk": "ssd", "own": "1" }, "tolerations": [{ "key": "t", "operator": "Exists" }] } }));
    let defaults = json!({
        "nodeSelector": { "disk": "hdd", "default": "1" }, "nodeAffinity": terms("c"), "runtimeClass": "gvisor",
        "tolerations": [{ "key": "t", "operator": "Exists" }, { "key": "u", "operator": "Exists" }] });
    let scheduling = translated(&object, Some(defaults)).unwrap().intent.spec.scheduling;
    assert_eq!(scheduling.required_nodes.len(), 8, "two alternatives of each of three");
    for term in &scheduling.required_nodes {
        let keys: Vec<&str> = term.labels.iter().map(|label| label.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
    }
    let labels: Vec<String> = scheduling.node_selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(labels, ["default=1", "disk=ssd", "own=1"], "the performer's own label wins");
    assert_eq!(scheduling.tolerations.len(), 2);
    assert_eq!(scheduling.runtime_class.as_deref(), Some("gvisor"));
}

#[test]
fn extras_survive_the_history() {
    let near = json!({ "requiredDuringSchedulingIgnoredDuringExecution": [{ "topologyKey": "zone" }] });
    let spec = good(json!({ "scheduling": { "affinity": { "podAntiAffinity": near } } })).intent.spec;
    let again = serde_json::from_value(serde_json::to_value(&spec).unwrap()).unwrap();
    assert_eq!(PodExtras::of(&again).unwrap(), PodExtras::of(&spec).unwrap());
    let mut newer = spec;
    newer.scheduling.extras.insert("podAffinity".into(), "[]".into());
    assert!(PodExtras::of(&newer).unwrap_err().to_string().contains("podAffinity"));
}

#[test]
fn hardware_that_cannot_be_expressed_fails_with_the_reason_of_core() {
    for (spec, reason, path) in [
        (json!({ "hardwareRequirements": { "gpuType": "z9000", "gpuCount": 1 } }), "UnknownGpuType", "gpuType"),
        (json!({ "hardwareRequirements": { "teeRequired": true } }), "TeeTypeMissing", "teeType"),
        (json!({ "hardwareRequirements": { "teeType": "nitro" } }), "UnknownTeeType", "teeType"),
        (
            json!({ "hardwareRequirements": { "gpuCount": 2 }, "resources": { "limits": { "nvidia.com/gpu": 1 } } }),
            "GpuCountsDiffer",
            "gpuCount",
        ),
    ] {
        let found = problems(spec);
        assert!(found.len() == 1 && found[0].starts_with(reason) && found[0].contains(path), "{found:?}");
    }
    // What the operator's own tables add is known.
    let mut tables = HardwareTables::default();
    let model = tables.gpu_models["nvidia-a100"].clone();
    tables.gpu_models.insert("z9000".into(), model);
    let object = object(json!({ "hardwareRequirements": { "gpuType": "Z9000", "gpuCount": 1 } }));
    let spec = translate::performer(&object, None, &tables).unwrap().intent.spec;
    assert!(map(&spec.hardware, &spec.resources, &spec.scheduling, &tables).is_ok());
}

#[test]
fn every_problem_is_said_at_once() {
    let spec = json!({
        "avsAddress": "0x12", "image": "a b", "replicas": -1,
        "config": { "grpcPort": 0, "environment": { "": "1" }, "environmentFrom": [{ "name": "A=" }] },
        "resources": { "limits": { "cpu": "many", "memory": "1Gi" }, "requests": { "memory": "2Gi" } },
        "scheduling": { "tolerations": [{}], "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [] } } },
        "hardwareRequirements": { "gpuCount": -1 },
        "upgradeStrategy": { "readyDeadlineSeconds": 0 },
        "security": { "runAsUser": -1, "addCapabilities": ["CAP_X"], "tmpSize": "big" },
    });
    insta::assert_snapshot!(problems(spec).join("\n"));
}

#[test]
fn what_people_ask_for_while_an_upgrade_is_under_way() {
    let wanted = good(json!({})).intent.spec.revision();
    let with = |annotations: Value, options: Value| {
        let mut object = object(json!({ "upgradeStrategy": options }));
        object.metadata.annotations = serde_json::from_value(annotations).unwrap();
        translated(&object, None).unwrap()
    };
    let none = with(json!({}), json!({}));
    assert_eq!((none.intent.promoted, none.intent.retry, none.aborted), (None, 0, false));
    let strategy = with(json!({}), json!({ "type": "BlueGreen" })).intent.spec.upgrade.strategy;
    assert_eq!(strategy, UpgradeStrategy::BlueGreen);

    let by_field = with(json!({}), json!({ "promote": wanted }));
    assert_eq!(by_field.intent.promoted.as_ref(), Some(&wanted));
    let by_annotation = with(json!({ ANNOTATION_PROMOTE: wanted }), json!({ "promote": "0123456789" }));
    assert_eq!(by_annotation.intent.promoted.as_ref(), Some(&wanted), "the one that names the wanted revision");
    let wrong = with(json!({ ANNOTATION_PROMOTE: "v2" }), json!({}));
    assert_eq!(wrong.intent.promoted, None);
    assert!(wrong.notes[0].remedy.contains(wanted.as_str()), "{:?}", wrong.notes);

    let aborted = with(json!({ ANNOTATION_ABORT: wanted }), json!({ "promote": wanted }));
    assert!(aborted.aborted && aborted.intent.promoted.is_none());
    assert!(!with(json!({}), json!({ "abort": "0123456789" })).aborted, "of another revision");

    let retries = [
        with(json!({}), json!({ "retry": 1 })),
        with(json!({}), json!({ "retry": 2 })),
        with(json!({ ANNOTATION_RETRY: "now" }), json!({})),
        with(json!({ ANNOTATION_RETRY: "again" }), json!({})),
    ];
    let numbers: std::collections::BTreeSet<u32> = retries.iter().map(|it| it.intent.retry).collect();
    assert_eq!(numbers.len(), 4);
}

#[test]
fn an_upgrade_that_was_called_off_plans_with_what_served_before() {
    let old = good(json!({ "replicas": 1 })).intent.spec;
    let good_history = serde_json::from_value(json!({
        "version": 1, "good": { "revision": old.revision(), "spec": old, "since": 0 } }));
    let history: hourglass_core::lifecycle::History = good_history.unwrap();
    let new = json!({ "image": "my-org/p:v2", "replicas": 3 });
    let wanted = good(new.clone()).intent.spec.revision();
    let plain = translated(&object(new.clone()), None).unwrap();
    assert_eq!(plain.to_plan(&history), plain.intent);
    let mut object = object(new);
    object.metadata.annotations = Some([(ANNOTATION_ABORT.to_owned(), wanted.to_string())].into());
    let aborted = translated(&object, None).unwrap();
    let plan = aborted.to_plan(&history);
    assert_eq!((plan.spec.revision(), plan.spec.replicas), (old.revision(), 3));
    assert_eq!(aborted.to_plan(&Default::default()), aborted.intent, "nothing served before");
}
