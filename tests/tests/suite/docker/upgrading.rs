//! From one container to another while tasks keep coming, and by a person's word.

use std::sync::Arc;
use std::time::Duration;

use hourglass_tests::running::caller::{connect, deploy_this, performers};
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::load::Load;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::running::{command, web};
use hourglass_tests::waiting::until_async;
use rustix::process::Signal;

use super::{PATIENCE, answer, artifact, site};
use crate::upgrades::variable;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_in_a_row_and_no_task_fails() {
    let upgrades = variable("TEST_CONTAINER_UPGRADES", 5);
    let rate = variable("TEST_CONTAINER_UPGRADE_RATE", 200);
    let site = Arc::new(site([Avs::ecdsa().env("TASK_DELAY_MS", 5)]).set("log_level=warn"));
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let load = Load::start(&site, avs, rate, "upgrade").await.unwrap();
    let api = connect(&site).await.unwrap();
    for upgrade in 0..upgrades {
        let deployed = deploy_this(&site, &api, artifact(avs, &[("REVISION", &upgrade.to_string())])).await.unwrap();
        assert!(deployed.success, "{deployed:?}");
    }
    let (sent, took) = load.finish().await.unwrap();
    println!(
        "{upgrades} upgrades in {took:.1?}: {} tasks answered, longest {:.0?}, longest gap {:.0?}, failed {}",
        sent.answered,
        sent.longest,
        sent.longest_gap(),
        sent.failed.len()
    );
    assert!(sent.failed.is_empty(), "{} failed: {:?}", sent.failed.len(), sent.failed.first());
    assert!(sent.answered > upgrades as usize * 20, "{}", sent.answered);
    let containers = Containers::of(&site).await.unwrap();
    let left = containers.settled(1, PATIENCE).await.unwrap();
    assert_eq!(left[0].id, containers.serving(&site, &api, avs).await.unwrap().id);
    executor.stop().await.unwrap();
}

/// A new configuration with another revision of the first AVS is staged.
pub(super) async fn stage(site: &mut Site, executor: &Executor, revision: &str) -> String {
    site.avs[0].env = vec![("REVISION".to_owned(), revision.to_owned())];
    site.write().unwrap();
    executor.signal(Signal::HUP).unwrap();
    let api = connect(site).await.unwrap();
    let staged = until_async("a staged revision that is ready", PATIENCE, async || {
        // Each look takes one of twenty challenges, and the commands that follow need some as well.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let listed = performers(site, &api).await?;
        let staged = listed.iter().find(|p| p.status == "Staged" && p.application_healthy);
        staged.map(|p| p.performer_id.clone()).ok_or_else(|| anyhow::anyhow!("{listed:#?}"))
    });
    staged.await.unwrap()
}

pub(super) async fn command(site: &Site, arguments: &[&str]) -> command::Ended {
    let config = site.config().display().to_string();
    let all = [&["performers"], arguments, &["--config", &config]].concat();
    command::run(site.directory(), &all, "").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blue_green_waits_for_a_word() {
    let mut site = site([Avs::ecdsa().line("upgrade: {strategy: BlueGreen}")]);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let blue = containers.settled(1, PATIENCE).await.unwrap().remove(0);

    // Called off: what waited is gone, what served still does.
    let staged = stage(&mut site, &executor, "2").await;
    assert_eq!(containers.settled(2, PATIENCE).await.unwrap().len(), 2);
    assert_eq!(answer(&site, &site.avs[0], "while one waits").await, "9");
    let api = connect(&site).await.unwrap();
    assert_eq!(containers.serving(&site, &api, &site.avs[0]).await.unwrap(), blue);
    let aborted = command(&site, &["abort", &staged]).await;
    assert_eq!(aborted.code, Some(0), "{aborted:?}");
    assert_eq!(containers.settled(1, PATIENCE).await.unwrap(), std::slice::from_ref(&blue));

    // Promoted: it takes over, and the one before goes.
    let staged = stage(&mut site, &executor, "3").await;
    let promoted = command(&site, &["promote", &staged]).await;
    assert_eq!(promoted.code, Some(0), "{promoted:?}");
    let green = until_async("only the promoted one", PATIENCE, async || {
        let all = containers.all().await?;
        anyhow::ensure!(all.len() == 1 && all[0].id != blue.id, "{all:#?}");
        Ok(all[0].clone())
    });
    let green = green.await.unwrap();
    assert_eq!(containers.serving(&site, &api, &site.avs[0]).await.unwrap().id, green.id);
    assert_eq!(answer(&site, &site.avs[0], "promoted").await, "9");
    assert_eq!(web::get(site.ports.health, "/ready").unwrap().status, 200);
    executor.stop().await.unwrap();
}
