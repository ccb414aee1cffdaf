use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Health, Instance, InstanceState, Intent, Owner, plan};
use hourglass_core::performer::InstanceName;
use hourglass_kubernetes::api::Performer;
use hourglass_kubernetes::status::{self, View};
use serde_json::json;

use super::{AVS, create, name, patch, read, spec};
use crate::online::cluster;

#[test]
fn a_status_is_found_as_it_was_written() {
    let namespace = cluster().namespace("status").unwrap();
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
    let instance = |suffix, ready: bool| Instance {
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
        let later = View { object: &written, ..view };
        assert_eq!(status::patch(written.status.as_ref(), &status::status(&later), "1"), None, "nothing more to write");
        assert_eq!(status::history(written.status.as_ref()).unwrap(), planned.history);
        stale = version;
    }
    let late = json!({"metadata": {"resourceVersion": stale}, "status": {"phase": "Failed"}});
    let refused = patch(&namespace, what, &late, &["--subresource=status"]).unwrap_err();
    assert!(refused.contains("the object has been modified"), "{refused}");
}
