//! The socket proxy between an executor and a real engine: everything that the executor does works through it, and nothing
//! that it does not do.

use std::sync::Arc;

use hourglass_environment::api::Api;
use hourglass_tests::running::caller::{connect, deploy_this, performers, proof};
use hourglass_tests::running::containers::{self, Containers};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::gate::{Gate, Whose, container};
use hourglass_tests::running::load::Load;
use hourglass_tests::running::site::{Avs, OnEngine, Site};
use hourglass_tests::running::web;
use hourglass_tests::waiting::until_async;
use serde_json::{Value, json};

use super::upgrading::{command, stage};
use super::{PATIENCE, answer, artifact, ground};

/// A site whose executor knows no other way to the engine. The gate is closed; it has to outlive the site.
fn behind(gate: &Gate, avs: impl IntoIterator<Item = Avs>) -> Site {
    Site::docker(OnEngine { host: gate.host(), image: ground().image.clone() }, avs).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_does_all_it_does() {
    let mut gate = Gate::closed().unwrap();
    let mut site = behind(
        &gate,
        [Avs::ecdsa().line("upgrade: {strategy: BlueGreen}"), Avs::bn254().line("upgrade: {ready_deadline: 10s}")],
    );
    let executor = Executor::spawn(&site).unwrap();
    // The executor is first, as Compose may have it: it makes its id without an engine.
    gate.open(ground().host(), Whose::Site(&site)).unwrap();
    let mut executor = executor;
    executor.serving().await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let first = containers.settled(2, PATIENCE).await.unwrap();
    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "behind the gate").await, "9");
    }

    // Upgraded under load by an image that is pulled; one that fails says its last words, which are in its log.
    let avs = site.avs[1].clone();
    let api = connect(&site).await.unwrap();
    {
        let other = site.avs[0].clone();
        let shared = Arc::new(site);
        let load = Load::start(&shared, &other, 50, "gate").await.unwrap();
        let deployed = deploy_this(&shared, &api, artifact(&avs, &[("COUNT_IN_ANSWER", "1")])).await.unwrap();
        assert!(deployed.success, "{deployed:?}");
        let refused = deploy_this(&shared, &api, artifact(&avs, &[("CRASH_AT_START", "1")])).await.unwrap_err();
        assert!(refused.message.contains("crashing at start, as told"), "{refused:?}");
        let (sent, _) = load.finish().await.unwrap();
        assert!(sent.failed.is_empty() && sent.answered > 10, "{sent:?}");
        site = Arc::into_inner(shared).unwrap();
    }
    assert_eq!(answer(&site, &avs, "upgraded").await, "9#run1");

    // Blue and green.
    let staged = stage(&mut site, &executor, "2").await;
    let promoted = command(&site, &["promote", &staged]).await;
    assert_eq!(promoted.code, Some(0), "{promoted:?}");
    let green = until_async("the promoted one alone", PATIENCE, async || {
        let now = containers.all().await?;
        let of_it: Vec<_> = now.iter().filter(|container| container.performer == site.avs[0].name).collect();
        anyhow::ensure!(of_it.len() == 1 && !first.contains(of_it[0]), "{now:#?}");
        Ok(now)
    });
    green.await.unwrap();
    assert_eq!(answer(&site, &site.avs[0], "promoted").await, "9");

    // One dies: its end is heard of and its remains are removed.
    let before = containers.settled(2, PATIENCE).await.unwrap();
    containers.kill(&before[0].id, "SIGKILL").await.unwrap();
    let after = until_async("another container", PATIENCE, async || {
        let now = containers.settled(2, PATIENCE).await?;
        anyhow::ensure!(now.iter().all(|container| container.id != before[0].id), "{now:#?}");
        Ok(now)
    });
    let after = after.await.unwrap();

    // The engine may know of it before the executor does.
    assert_eq!(answer(&site, &site.avs[0], "replaced").await, "9");
    assert_eq!(answer(&site, &avs, "replaced").await, "9#run1");

    // The gate goes: what serves serves, and what dies is replaced when it is back. The executor goes: all are adopted.
    gate.kill();
    let lost = until_async("the engine's loss", PATIENCE, async || {
        let metrics = web::get(site.ports.metrics, "/metrics")?.body;
        anyhow::ensure!(metrics.contains("hourglass_engine_up 0\n"), "{metrics}");
        Ok(())
    });
    lost.await.unwrap();
    assert_eq!(answer(&site, &site.avs[0], "without a gate").await, "9");
    assert_eq!(answer(&site, &avs, "without a gate").await, "9#run1");
    gate.open(ground().host(), Whose::Site(&site)).unwrap();
    executor.serving().await.unwrap();
    executor.kill().unwrap();
    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(containers.settled(2, PATIENCE).await.unwrap(), after);

    for performer in performers(&site, &connect(&site).await.unwrap()).await.unwrap() {
        let api = connect(&site).await.unwrap();
        api.remove(&performer.performer_id, Some(proof(&site, &api).await.unwrap())).await.unwrap();
    }
    containers.settled(0, PATIENCE).await.unwrap();
    executor.stop().await.unwrap();
    let refused = gate.refused().unwrap();
    let unexpected: Vec<_> = refused.iter().filter(|line| !line.contains("executor-id")).collect();
    assert!(unexpected.is_empty(), "the executor needs what the gate refuses: {unexpected:#?}");
}

