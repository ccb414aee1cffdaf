//! The engine ends, is killed, hangs, or is not there yet. Containers serve without it, and what was asked for is done
//! when it is back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use hourglass_environment::engine::{Engine, EngineOptions};
use hourglass_tests::running::caller::{connect, proof};
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::load::Load;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::running::web;
use hourglass_tests::waiting::until_async;
use rustix::process::{Pid, Signal, kill_process};

use super::own::{Life, Own, lives, until_engine};
use super::{PATIENCE, answer, artifact};

/// Ways for an engine to end.
const ENDS: [(&str, fn(&Engine) -> Result<()>); 2] = [("stopped", Engine::stop), ("killed", Engine::kill)];
/// Longer than the executor waits for an engine's answer here.
const FROZEN: Duration = Duration::from_secs(10);
/// So that calls are given up, and asked again, while an engine is frozen.
const SHORT_CALLS: &str = "docker.call_timeout=2s";
/// What is said of an engine that is not there.
const ABSENT: &str = "start the engine, or correct docker.host";

async fn every_avs_answers(site: &Site, label: &str) {
    for avs in &site.avs {
        assert_eq!(answer(site, avs, label).await, "9", "{label}");
    }
}

/// Kills a container's first process, whatever its engine does.
fn kill(life: &Life) {
    let pid = i32::try_from(life.pid).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// Waits until an AVS has one container that runs and was not there before.
async fn replaced(containers: &Containers, before: &Life) {
    let replaced = until_async("a replacement", PATIENCE, async || {
        let lives = lives(containers).await?;
        let of_it: Vec<_> = lives.iter().filter(|life| life.performer == before.performer).collect();
        anyhow::ensure!(of_it.len() == 1 && of_it[0].id != before.id, "{lives:#?}");
        Ok(())
    });
    replaced.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_serve_without_their_engine() {
    let own = Own::start(EngineOptions::default()).await;
    let site = Arc::new(own.site([Avs::ecdsa(), Avs::bn254()]));
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    containers.settled(2, PATIENCE).await.unwrap();
    let before = lives(&containers).await.unwrap();
    let load = Load::start(&site, &site.avs[0], 40, "without").await.unwrap();
    for (how, end) in ENDS {
        own.order(end).await;
        until_engine(&site, false).await;
        until_said(&site, 200, ABSENT).await;
        for number in 0..15 {
            every_avs_answers(&site, &format!("{how} {number}")).await;
        }
        own.order(Engine::resume).await;
        until_engine(&site, true).await;
        assert_eq!(lives(&containers).await.unwrap(), before, "{how}");
        every_avs_answers(&site, &format!("{how} and back")).await;
    }
    let (sent, took) = load.finish().await.unwrap();
    println!("{} tasks in {took:.1?}, longest {:.0?}", sent.answered, sent.longest);
    assert!(sent.failed.is_empty(), "{} failed: {:?}", sent.failed.len(), sent.failed.first());
    assert!(sent.answered > 50, "{} tasks say too little", sent.answered);

    // It is followed again: what happens to containers is noticed.
    let victim = before.iter().find(|life| life.performer == site.avs[1].name).unwrap();
    containers.kill(&victim.id, "SIGKILL").await.unwrap();
    replaced(&containers, victim).await;
    every_avs_answers(&site, "after a kill").await;
    executor.stop().await.unwrap();
}

/// Containers end with an engine that is not told to leave them alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_serves_again_where_containers_end_with_their_engine() {
    let own = Own::start(EngineOptions { live_restore: false, ..EngineOptions::default() }).await;
    let site = own.site([Avs::ecdsa(), Avs::bn254()]);
    let mut executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    containers.settled(2, PATIENCE).await.unwrap();
    for (how, end) in ENDS {
        let before = lives(&containers).await.unwrap();
        own.order(end).await;
        until_engine(&site, false).await;
        own.order(Engine::resume).await;
        until_engine(&site, true).await;
        for life in &before {
            replaced(&containers, life).await;
        }
        executor.serving().await.unwrap();
        every_avs_answers(&site, how).await;
        containers.settled(2, PATIENCE).await.unwrap();
    }
    executor.stop().await.unwrap();
}

/// It takes connections and never answers: tasks notice nothing, and what is asked for meanwhile happens afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_under_load() {
    let own = Own::start(EngineOptions::default()).await;
    let site = Arc::new(own.site([Avs::ecdsa(), Avs::bn254()]).set(SHORT_CALLS));
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    containers.settled(2, PATIENCE).await.unwrap();
    let before = lives(&containers).await.unwrap();
    let victim = before.iter().find(|life| life.performer == site.avs[1].name).unwrap();
    let served = before.iter().find(|life| life.performer == site.avs[0].name).unwrap();
    let api = connect(&site).await.unwrap();
    let (request, proof) = (artifact(&site.avs[0], &[("COUNT_IN_ANSWER", "1")]), proof(&site, &api).await.unwrap());
    let load = Load::start(&site, &site.avs[0], 40, "frozen").await.unwrap();

    own.order(Engine::freeze).await;
    let frozen = Instant::now();
    let upgrading = tokio::spawn(async move { api.deploy(request, Some(proof)).await });
    kill(victim);
    let mut number = 0;
    while frozen.elapsed() < FROZEN {
        number += 1;
        assert_eq!(answer(&site, &site.avs[0], &format!("frozen {number}")).await, "9");
    }
    assert!(!upgrading.is_finished(), "nothing can have been started: {:?}", upgrading.await);
    own.order(Engine::thaw).await;

    let upgraded = upgrading.await.unwrap().unwrap();
    assert!(upgraded.success, "{upgraded:?}");
    assert_eq!(answer(&site, &site.avs[0], "upgraded").await, "9#run1");
    replaced(&containers, victim).await;
    replaced(&containers, served).await;
    assert_eq!(answer(&site, &site.avs[1], "replaced").await, "9");
    containers.settled(2, PATIENCE).await.unwrap();
    until_engine(&site, true).await;
    let (sent, took) = load.finish().await.unwrap();
    println!("{} tasks in {took:.1?}, longest {:.0?}: {:?}", sent.answered, sent.longest, sent.suffixes());
    assert!(sent.failed.is_empty(), "{} failed: {:?}", sent.failed.len(), sent.failed.first());
    executor.stop().await.unwrap();
}

