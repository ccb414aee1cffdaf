//! What a performer reaches, tried by a program in its container.

use std::io::Write as _;
use std::net::TcpListener;

use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::ground::ground;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;

use super::inside::{self, Reached, addresses, answering, from_container, from_host, host_addresses};
use super::{PATIENCE, answer, site};

const IMAGE: &str = "hourglass-tests/guest-performer:1";

/// Two replicas of one AVS and one of another, the program beside each; every port of the executor at every address.
fn open(more: &[&str]) -> Site {
    inside::image(IMAGE).load(ground().unwrap().host()).unwrap();
    let mut site = site([Avs::ecdsa().image(IMAGE).line("replicas: 2"), Avs::bn254().image(IMAGE)]);
    let ports = site.ports;
    site.set.extend([
        format!("server.listen=0.0.0.0:{}", ports.tasks),
        format!("management.listen=0.0.0.0:{}", ports.spare),
        "metrics.address=0.0.0.0".to_owned(),
        "health.address=0.0.0.0".to_owned(),
    ]);
    site.set.extend(more.iter().map(|&line| line.to_owned()));
    site
}

/// At each address, each port of the executor.
fn of_executor(site: &Site) -> Vec<String> {
    let ports = [site.ports.tasks, site.ports.spare, site.ports.metrics, site.ports.health];
    host_addresses().iter().flat_map(|address| ports.map(|port| format!("{address}:{port}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_executor_of_the_engine_or_of_others() {
    let site = open(&[]);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let docker = containers.docker();
    let all = containers.settled(3, PATIENCE).await.unwrap();
    let network = format!("hourglass-{}", &containers.owner().unwrap()[..8]);
    let mut performers = Vec::new();
    for container in &all {
        performers.push(format!("{}:9090", addresses(docker, &container.id).await[&network]));
    }
    let executors = of_executor(&site);

    // From the host all of it is there: otherwise nothing is shown by its absence.
    let controls: Vec<String> = executors.iter().chain(&performers).cloned().collect();
    let seen = from_host(&controls);
    assert_eq!(answering(&seen).len(), controls.len(), "{seen:#?}");

    let socket = ground().unwrap().host().trim_start_matches("unix://").to_owned();
    let sockets = [socket, "/var/run/docker.sock".to_owned(), "/run/containerd/containerd.sock".to_owned()];
    let mut reached = Reached::new();
    for (at, container) in all.iter().enumerate() {
        let others = performers.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, address)| address);
        let names = all.iter().filter(|other| other.id != container.id).map(|other| format!("{}:9090", other.instance));
        let mut targets: Vec<String> = executors.iter().chain(others).chain(&sockets).cloned().collect();
        targets.extend(names);
        let found = from_container(docker, &container.id, &targets).await;
        assert_eq!(answering(&found), [""; 0], "from {}: {found:#?}", container.name);
        for socket in &sockets {
            assert_eq!(found[socket], "missing", "{found:#?}");
        }
        reached.extend(found);
    }
    assert!(reached.len() > executors.len() + performers.len(), "{reached:#?}");

    // What it may: itself by its own name, and what others serve on this host for everybody.
    let one = &all[0];
    let gateway =
        inside::inspect(docker, &one.id).await.network_settings.unwrap().networks.unwrap()[&network].gateway.clone();
    let service = TcpListener::bind(format!("{}:0", gateway.unwrap())).unwrap();
    let outside = service.local_addr().unwrap().to_string();
    std::thread::spawn(move || service.incoming().flatten().for_each(|mut stream| drop(stream.write_all(b"hello"))));
    let own = format!("{}:9090", one.instance);
    let targets = [outside, own];
    let found = from_container(docker, &one.id, &targets).await;
    assert_eq!(answering(&found).len(), targets.len(), "{found:#?}");

    // One that is new is refused as well, from its first moment on: its address was never seen.
    containers.kill(&one.id, "SIGKILL").await.unwrap();
    let replaced = until_async("another container", PATIENCE, async || {
        let now = containers.all().await?;
        let new = now.into_iter().find(|now| now.state == "running" && !all.iter().any(|old| old.id == now.id));
        new.ok_or_else(|| anyhow::anyhow!("not yet"))
    });
    let found = from_container(docker, &replaced.await.unwrap().id, &executors).await;
    assert_eq!(answering(&found), [""; 0], "{found:#?}");
    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "after all of that").await, "9");
    }
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_other_where_they_may() {
    let site = open(&["docker.performers_may_connect=true"]);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let docker = containers.docker();
    let all = containers.settled(3, PATIENCE).await.unwrap();
    let executors = of_executor(&site);
    for container in &all {
        // By name, as the network has them.
        let others =
            all.iter().filter(|other| other.id != container.id).map(|other| format!("{}:9090", other.instance));
        let others: Vec<String> = others.collect();
        let targets: Vec<String> = others.iter().chain(&executors).cloned().collect();
        let found = from_container(docker, &container.id, &targets).await;
        let mut answering = answering(&found);
        answering.sort_unstable();
        let mut expected: Vec<&str> = others.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(answering, expected, "each other, and still nothing of the executor: {found:#?}");
    }
    executor.stop().await.unwrap();
}
