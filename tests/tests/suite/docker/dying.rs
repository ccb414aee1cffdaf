//! Containers that are killed, run out of memory, crash again and again, or hang.

use std::time::Duration;

use hourglass_tests::running::caller::connect;
use hourglass_tests::running::containers::{Container, Containers, remove};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::hanging;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;

use super::{PATIENCE, answer, site};

/// Waits for a container that serves and is another one than before.
async fn replaced(site: &Site, containers: &Containers, before: &Container) -> Container {
    let api = connect(site).await.unwrap();
    let avs = site.avs.iter().find(|avs| avs.name == before.performer).unwrap();
    let replaced = until_async("another container", PATIENCE, async || {
        let serving = containers.serving(site, &api, avs).await?;
        anyhow::ensure!(serving.id != before.id && serving.state == "running", "{serving:?}");
        Ok(serving)
    });
    replaced.await.unwrap()
}

/// Waits until the executor has said something of a container's end.
async fn told(executor: &Executor, words: &str) {
    let told = until_async(words, PATIENCE, async || {
        let log = executor.log();
        anyhow::ensure!(log.contains(words), "{log}");
        Ok(())
    });
    told.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed() {
    let site = site([Avs::ecdsa(), Avs::bn254()]);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(2, PATIENCE).await.unwrap();
    let victim = before.iter().find(|container| container.performer == site.avs[0].name).unwrap();
    containers.kill(&victim.id, "SIGKILL").await.unwrap();
    let serving = replaced(&site, &containers, victim).await;
    assert_eq!(serving.revision, victim.revision);
    told(&executor, "ended by signal 9").await;
    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "after a kill").await, "9");
    }
    // Its remains are removed, and the other one is as it was.
    let after = containers.settled(2, PATIENCE).await.unwrap();
    assert!(after.iter().any(|container| before.contains(container)), "{after:#?}");

    // Removed behind our back: the same.
    remove(containers.docker(), &serving.id).await.unwrap();
    replaced(&site, &containers, &serving).await;
    assert_eq!(answer(&site, &site.avs[0], "after a removal").await, "9");
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_memory() {
    let greedy = Avs::ecdsa().env("GROW_MEMORY_MIB", 40).line("default_resources: {limits: {memory: 64Mi}}");
    let site = site([greedy, Avs::bn254()]);
    let executor = Executor::start(&site).await.unwrap();
    told(&executor, "ran out of memory").await;
    // It comes back each time, and the other one never notices.
    let containers = Containers::of(&site).await.unwrap();
    let other = containers.running(&site.avs[1]).await.unwrap();
    assert_eq!(answer(&site, &site.avs[1], "beside a greedy one").await, "9");
    let again = until_async("another one", PATIENCE, async || {
        let running = containers.running(&site.avs[0]).await?;
        anyhow::ensure!(!running.is_empty(), "none runs");
        Ok(())
    });
    again.await.unwrap();
    assert_eq!(containers.running(&site.avs[1]).await.unwrap(), other);
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashing_again_and_again() {
    let crashing = Avs::ecdsa().env("CRASH_AT_START", 1).env("CRASH_EXIT_CODE", 17);
    let site = site([crashing, Avs::bn254()]);
    let executor = Executor::spawn(&site).unwrap();
    let words = "crashing at start, as told";
    told(&executor, words).await;
    told(&executor, "exited with code 17").await;
    assert_eq!(answer(&site, &site.avs[1], "beside one that crashes").await, "9");
    // It is tried again, later and later: neither given up silently nor spun.
    let back_off = until_async("back-off", PATIENCE, async || {
        let log = executor.log();
        anyhow::ensure!(log.contains("BackOff") || log.contains("RevisionWithdrawn"), "{log}");
        Ok(())
    });
    back_off.await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let all = containers.all().await.unwrap();
    let of_it = all.iter().filter(|container| container.performer == site.avs[0].name).count();
    assert!(of_it <= 2, "remains pile up: {all:#?}");
    executor.stop().await.unwrap();
}

/// One of two replicas is frozen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_one_is_out_of_rotation_within_three_seconds() {
    let site = site([hanging::two_replicas()]).set(hanging::RARE_CHECKS);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    hanging::both_serve(&site, PATIENCE).await.unwrap();
    let both = containers.settled(2, PATIENCE).await.unwrap();
    hanging::leaves_rotation(&site, &site.avs[0], async || containers.pause(&both[0].id).await).await.unwrap();
    // One that goes on hanging is replaced.
    let replaced = until_async("its replacement", Duration::from_secs(90), async || {
        let all = containers.all().await?;
        anyhow::ensure!(all.iter().all(|container| container.id != both[0].id), "{all:#?}");
        anyhow::ensure!(all.len() == 2 && all.iter().all(|container| container.state == "running"), "{all:#?}");
        Ok(())
    });
    replaced.await.unwrap();
    executor.stop().await.unwrap();
}
