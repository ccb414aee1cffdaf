//! The gate before a real engine, as the program that operators run.

use std::process::Command;

use hourglass_environment::api::{Answer, Api};
use hourglass_environment::engine;
use hourglass_tests::binaries::Binaries;
use hourglass_tests::running::gate::{Gate, Whose, container};
use serde_json::{Value, json};

use super::images::{TAG, build};

const ID: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";
const NETWORK: &str = "hourglass-5ca1ab1e";
const CONTAINER: &str = "hourglass-5ca1ab1e-square-1";
const FOREIGN: &str = "hourglass-suite-foreign";

/// The gate, and what is asked through it.
struct Proxy(Gate);

impl Proxy {
    fn start() -> Self {
        let mut gate = Gate::closed().unwrap();
        gate.open(engine::shared().unwrap().host(), Whose::Id(ID)).unwrap();
        Self(gate)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        Api::at(&self.0.host()).unwrap().request(method, path, &[], &body).unwrap()
    }

    fn refuses(&self, method: &str, path: &str, body: &Value, rule: &str) {
        let answer = self.call(method, path, body);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 403, "{method} {path}: {text}");
        assert!(text.contains(&format!("(rule {rule})")), "{method} {path}: {text}");
    }

    fn does(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(method, path, body);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!((200..300).contains(&answer.status), "{method} {path}: {}: {text}", answer.status);
        serde_json::from_slice(&answer.body).unwrap_or(Value::String(text))
    }
}

/// Removes what this test may have left on an engine that stays.
fn clear(api: &Api) {
    for path in [format!("/containers/{CONTAINER}?force=true"), format!("/containers/{FOREIGN}?force=true")] {
        let _ = api.delete(&path);
    }
    let _ = api.delete(&format!("/networks/{NETWORK}"));
}

/// With everything that an executor may ask for beyond what it must.
fn body() -> Value {
    let mut body = container(ID, &format!("square-performer:{TAG}"), NETWORK);
    let more = json!({
        "ExposedPorts": { "9090/tcp": {} },
        "Healthcheck": { "Test": ["NONE"] },
        "NetworkingConfig": { "EndpointsConfig": { NETWORK: { "Aliases": ["square-1"] } } },
    });
    let host = json!({
        "Tmpfs": { "/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=1048576" },
        "Memory": 67_108_864,
        "MemorySwap": 67_108_864,
        "CpuPeriod": 100_000,
        "CpuQuota": 50_000,
        "LogConfig": { "Type": "json-file", "Config": { "max-size": "1048576", "max-file": "2" } },
        "PortBindings": { "9090/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] },
    });
    body["HostConfig"].as_object_mut().unwrap().extend(host.as_object().unwrap().clone());
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn a_performer_lives_behind_the_gate_and_nothing_else_does() {
    build();
    let direct = engine::shared().unwrap().api().unwrap();
    clear(&direct);
    direct
        .post(&format!("/containers/create?name={FOREIGN}"), &json!({ "Image": format!("square-performer:{TAG}") }))
        .unwrap();
    let proxy = Proxy::start();
    let none = Value::Null;

    // As an executor deals with its performer.
    assert!(proxy.does("GET", "/version", &none)["ApiVersion"].is_string());
    let network = json!({ "Name": NETWORK, "Driver": "bridge", "Labels": { "hourglass.eigenlayer.io/executor": ID },
        "Options": { "com.docker.network.bridge.enable_icc": "false" } });
    proxy.does("POST", "/networks/create", &network);
    proxy.does("POST", &format!("/containers/create?name={CONTAINER}&platform="), &body());
    proxy.does("POST", &format!("/containers/{CONTAINER}/start"), &none);
    let found = proxy.does("GET", &format!("/v1.41/containers/{CONTAINER}/json?size=false"), &none);
    assert_eq!(found["State"]["Running"], json!(true), "{found}");
    assert_eq!(found["HostConfig"]["CapDrop"], json!(["ALL"]));
    assert_eq!(found["HostConfig"]["CpuQuota"], json!(50_000));
    assert_eq!(found["NetworkSettings"]["Ports"]["9090/tcp"][0]["HostIp"], json!("127.0.0.1"));
    let filters = "%7B%22name%22%3A%5B%22%5E%2Fhourglass-5ca1ab1e-%22%5D%7D";
    let listed = proxy.does("GET", &format!("/containers/json?all=true&size=false&filters={filters}"), &none);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");

    // As one that was taken over would like to.
    let mut privileged = body();
    privileged["HostConfig"]["Privileged"] = json!(true);
    let another = "/containers/create?name=hourglass-5ca1ab1e-square-2";
    proxy.refuses("POST", another, &privileged, "privileged");
    let mut bound = body();
    bound["HostConfig"]["Binds"] = json!(["/:/host"]);
    proxy.refuses("POST", another, &bound, "mounts");
    let mut networked = body();
    networked["HostConfig"]["NetworkMode"] = json!("bridge");
    proxy.refuses("POST", another, &networked, "foreign-network");
    proxy.refuses("POST", &format!("/containers/{CONTAINER}/exec"), &json!({ "Cmd": ["/x"] }), "call");
    proxy.refuses("GET", "/containers/json?all=true", &none, "listing");
    proxy.refuses("DELETE", &format!("/containers/{FOREIGN}?force=true"), &none, "foreign-container");
    proxy.refuses("GET", &format!("/containers/{FOREIGN}/logs?stdout=1"), &none, "foreign-container");
    let blank = proxy.does("GET", &format!("/containers/{FOREIGN}/json"), &none);
    assert!(blank["Id"].is_string() && blank["HostConfig"].is_null() && blank["Config"]["Image"].is_null(), "{blank}");
    assert!(direct.get(&format!("/containers/{FOREIGN}/json")).is_ok(), "it is still there");

    proxy.does("POST", &format!("/containers/{CONTAINER}/stop?t=5"), &none);
    proxy.does("DELETE", &format!("/containers/{CONTAINER}?v=true&force=true&link=false"), &none);
    proxy.does("DELETE", &format!("/networks/{NETWORK}"), &none);

    // Its own health check.
    let asked = Command::new(&Binaries::get().unwrap().executor)
        .args(["healthcheck", "--socket-proxy", &proxy.0.host()])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    clear(&direct);
}

#[test]
fn every_rule_is_explained_and_no_other() {
    let root = hourglass_tests::repository::root();
    let mut stated = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(root.join("adapters/docker/src/proxy")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap().replace(['\n', ' '], "");
            for call in ["forbidden(\"", "unavailable(\"", "refused(\""] {
                stated.extend(text.split(call).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    let text = std::fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("The socket proxy")).unwrap();
    let rules = section.lines().filter(|line| line.starts_with("| *")).filter_map(|line| line.split('|').nth(1));
    let below = section.split("With status 502").nth(1).unwrap();
    let words = rules.chain([below]).flat_map(|cell| cell.split('*').skip(1).step_by(2)).map(str::to_owned);
    assert_eq!(words.collect::<std::collections::BTreeSet<_>>(), stated);
}
