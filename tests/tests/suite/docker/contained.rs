//! An executor that is a container itself, as operators run it: by Compose.

use std::collections::{BTreeMap, BTreeSet};

use bollard::Docker;
use bollard::query_parameters::{
    InspectNetworkOptions, KillContainerOptionsBuilder, ListNetworksOptions, StartContainerOptions,
};
use hourglass_tests::running::caller::{connect, deploy_this, performers, proof, refusal};
use hourglass_tests::running::containers::{Container, Containers};
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use tonic::Code;

use super::composed::{Composed, EXECUTOR, GROUP, Holder};
use super::inside::{Inside, addresses, answering, from_container, from_host, host_addresses, inspect};
use super::{PATIENCE, answer, artifact};

/// The names of the networks that are this executor's.
async fn networks(docker: &Docker, short: &str) -> BTreeSet<String> {
    let all = docker.list_networks(None::<ListNetworksOptions>).await.unwrap();
    all.into_iter()
        .filter_map(|network| network.name)
        .filter(|name| name.starts_with(&format!("hourglass-{short}")))
        .collect()
}

async fn members(docker: &Docker, network: &str) -> BTreeSet<String> {
    let found = docker.inspect_network(network, None::<InspectNetworkOptions>).await.unwrap();
    found.containers.unwrap_or_default().into_keys().collect()
}

fn id(all: &[Container], avs: &Avs) -> String {
    all.iter().find(|container| container.performer == avs.name).unwrap().id.clone()
}

async fn answers(composed: &Composed, label: &str) {
    for avs in &composed.site.avs {
        assert_eq!(answer(&composed.site, avs, label).await, "9");
    }
}

/// A network for each performer, in which only the executor is besides; nothing is published but the executor.
async fn apart(composed: &Composed, containers: &Containers, all: &[Container]) {
    let (docker, site) = (&composed.docker, &composed.site);
    let executor = composed.executor().await.id.unwrap();
    let short = containers.owner().unwrap()[..8].to_owned();
    let expected: BTreeMap<String, String> =
        site.avs.iter().map(|avs| (format!("hourglass-{short}-{}", avs.name), id(all, avs))).collect();
    assert_eq!(networks(docker, &short).await, expected.keys().cloned().collect());
    let of_executor = addresses(docker, &executor).await;
    let mut performers = BTreeMap::new();
    for (network, performer) in &expected {
        let both = BTreeSet::from([executor.clone(), performer.clone()]);
        assert_eq!(members(docker, network).await, both, "in {network}");
        let found = inspect(docker, performer).await;
        let joined = found.network_settings.as_ref().unwrap().networks.clone().unwrap();
        assert_eq!(joined.keys().collect::<Vec<_>>(), [network]);
        let ports = found.network_settings.unwrap().ports.unwrap_or_default();
        assert!(ports.values().flatten().all(Vec::is_empty), "published: {ports:?}");
        performers.insert(performer.clone(), format!("{}:9090", addresses(docker, performer).await[network]));
    }

    // Its ports where it listens itself, in every network. What is published on the host's loopback is nowhere else.
    let of_it: Vec<String> =
        of_executor.values().flat_map(|ip| [9095, 9096, 8080, 8090].map(|port| format!("{ip}:{port}"))).collect();
    let controls: Vec<String> = of_it.iter().chain(performers.values()).cloned().collect();
    let seen = from_host(&controls);
    assert_eq!(answering(&seen).len(), controls.len(), "{seen:#?}");
    let local = [site.ports.spare, site.ports.metrics, site.ports.health];
    let seen = from_host(&local.map(|port| format!("127.0.0.1:{port}")));
    assert_eq!(answering(&seen).len(), local.len(), "{seen:#?}");
    let local = host_addresses().into_iter().flat_map(|ip| local.map(|port| format!("{ip}:{port}")));
    let executors: Vec<String> = of_it.into_iter().chain(local).collect();
    for performer in performers.keys() {
        let others = performers.iter().filter(|(other, _)| *other != performer).map(|(_, address)| address.clone());
        let names = all.iter().filter(|other| other.id != *performer).map(|other| format!("{}:9090", other.instance));
        let by_name = [9095, 9096, 8080, 8090].map(|port| format!("{EXECUTOR}:{port}"));
        let socket = "/run/hourglass/docker.sock".to_owned();
        let more = others.chain(names).chain(by_name).chain([socket]);
        let targets: Vec<String> = executors.iter().cloned().chain(more).collect();
        let found = from_container(docker, performer, &targets).await;
        assert_eq!(answering(&found), [""; 0], "{found:#?}");
    }
    tasks_alone(site).await;
}

/// The port for tasks is published for everybody. Performers may get there by any address of the host, as the engine's
/// firewall has it; its own process may pass that on, and then who comes does not show. So nothing but tasks is served there.
async fn tasks_alone(site: &Site) {
    let unserved = connect(site).await.unwrap().challenge(site.operator().checksummed()).await.unwrap_err();
    assert_eq!(refusal(unserved).unwrap().code, Code::Unimplemented, "management beside tasks");
}

