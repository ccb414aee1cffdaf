use hourglass_cluster::Namespace;
use hourglass_core::performer::Revision;
use hourglass_kubernetes::build::{self, Site};
use hourglass_kubernetes::observe::{Difference, Maker, PodRecord, ServiceRecord};
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::{AVS, UID, accepted, apply, create, in_site, patch, read, restricted, spec};

fn service(namespace: &Namespace, revision: &Revision, port: u16, headless: bool) -> Service {
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