/// Waits until the page says of the engine what is wrong, and has this status: ready is who serves.
async fn until_said(site: &Site, status: u16, words: &str) {
    let said = until_async(words, PATIENCE, async || {
        let page = web::get(site.ports.health, "/ready")?;
        anyhow::ensure!(page.status == status && page.body.contains(words), "{}: {}", page.status, page.body);
        Ok(())
    });
    said.await.unwrap();
    until_engine(site, false).await;
}

/// The executor comes before its engine; it is killed and comes again while the engine is gone or frozen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absent_or_frozen_when_the_executor_starts() {
    let own = Own::start(EngineOptions::default()).await;
    own.order(Engine::stop).await;
    let site = own.site([Avs::ecdsa(), Avs::bn254()]).set(SHORT_CALLS);
    let mut executor = Executor::spawn(&site).unwrap();
    until_said(&site, 503, ABSENT).await;
    own.order(Engine::resume).await;
    executor.serving().await.unwrap();
    every_avs_answers(&site, "it came").await;
    let containers = Containers::of(&site).await.unwrap();
    containers.settled(2, PATIENCE).await.unwrap();
    let before = lives(&containers).await.unwrap();

    type Order = fn(&Engine) -> Result<()>;
    let rounds: [(Order, Order, &str); 2] =
        [(Engine::stop, Engine::resume, ABSENT), (Engine::freeze, Engine::thaw, "no answer within")];
    for (away, back, words) in rounds {
        own.order(away).await;
        executor.kill().unwrap();
        executor = Executor::spawn(&site).unwrap();
        until_said(&site, 503, words).await;
        own.order(back).await;
        executor.serving().await.unwrap();
        every_avs_answers(&site, words).await;
        assert_eq!(lives(&containers).await.unwrap(), before, "{words}");
    }
    executor.stop().await.unwrap();
}