/// As an attacker who has the executor's process would go on: each way is refused, and nothing on the engine changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_never_does_is_refused() {
    let direct = containers::connect(ground().host()).await.unwrap();
    // Somebody else's, called nearly as ours are.
    let foreign_name = format!("hourglass-tests-gate-{}", std::process::id());
    let foreign = containers::start_foreign(&direct, &foreign_name, &ground().image).await.unwrap();

    let mut gate = Gate::closed().unwrap();
    let site = behind(&gate, [Avs::ecdsa()]);
    let executor = Executor::spawn(&site).unwrap();
    gate.open(ground().host(), Whose::Site(&site)).unwrap();
    let mut executor = executor;
    executor.serving().await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let ours = containers.settled(1, PATIENCE).await.unwrap().remove(0);
    let network = format!("hourglass-{}", &containers.owner().unwrap()[..8]);
    let before = containers.inspect(&ours.id).await.unwrap();
    let (short, whole) = (&foreign[..12], foreign.as_str());
    let create = format!("/containers/create?name={network}-extra");
    let good = container(&containers.owner().unwrap(), &ground().image, &network);
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[key] = value;
        body
    };
    let none = Value::Null;
    let attempts: Vec<(&str, String, Value)> = vec![
        // The host, by a container of our own.
        ("POST", create.clone(), with("/HostConfig/Privileged", json!(true))),
        ("POST", create.clone(), with("/HostConfig/Binds", json!(["/:/host"]))),
        (
            "POST",
            create.clone(),
            with("/HostConfig/Mounts", json!([{ "Type": "bind", "Source": "/", "Target": "/h" }])),
        ),
        ("POST", create.clone(), with("/HostConfig/VolumesFrom", json!([short]))),
        ("POST", create.clone(), with("/Volumes", json!({ "/v": {} }))),
        ("POST", create.clone(), with("/HostConfig/NetworkMode", json!("host"))),
        ("POST", create.clone(), with("/HostConfig/NetworkMode", json!(format!("container:{short}")))),
        ("POST", create.clone(), with("/HostConfig/NetworkMode", json!("bridge"))),
        ("POST", create.clone(), with("/HostConfig/PidMode", json!("host"))),
        ("POST", create.clone(), with("/HostConfig/IpcMode", json!("host"))),
        ("POST", create.clone(), with("/HostConfig/UsernsMode", json!("host"))),
        ("POST", create.clone(), with("/HostConfig/CgroupnsMode", json!("host"))),
        ("POST", create.clone(), with("/HostConfig/CgroupParent", json!("/"))),
        ("POST", create.clone(), with("/HostConfig/CapAdd", json!(["SYS_ADMIN"]))),
        ("POST", create.clone(), with("/HostConfig/SecurityOpt", json!(["no-new-privileges", "seccomp=unconfined"]))),
        (
            "POST",
            create.clone(),
            with(
                "/HostConfig/Devices",
                json!([{ "PathOnHost": "/dev/kmsg",
            "PathInContainer": "/dev/kmsg", "CgroupPermissions": "rwm" }]),
            ),
        ),
        ("POST", create.clone(), with("/HostConfig/DeviceCgroupRules", json!(["a *:* rwm"]))),
        ("POST", create.clone(), with("/HostConfig/PortBindings", json!({ "9090/tcp": [{ "HostIp": "0.0.0.0" }] }))),
        ("POST", create.clone(), with("/HostConfig/PublishAllPorts", json!(true))),
        ("POST", create.clone(), with("/HostConfig/Sysctls", json!({ "kernel.core_pattern": "|/x" }))),
        ("POST", create.clone(), with("/HostConfig/RestartPolicy", json!({ "Name": "always" }))),
        // The same under a name that Go reads as if it were written so.
        ("POST", create.clone(), with("/HostConfig/privileged", json!(true))),
        ("POST", create.clone(), with("/hostconfig", json!({ "Privileged": true }))),
        ("POST", create.clone(), with("/Labels/com.example", json!("x"))),
        ("POST", "/containers/create?name=somebody".to_owned(), good.clone()),
        ("POST", "/containers/create".to_owned(), good.clone()),
        // Somebody else's container, by name, id and the beginning of one.
        ("POST", format!("/containers/{foreign_name}/stop"), none.clone()),
        ("POST", format!("/containers/{whole}/kill"), none.clone()),
        ("DELETE", format!("/containers/{short}?force=true"), none.clone()),
        ("GET", format!("/containers/{short}/logs?stdout=1"), none.clone()),
        ("GET", format!("/containers/{short}/stats?stream=false"), none.clone()),
        ("POST", format!("/networks/{network}/connect"), json!({ "Container": whole })),
        ("POST", "/networks/bridge/connect".to_owned(), json!({ "Container": ours.id })),
        ("DELETE", "/networks/bridge".to_owned(), none.clone()),
        // Calls that the executor never makes, about what is ours.
        ("POST", format!("/containers/{}/exec", ours.id), json!({ "Cmd": ["/x"], "AttachStdout": true })),
        ("POST", format!("/containers/{}/update", ours.id), json!({ "Memory": 0 })),
        ("POST", format!("/containers/{}/rename?name=x", ours.id), none.clone()),
        ("POST", format!("/containers/{}/attach?stream=1", ours.id), none.clone()),
        ("GET", format!("/containers/{}/archive?path=/", ours.id), none.clone()),
        ("GET", format!("/containers/{}/export", ours.id), none.clone()),
        ("POST", format!("/commit?container={}", ours.id), json!({})),
        ("POST", "/build".to_owned(), none.clone()),
        ("POST", "/images/load".to_owned(), none.clone()),
        ("POST", "/images/create?fromSrc=-&repo=x".to_owned(), none.clone()),
        ("DELETE", format!("/images/{}", ground().image), none.clone()),
        ("POST", "/volumes/create".to_owned(), json!({ "Name": "x" })),
        ("POST", "/swarm/init".to_owned(), json!({ "ListenAddr": "0.0.0.0" })),
        ("POST", "/plugins/pull?remote=x".to_owned(), json!([])),
        ("POST", "/containers/prune".to_owned(), none.clone()),
        ("POST", "/networks/prune".to_owned(), none.clone()),
        ("GET", "/containers/json?all=true".to_owned(), none.clone()),
        ("GET", "/events".to_owned(), none.clone()),
        ("GET", "/images/json".to_owned(), none.clone()),
        // Paths that say one thing to a gate and another to an engine.
        ("DELETE", format!("/containers/{}/../{short}?force=true", ours.id), none.clone()),
        ("DELETE", format!("/containers/{}/%2e%2e/{short}?force=true", ours.id), none.clone()),
        ("DELETE", format!("/containers/{}%2f..%2f{short}", ours.id), none.clone()),
        ("DELETE", format!("//containers/{short}?force=true"), none.clone()),
        ("DELETE", format!("/v1.41/v1.41/containers/{short}?force=true"), none.clone()),
        ("DELETE", format!("/v1.24/containers/{short}?force=true"), none.clone()),
        ("DELETE", format!("http://docker/containers/{short}?force=true"), none.clone()),
        ("DELETE", format!("/containers/{short}/?force=true"), none.clone()),
        ("POST", format!("/containers/{}/start?x=1", ours.id), none.clone()),
        ("GET", format!("/images/../containers/{short}/json"), none.clone()),
        ("POST", format!("/images/create?fromImage=x&fromImage={short}"), none.clone()),
    ];
    let through = Api::at(&gate.host()).unwrap();
    let mut passed = Vec::new();
    for (method, path, body) in &attempts {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let answered = through.request(method, path, &[("Content-Type", "application/json")], &bytes);
        // What is no HTTP at all may be answered by the end of the connection.
        match answered {
            Ok(answer) if [400, 403].contains(&answer.status) => {}
            Ok(answer) => {
                passed.push(format!("{method} {path}: {}: {}", answer.status, String::from_utf8_lossy(&answer.body)))
            }
            Err(_) if path.starts_with("http") => {}
            Err(error) => passed.push(format!("{method} {path}: {error:#}")),
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
    // Leaving HTTP, and two bodies in one.
    for header in [("Upgrade", "tcp"), ("Connection", "Upgrade")] {
        let answered = through.request("GET", "/version", &[header], &[]).unwrap();
        assert_eq!(answered.status, 403, "{header:?}");
    }
    let twice = serde_json::to_string(&good).unwrap().replacen('{', r#"{"Image":"x","#, 1);
    let answered = through.request("POST", &create, &[("Content-Type", "application/json")], twice.as_bytes()).unwrap();
    assert_eq!(answered.status, 403, "a key that stands twice");

    // It is not the attempts that are wrong: what they were made from is let through.
    let made = through.post(&create, &good).unwrap();
    through.delete(&format!("/containers/{}", made["Id"].as_str().unwrap())).unwrap();

    // Nothing has changed.
    let after = containers.inspect(&ours.id).await.unwrap();
    assert_eq!((after.state.clone().unwrap().pid, after.name), (before.state.unwrap().pid, before.name));
    assert_eq!(after.network_settings.unwrap().networks.unwrap().keys().collect::<Vec<_>>(), [&network]);
    let others = containers::connect(ground().host()).await.unwrap();
    let found = super::inside::inspect(&others, &foreign).await;
    assert_eq!(found.state.unwrap().running, Some(true));
    assert_eq!(found.network_settings.unwrap().networks.unwrap().keys().collect::<Vec<_>>(), ["bridge"]);
    assert_eq!(answer(&site, &site.avs[0], "after all of that").await, "9");
    executor.stop().await.unwrap();
    containers::remove(&direct, &foreign).await.unwrap();
}