/// Confined as the file says, and the socket in nobody's hands but its holder's.
async fn confined(composed: &Composed, holder: Holder) {
    let services = match holder {
        Holder::Executor => &[EXECUTOR][..],
        Holder::Proxy => &[EXECUTOR, "hourglass-socket-proxy"],
    };
    for name in services {
        let inside = Inside::of(&composed.docker, name).await;
        assert_eq!(inside.status("Uid"), "65532 65532 65532 65532", "{name}");
        for set in ["CapEff", "CapPrm", "CapBnd", "CapInh"] {
            assert_eq!(inside.status(set), "0000000000000000", "{name}: {set}");
        }
        assert_eq!(inside.status("NoNewPrivs"), "1", "{name}");
        let groups = inside.status("Groups");
        assert_eq!(groups.split(' ').filter(|group| **group == GROUP.to_string()).count(), 1, "{name}: {groups}");
        assert!(inside.mount("/").contains(&"ro".to_owned()), "{name}");
        let of_engine = composed.engine.socket().file_name().unwrap().to_str().unwrap();
        let socket = inside.mounts().into_iter().any(|mount| mount.ends_with(of_engine));
        let holds = holder == Holder::Executor || *name != EXECUTOR;
        assert_eq!(socket, holds, "{name}: {:?}", inside.mounts());
    }
}

async fn lives(holder: Holder) {
    let composed = Composed::new(
        holder,
        [Avs::ecdsa().line("upgrade: {ready_deadline: 10s}"), Avs::bn254()],
        "docker: {call_timeout: 20s}",
    )
    .await;
    let site = &composed.site;
    composed.compose(&["up", "-d"]);
    composed.serving().await;
    answers(&composed, "brought up").await;
    confined(&composed, holder).await;
    let containers = composed.containers().await;
    let first = containers.settled(2, PATIENCE).await.unwrap();
    apart(&composed, &containers, &first).await;

    // An upgrade, by a deployment that is pulled; and one that cannot serve.
    let api = composed.manage().await;
    let avs = &site.avs[0];
    let deployed = deploy_this(site, &api, artifact(avs, &[("COUNT_IN_ANSWER", "1")])).await.unwrap();
    assert!(deployed.success, "{deployed:?}");
    assert_eq!(answer(site, avs, "upgraded").await, "9#run1");
    let refused = deploy_this(site, &api, artifact(avs, &[("CRASH_AT_START", "1")])).await.unwrap_err();
    assert!(refused.message.contains("crashing at start, as told"), "{refused:?}");
    assert_eq!(answer(site, avs, "still").await, "9#run1");
    let upgraded = containers.settled(2, PATIENCE).await.unwrap();
    assert_eq!(id(&upgraded, &site.avs[1]), id(&first, &site.avs[1]), "the other one is the same");

    // Killed and started: the same container in the same networks. Replaced: another one, which joins them.
    let kill = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
    let before = composed.executor().await.id;
    composed.docker.kill_container(EXECUTOR, Some(kill)).await.unwrap();
    let ended = until_async("its end", PATIENCE, async || {
        anyhow::ensure!(inspect(&composed.docker, EXECUTOR).await.state.unwrap().running == Some(false), "it runs");
        Ok(())
    });
    ended.await.unwrap();
    composed.docker.start_container(EXECUTOR, None::<StartContainerOptions>).await.unwrap();
    composed.serving().await;
    assert_eq!(composed.executor().await.id, before);
    assert_eq!(answer(site, avs, "started again").await, "9#run1");
    assert_eq!(answer(site, &site.avs[1], "started again").await, "9");
    assert_eq!(containers.all().await.unwrap(), upgraded);
    composed.compose(&["up", "-d", "--force-recreate"]);
    composed.serving().await;
    assert_ne!(composed.executor().await.id, before, "otherwise it was not replaced");
    assert_eq!(answer(site, avs, "replaced").await, "9#run1");
    assert_eq!(answer(site, &site.avs[1], "replaced").await, "9");
    assert_eq!(containers.all().await.unwrap(), upgraded);

    // With a performer goes its network; with the executor none.
    let api = composed.manage().await;
    let listed = performers(site, &api).await.unwrap();
    let gone = listed.iter().find(|p| p.avs_address == site.avs[1].address.to_string()).unwrap();
    api.remove(&gone.performer_id, Some(proof(site, &api).await.unwrap())).await.unwrap();
    let short = containers.owner().unwrap()[..8].to_owned();
    let left = BTreeSet::from([format!("hourglass-{short}-{}", avs.name)]);
    let cleaned = until_async("its network's removal", PATIENCE, async || {
        let now = networks(&composed.docker, &short).await;
        anyhow::ensure!(now == left, "{now:?}");
        Ok(())
    });
    cleaned.await.unwrap();
    let kept = containers.settled(1, PATIENCE).await.unwrap();
    assert_eq!(answer(site, avs, "alone").await, "9#run1");

    let healthy = until_async("healthy, says the engine", PATIENCE, async || {
        let health = composed.executor().await.state.unwrap().health.unwrap();
        anyhow::ensure!(health.status.map(|status| status.to_string()).as_deref() == Some("healthy"), "{health:?}");
        Ok(())
    });
    healthy.await.unwrap();
    composed.compose(&["stop"]);
    assert_eq!(composed.executor().await.state.unwrap().exit_code, Some(0), "{}", composed.log());
    assert_eq!(containers.all().await.unwrap(), kept, "what it ran serves on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_engines_socket() {
    lives(Holder::Executor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_socket_proxy() {
    lives(Holder::Proxy).await;
}
