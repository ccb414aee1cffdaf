//! The engine's disk is full.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use hourglass_environment::engine::{Engine, EngineOptions};
use hourglass_environment::registry::Registry;
use hourglass_tests::running::caller::{self, connect, deploy_this};
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::load::Load;
use hourglass_tests::running::site::Avs;
use hourglass_tests::waiting::until_async;
use tonic::Code;

use super::noise::unknown_performer;
use super::own::{Own, blocking};
use super::{PATIENCE, answer};

const MIB: u64 = 1 << 20;

/// Where the engine keeps its data.
fn filler(engine: &Engine) -> Result<PathBuf> {
    let info = engine.api()?.get("/info")?;
    Ok(PathBuf::from(info["DockerRootDir"].as_str().context("no root")?).join("filler"))
}

/// Fills the engine's disk but for so many bytes.
fn fill(engine: &Engine, but: u64) -> Result<()> {
    let path = filler(engine)?;
    let root = path.parent().context("no root")?;
    let space = rustix::fs::statvfs(root)?;
    let bytes = (space.f_bavail * space.f_frsize).saturating_sub(but);
    fs::write(path, vec![1; usize::try_from(bytes)?])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_while_deploying() {
    let own = Own::start(EngineOptions { disk: Some(128 * MIB), ..EngineOptions::default() }).await;
    let (_registry, pushed) = blocking(|| {
        let registry = Registry::start()?;
        let pushed = unknown_performer(&registry, "large", 16 << 20);
        Ok((registry, pushed))
    })
    .await
    .unwrap();
    let avs = Avs::ecdsa().line("upgrade: {ready_deadline: 20s}");
    let site = Arc::new(own.site([avs, Avs::bn254()]));
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(2, PATIENCE).await.unwrap();
    let avs = &site.avs[0];
    let load = Load::start(&site, avs, 30, "full").await.unwrap();
    let api = connect(&site).await.unwrap();
    let request = caller::image(avs, &pushed.repository, &pushed.digest, &[("COUNT_IN_ANSWER", "1")]);

    let engine = Arc::clone(&own.engine);
    blocking(move || fill(&engine, 8 * MIB)).await.unwrap();
    let refusal = deploy_this(&site, &api, request.clone()).await.unwrap_err();
    println!("{}", refusal.message);
    assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
    for words in ["(EngineDiskFull)", "make room where the engine keeps its data", "what served before still does"] {
        assert!(refusal.message.contains(words), "'{words}' is not in: {}", refusal.message);
    }
    assert_eq!(containers.settled(2, PATIENCE).await.unwrap(), before);

    let engine = Arc::clone(&own.engine);
    blocking(move || Ok(fs::remove_file(filler(&engine)?)?)).await.unwrap();
    let deployed = deploy_this(&site, &api, request).await.unwrap();
    assert!(deployed.success, "{deployed:?}");
    assert_eq!(answer(&site, avs, "there is room").await, "9#run1");
    let (sent, _) = load.finish().await.unwrap();
    assert!(sent.failed.is_empty(), "{} failed: {:?}", sent.failed.len(), sent.failed.first());

    // A container that dies on a disk without a byte left is replaced all the same: what it leaves makes room.
    let after = containers.settled(2, PATIENCE).await.unwrap();
    let victim = after.iter().find(|container| container.performer == site.avs[1].name).unwrap();
    let engine = Arc::clone(&own.engine);
    blocking(move || fill(&engine, 0)).await.unwrap();
    containers.kill(&victim.id, "SIGKILL").await.unwrap();
    let replaced = until_async("a replacement", PATIENCE, async || {
        let running = containers.running(&site.avs[1]).await?;
        anyhow::ensure!(running.len() == 1 && running[0].id != victim.id, "{running:#?}");
        Ok(())
    });
    replaced.await.unwrap();
    for avs in &site.avs {
        assert_eq!(
            answer(&site, avs, "on a full disk").await,
            if avs.name == site.avs[0].name { "9#run1" } else { "9" }
        );
    }
    containers.settled(2, PATIENCE).await.unwrap();
    executor.stop().await.unwrap();
}
