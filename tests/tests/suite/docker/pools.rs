//! Networks of an executor in a container: one that is there already, and an engine that can make no more.

use std::collections::BTreeSet;

use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};
use hourglass_environment::engine::EngineOptions;
use hourglass_tests::running::caller::{performers, proof};
use hourglass_tests::running::site::Avs;
use hourglass_tests::waiting::until_async;

use super::composed::{Composed, Holder};
use super::inside::{addresses, inspect};
use super::{PATIENCE, answer};

async fn make(composed: &Composed, name: &str) {
    let request = NetworkCreateRequest { name: name.to_owned(), ..NetworkCreateRequest::default() };
    composed.docker.create_network(request).await.unwrap();
}

/// Waits until the executor has logged all of these words in one line.
async fn logged(composed: &Composed, words: &[&str]) {
    let said = until_async("a line of its log", PATIENCE, async || {
        let log = composed.log();
        let there = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
        anyhow::ensure!(there, "{words:?} are not in:\n{log}");
        Ok(())
    });
    said.await.unwrap();
}

/// `docker.network`: it must be there, is joined by the executor and every performer, and stays when they go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_existing_network() {
    const NETWORK: &str = "performers";
    let avs = [Avs::ecdsa(), Avs::bn254()];
    let composed = Composed::new(Holder::Executor, avs, "docker: {network: performers, call_timeout: 20s}").await;
    let site = &composed.site;
    composed.compose(&["up", "-d"]);
    logged(&composed, &["NetworkNotFound", "there is no network 'performers': create it, or correct docker.network"])
        .await;
    make(&composed, NETWORK).await;
    composed.serving().await;
    for avs in &site.avs {
        assert_eq!(answer(site, avs, "in a network of somebody's").await, "9");
    }
    let containers = composed.containers().await;
    let all = containers.settled(2, PATIENCE).await.unwrap();
    for container in &all {
        let joined = addresses(&composed.docker, &container.id).await;
        assert_eq!(joined.keys().collect::<Vec<_>>(), [NETWORK]);
        let settings = inspect(&composed.docker, &container.id).await.network_settings.unwrap();
        let ports = settings.ports.unwrap_or_default();
        assert!(ports.values().flatten().all(Vec::is_empty), "published: {ports:?}");
    }
    let short = containers.owner().unwrap()[..8].to_owned();
    let made = async || {
        let networks = composed.docker.list_networks(None::<ListNetworksOptions>).await.unwrap();
        networks.into_iter().filter_map(|network| network.name).any(|name| name.contains(&short))
    };
    assert!(!made().await, "none of its own besides");

    // Another container has to join it first.
    composed.compose(&["up", "-d", "--force-recreate"]);
    composed.serving().await;
    assert_eq!(containers.all().await.unwrap(), all, "the same ones");
    for avs in &site.avs {
        assert_eq!(answer(site, avs, "another executor").await, "9");
    }

    let api = composed.manage().await;
    for performer in performers(site, &api).await.unwrap() {
        api.remove(&performer.performer_id, Some(proof(site, &api).await.unwrap())).await.unwrap();
    }
    containers.settled(0, PATIENCE).await.unwrap();
    let left = composed.docker.inspect_network(NETWORK, None::<InspectNetworkOptions>).await.unwrap();
    let executor = composed.executor().await.id.unwrap();
    let members: BTreeSet<String> = left.containers.unwrap_or_default().into_keys().collect();
    assert_eq!(members, BTreeSet::from([executor]), "what is not ours is not removed");
}

/// An engine has a handful of ranges for networks; an executor in a container needs one for each performer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_addresses_left() {
    // One for Compose, one for each of two performers; and one of these is taken.
    let options = EngineOptions { networks: Some(3), ..EngineOptions::default() };
    let composed = Composed::on(&options, Holder::Executor, [Avs::ecdsa(), Avs::bn254()], "docker: {}").await;
    let site = &composed.site;
    make(&composed, "nobody-uses-it").await;
    composed.compose(&["up", "-d"]);
    let remedy =
        "remove networks that nobody uses (`docker network prune`), or give the engine more in default-address-pools";
    logged(&composed, &["AddressPoolsExhausted", remedy]).await;
    composed.ready("1 of 2 serve").await;
    let containers = composed.containers().await;
    let first = containers.settled(1, PATIENCE).await.unwrap();
    let served = site.avs.iter().find(|avs| avs.name == first[0].performer).unwrap();
    assert_eq!(answer(site, served, "the other one has no network").await, "9");

    composed.docker.remove_network("nobody-uses-it").await.unwrap();
    composed.serving().await;
    for avs in &site.avs {
        assert_eq!(answer(site, avs, "there is a range again").await, "9");
    }
    let all = containers.settled(2, PATIENCE).await.unwrap();
    assert!(all.contains(&first[0]), "{all:#?}");
}
