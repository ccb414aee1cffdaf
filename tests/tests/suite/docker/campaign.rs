//! Random histories over a real engine with one oracle: in the end everything is as it was last asked for, nothing is
//! orphaned, and nothing more is done.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hourglass_environment::engine::{Engine, EngineOptions};
use hourglass_tests::running::caller::{connect, deploy_this, performers};
use hourglass_tests::running::containers::{Container, Containers};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use tokio::task::JoinSet;

use super::own::{Own, blocking, until_engine};
use super::{answer, artifact};
use crate::upgrades::variable;

/// Long enough for what was held up by everything at once, with its pauses between tries.
const CONVERGED: Duration = Duration::from_secs(120);
/// How long nothing more must happen.
const QUIET: Duration = Duration::from_secs(10);

/// Always the same numbers for a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

/// In the order in which it is dropped: the engine last.
struct Campaign {
    deployments: JoinSet<()>,
    executor: Option<Executor>,
    containers: Containers,
    site: Arc<Site>,
    own: Own,
    dice: Dice,
    revision: u32,
}

impl Campaign {
    async fn begin(seed: u64) -> Self {
        let own = Own::start(EngineOptions::default()).await;
        let avs = [Avs::ecdsa(), Avs::bn254()].map(|avs| avs.line("upgrade: {ready_deadline: 30s}"));
        let site = Arc::new(own.site(avs).set("docker.call_timeout=3s"));
        let executor = Some(Executor::start(&site).await.unwrap());
        let containers = Containers::of(&site).await.unwrap();
        // Never 0: that would stay 0.
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self { own, site, executor, containers, dice, deployments: JoinSet::new(), revision: 0 }
    }

    async fn victim(&mut self) -> Option<Container> {
        let mut running = self.containers.all().await.unwrap();
        running.retain(|container| container.state == "running");
        let at = self.dice.below(running.len().max(1) as u64) as usize;
        (at < running.len()).then(|| running.swap_remove(at))
    }

    /// Asks for another revision of one AVS, of which some are of no use. Whether it comes to be does not matter here.
    fn deploy(&mut self) {
        self.revision += 1;
        let (which, revision) = (self.dice.below(2) as usize, self.revision.to_string());
        let crash = if self.dice.below(4) == 0 { "1" } else { "0" };
        let request = artifact(&self.site.avs[which], &[("REVISION", &revision), ("CRASH_AT_START", crash)]);
        let site = Arc::clone(&self.site);
        self.deployments.spawn(async move {
            if let Ok(api) = connect(&site).await {
                let _whatever = deploy_this(&site, &api, request).await;
            }
        });
    }

    async fn freeze(&mut self) {
        let pause = Duration::from_millis(self.dice.below(2000));
        self.own.order(Engine::freeze).await;
        tokio::time::sleep(pause).await;
        self.own.order(Engine::thaw).await;
    }

    async fn step(&mut self) -> &'static str {
        match self.dice.below(14) {
            0..4 => {
                self.deploy();
                "deploy"
            }
            4..6 => {
                let Some(victim) = self.victim().await else { return "nobody to kill" };
                // It may have ended meanwhile.
                let _gone = self.containers.kill(&victim.id, "SIGKILL").await;
                "kill"
            }
            6 => {
                let Some(victim) = self.victim().await else { return "nobody to pause" };
                let _gone = self.containers.pause(&victim.id).await;
                "pause"
            }
            7..9 => {
                self.freeze().await;
                "freeze"
            }
            9 => {
                self.own.order(Engine::kill).await;
                self.own.order(Engine::resume).await;
                "engine killed"
            }
            10..12 => {
                self.executor.take().unwrap().kill().unwrap();
                self.executor = Some(Executor::spawn(&self.site).unwrap());
                "executor killed"
            }
            _ => {
                tokio::time::sleep(Duration::from_millis(self.dice.below(1500))).await;
                "time"
            }
        }
    }

    /// Everything is whole again, and a person asks once more for what is wanted: a revision that could not become
    /// ready while nothing worked was rightly given up.
    async fn converge(&mut self) -> Vec<Container> {
        self.deployments.shutdown().await;
        until_engine(&self.site, true).await;
        for container in self.containers.all().await.unwrap() {
            if container.state == "paused" {
                let _gone = self.containers.unpause(&container.id).await;
            }
        }
        let (site, containers) = (&self.site, &self.containers);
        for avs in &site.avs {
            let request = artifact(avs, &[("COUNT_IN_ANSWER", "1"), ("REVISION", "last")]);
            // One that is under way is waited for by nobody any more, and ends.
            let deployed = until_async("the last deployment", CONVERGED, async || {
                let api = connect(site).await?;
                let deployed = deploy_this(site, &api, request.clone()).await;
                deployed.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))
            });
            assert!(deployed.await.unwrap().success);
            assert_eq!(answer(site, avs, "last").await, "9#run1");
        }
        let settled = containers.settled(2, CONVERGED).await.unwrap();
        let api = connect(site).await.unwrap();
        let listed = until_async("one of each", CONVERGED, async || {
            let listed = performers(site, &api).await?;
            let serving = listed.iter().all(|each| each.status == "InService" && each.application_healthy);
            anyhow::ensure!(listed.len() == 2 && serving, "{listed:#?}");
            Ok(listed)
        });
        for each in listed.await.unwrap() {
            assert!(settled.iter().any(|container| container.id.starts_with(&each.container_id)), "{settled:#?}");
        }
        settled
    }

    /// What the engine tells of itself for so long.
    async fn events(&self, during: Duration) -> String {
        let engine = Arc::clone(&self.own.engine);
        let told = blocking(move || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() + 1;
            // The engine answers when it is over.
            let target = format!("/events?since={since}&until={}", since + during.as_secs());
            let told = engine.api()?.request("GET", &target, &[], &[])?.success()?;
            Ok(String::from_utf8(told)?)
        });
        told.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_the_end_is_as_if_nothing_had() {
    let (seed, steps) = (variable("TEST_CONTAINER_CAMPAIGN_SEED", 1), variable("TEST_CONTAINER_CAMPAIGN_STEPS", 25));
    let mut campaign = Campaign::begin(seed.into()).await;
    let mut history = Vec::new();
    for _ in 0..steps {
        history.push(campaign.step().await);
    }
    println!("seed {seed}: {history:?}");
    let settled = campaign.converge().await;
    assert_eq!(campaign.events(QUIET).await, "", "something is still done");
    assert_eq!(campaign.containers.all().await.unwrap(), settled);
    for avs in &campaign.site.avs {
        assert_eq!(answer(&campaign.site, avs, "in the end").await, "9#run1");
    }
    campaign.executor.take().unwrap().stop().await.unwrap();
}
