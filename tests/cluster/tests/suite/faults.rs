//! What becomes of a cluster whose parts are killed, frozen, cut off, made to forget.

use std::time::Duration;

use anyhow::{Result, ensure};
use hourglass_cluster::{Api, Cluster, ClusterOptions};
use hourglass_environment::waiting::until;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn write(api: &Api, name: &str) -> Result<Value> {
    api.create(MAPS, &json!({ "metadata": { "name": name } }))
}

#[test]
fn a_killed_api_server_comes_back_at_its_address_with_all_it_knew() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    write(cluster.api(), "kept").unwrap();
    let first = cluster.apiserver().pid().unwrap();
    cluster.apiserver().kill().unwrap();
    assert_eq!(cluster.apiserver().pid().unwrap(), None);
    cluster.api().get(MAPS).unwrap_err();
    let server = cluster.server();
    cluster.apiserver().start().unwrap();
    assert_eq!(cluster.server(), server);
    assert_ne!(cluster.apiserver().pid().unwrap(), first);
    cluster.api().get(&format!("{MAPS}/kept")).unwrap();
    // Starting what runs changes nothing.
    let second = cluster.apiserver().pid().unwrap();
    cluster.apiserver().start().unwrap();
    assert_eq!(cluster.apiserver().pid().unwrap(), second);
}

#[test]
fn with_a_frozen_etcd_nothing_is_written_and_then_it_is() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    cluster.etcd().freeze().unwrap();
    let impatient = cluster.api().clone().silence(Duration::from_secs(2));
    write(&impatient, "early").unwrap_err();
    cluster.etcd().thaw().unwrap();
    until("etcd answers again", SOON, || write(cluster.api(), "late")).unwrap();
}

#[test]
fn a_frozen_api_server_accepts_and_never_answers() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    cluster.apiserver().freeze().unwrap();
    let impatient = cluster.api().clone().silence(Duration::from_secs(1));
    let silent = format!("{:#}", impatient.get("/version").unwrap_err());
    assert!(!silent.contains("refused"), "{silent}");
    cluster.apiserver().thaw().unwrap();
    until("it answers again", SOON, || cluster.api().get("/version")).unwrap();
}

#[test]
fn what_was_before_a_compaction_is_gone() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    let old = write(cluster.api(), "first").unwrap();
    let old = old.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap().to_owned();
    write(cluster.api(), "second").unwrap();
    // What the API server remembers itself is no history of etcd.
    cluster.apiserver().kill().unwrap();
    cluster.apiserver().start().unwrap();
    let query = format!("{MAPS}?resourceVersion={old}&resourceVersionMatch=Exact");
    let then = cluster.api().get(&query).unwrap().to_string();
    assert!(then.contains("\"first\"") && !then.contains("\"second\""), "{then}");
    cluster.compact().unwrap();
    let answer = cluster.api().request("GET", &query, "application/json", &[]).unwrap();
    assert_eq!(answer.status, 410, "{}", String::from_utf8_lossy(&answer.body));
    let watch = format!("{MAPS}?watch=true&timeoutSeconds=1&resourceVersion={old}");
    let answer = cluster.api().request("GET", &watch, "application/json", &[]).unwrap();
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(said.contains("\"code\":410"), "{} {said}", answer.status);
}

#[test]
fn a_second_api_server_can_be_stale() {
    let options = ClusterOptions { second_apiserver: true, ..ClusterOptions::bare() };
    let cluster = Cluster::start(&options).unwrap();
    let second = cluster.second_kubeconfig();
    let second = second.to_str().unwrap();
    let names = || -> Result<String> {
        // What it has in mind, without asking etcd.
        cluster.kubectl(&["--kubeconfig", second, "get", "--raw", &format!("{MAPS}?resourceVersion=0")])
    };
    write(cluster.api(), "before").unwrap();
    let knows = |name: &str| {
        let text = names()?;
        ensure!(text.contains(&format!("\"name\":\"{name}\"")), "{text}");
        Ok(())
    };
    until("the second learns of it", SOON, || knows("before")).unwrap();
    cluster.hold_second_apiserver().unwrap();
    write(cluster.api(), "meanwhile").unwrap();
    // The first knows it at once; so the second had the time to, were it not held.
    cluster.api().get(&format!("{MAPS}/meanwhile")).unwrap();
    knows("before").unwrap();
    knows("meanwhile").unwrap_err();
    cluster.release_second_apiserver().unwrap();
    until("the second catches up", SOON, || knows("meanwhile")).unwrap();
}

#[test]
fn controllers_that_are_stopped_go_on_where_they_were() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let controllers = cluster.part(hourglass_cluster::Component::ControllerManager);
    controllers.stop().unwrap();
    cluster.api().create("/api/v1/namespaces", &json!({ "metadata": { "name": "waiting" } })).unwrap();
    let account = || cluster.api().get("/api/v1/namespaces/waiting/serviceaccounts/default");
    account().unwrap_err();
    controllers.start().unwrap();
    until("the account is made", SOON, account).unwrap();
}
