//! The executor goes and comes; containers stay. Those of others are nobody's business.

use hourglass_tests::running::caller::{connect, performers, proof};
use hourglass_tests::running::containers::{self, Containers};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::Avs;
use hourglass_tests::waiting::until_async;

use super::{PATIENCE, answer, ground, site};
use crate::upgrades::variable;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_adopted() {
    let site = site([Avs::ecdsa().line("replicas: 2"), Avs::bn254()]);
    let mut executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(3, PATIENCE).await.unwrap();
    for round in 0..4 {
        // By force and by request in turn: neither touches what runs.
        if round % 2 == 0 {
            executor.kill().unwrap()
        } else {
            executor.stop().await.unwrap()
        }
        assert_eq!(containers.all().await.unwrap(), before, "round {round}: they went with it");
        executor = Executor::start(&site).await.unwrap();
        for avs in &site.avs {
            assert_eq!(answer(&site, avs, &format!("adopted {round}")).await, "9");
        }
        assert_eq!(containers.all().await.unwrap(), before, "round {round}");
    }
    executor.stop().await.unwrap();
}

/// Many performers on one executor: a kill costs none of them anything, and the next start finds every one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_containers_are_adopted_at_once() {
    let count = u8::try_from(variable("TEST_CONTAINERS", 8)).unwrap();
    let site = site((1..=count).map(|number| Avs::ecdsa().numbered(number)));
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(count.into(), PATIENCE).await.unwrap();
    executor.kill().unwrap();
    let began = std::time::Instant::now();
    let executor = Executor::start(&site).await.unwrap();
    println!("{count} containers: ready and every performer serving {:.0?} after exec", began.elapsed());
    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "adopted").await, "9");
    }
    assert_eq!(containers.all().await.unwrap(), before);
    executor.stop().await.unwrap();
}

/// One of them dies while nobody looks: it is replaced at the next start, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_died_meanwhile_is_replaced() {
    let site = site([Avs::ecdsa(), Avs::bn254()]);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(2, PATIENCE).await.unwrap();
    executor.kill().unwrap();
    containers.kill(&before[0].id, "SIGKILL").await.unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let after = containers.settled(2, PATIENCE).await.unwrap();
    assert!(after.contains(&before[1]) && !after.iter().any(|container| container.id == before[0].id), "{after:#?}");
    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "after").await, "9");
    }
    executor.stop().await.unwrap();
}

/// Killed at several moments of an upgrade: one revision with one container is left each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_during_an_upgrade() {
    let site = site([Avs::ecdsa()]);
    let mut executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let avs = &site.avs[0];
    for (round, millis) in [10_u64, 150, 500, 1200].into_iter().enumerate() {
        let api = connect(&site).await.unwrap();
        let proof = proof(&site, &api).await.unwrap();
        let request = super::artifact(avs, &[("COUNT_IN_ANSWER", "1"), ("REVISION", &round.to_string())]);
        let deploying = tokio::spawn(async move { api.deploy(request, Some(proof)).await });
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        executor.kill().unwrap();
        let acknowledged = deploying.await.unwrap().is_ok();
        executor = Executor::start(&site).await.unwrap();
        let output = answer(&site, avs, &format!("killed {round}")).await;
        assert!(!acknowledged || output == "9#run1", "an acknowledged deployment is gone");
        containers.settled(1, PATIENCE).await.unwrap();
    }
    let api = connect(&site).await.unwrap();
    let one = until_async("one revision", PATIENCE, async || {
        let listed = performers(&site, &api).await?;
        anyhow::ensure!(listed.len() == 1 && listed[0].status == "InService", "{listed:?}");
        Ok(())
    });
    one.await.unwrap();
    assert_eq!(containers.settled(1, PATIENCE).await.unwrap().len(), 1);
    executor.stop().await.unwrap();
}

/// A container of somebody else, under a name like ours and with labels like ours but another owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_containers_are_left_alone() {
    let docker = containers::connect(ground().host()).await.unwrap();
    let name = format!("hourglass-ffffffff-squares-ecdsa-0123456789-{}", std::process::id());
    let foreign = containers::start_foreign(&docker, &name, &ground().image).await.unwrap();

    let site = site([Avs::ecdsa()]);
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    let listed = performers(&site, &api).await.unwrap();
    assert_eq!(listed.len(), 1, "somebody else's is listed: {listed:?}");
    api.remove(&listed[0].performer_id, Some(proof(&site, &api).await.unwrap())).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    containers.settled(0, PATIENCE).await.unwrap();
    executor.stop().await.unwrap();

    let inspected = containers.inspect(&foreign).await.unwrap();
    assert_eq!(inspected.state.unwrap().running, Some(true), "somebody else's was stopped");
    assert_eq!(inspected.restart_count, Some(0));
    containers::remove(&docker, &foreign).await.unwrap();
}

/// The same AVSs, the same performers' names, one engine: neither sees the other's containers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_executors_on_one_engine() {
    let (one, two) = (site([Avs::ecdsa()]), site([Avs::ecdsa()]));
    let first = Executor::start(&one).await.unwrap();
    let second = Executor::start(&two).await.unwrap();
    let (of_one, of_two) = (Containers::of(&one).await.unwrap(), Containers::of(&two).await.unwrap());
    assert_ne!(of_one.owner().unwrap(), of_two.owner().unwrap());
    let (before_one, before_two) =
        (of_one.settled(1, PATIENCE).await.unwrap(), of_two.settled(1, PATIENCE).await.unwrap());
    assert_ne!(before_one[0].id, before_two[0].id);
    assert_eq!(before_one[0].revision, before_two[0].revision, "otherwise this shows nothing");

    // What happens to one does not happen to the other.
    of_one.kill(&before_one[0].id, "SIGKILL").await.unwrap();
    let api = connect(&one).await.unwrap();
    let replaced = until_async("another container", PATIENCE, async || {
        let serving = of_one.serving(&one, &api, &one.avs[0]).await?;
        anyhow::ensure!(serving.id != before_one[0].id, "not yet");
        Ok(())
    });
    replaced.await.unwrap();
    first.kill().unwrap();
    let first = Executor::start(&one).await.unwrap();
    assert_eq!(of_two.all().await.unwrap(), before_two);
    assert_eq!(answer(&one, &one.avs[0], "first").await, "9");
    assert_eq!(answer(&two, &two.avs[0], "second").await, "9");

    let api = connect(&one).await.unwrap();
    let name = one.avs[0].name.clone();
    api.remove(&name, Some(proof(&one, &api).await.unwrap())).await.unwrap();
    of_one.settled(0, PATIENCE).await.unwrap();
    assert_eq!(of_two.all().await.unwrap(), before_two);
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}
