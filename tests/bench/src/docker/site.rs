//! An executor's world whose performers are containers, and those as the engine sees them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hourglass_environment::api::Api;
use serde_json::Value;

use crate::docker::Bench;
use crate::world::{Setup, World};

const PATIENCE: Duration = Duration::from_secs(300);
/// Nothing that is measured asks the engine so often.
const PAUSE: Duration = Duration::from_millis(50);
const LABEL: &str = "hourglass.eigenlayer.io/executor";

/// A world; dropping it removes its containers. The executor has to be stopped before that.
pub(crate) struct Site {
    pub(crate) world: Arc<World>,
    api: Api,
}

/// A container as the engine describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) id: String,
    /// `avs-0`
    pub(crate) performer: String,
    /// `running`
    pub(crate) state: String,
}

impl Site {
    /// So many AVSs, with lines more in the entry of each, on the engine itself.
    pub(crate) fn make(bench: &Bench, avss: usize, lines: &[&str]) -> Result<Self> {
        Self::through(bench, &bench.ground.host, avss, lines)
    }

    /// The same, with the engine reached through what listens at `host`.
    pub(crate) fn through(bench: &Bench, host: &str, avss: usize, lines: &[&str]) -> Result<Self> {
        let setup = Setup { avss, failures_per_minute: 60 };
        let platform = bench.ground.platform(host);
        let world = World::on(&platform, &bench.executor, &bench.directory, setup, lines)?;
        Ok(Self { world: Arc::new(world), api: bench.ground.api.clone() })
    }

    fn owner_file(&self) -> PathBuf {
        self.world.directory.path().join("data/executor-id")
    }

    /// What filters a listing to what is this executor's.
    fn filter(&self) -> Result<String> {
        let file = self.owner_file();
        let owner = std::fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
        Ok(format!("%7B%22label%22%3A%5B%22{LABEL}%3D{}%22%5D%7D", owner.trim()))
    }

    /// Every container of the executor, in order. It blocks.
    pub(crate) fn containers(&self) -> Result<Vec<Seen>> {
        let listed = self.api.get(&format!("/containers/json?all=1&filters={}", self.filter()?))?;
        let text = |each: &Value, pointer: &str| {
            each.pointer(pointer).and_then(Value::as_str).map(str::to_owned).context(format!("no {pointer}"))
        };
        let mut all = listed.as_array().context("no list")?.iter().map(|each| {
            Ok(Seen {
                id: text(each, "/Id")?,
                performer: text(each, "/Labels/hourglass.eigenlayer.io~1performer")?,
                state: text(each, "/State")?,
            })
        });
        let mut all: Vec<Seen> = all.by_ref().collect::<Result<_>>()?;
        all.sort();
        Ok(all)
    }

    /// When each container was started, with its id.
    pub(crate) fn starts(&self) -> Result<Vec<(String, String)>> {
        let started = |seen: Seen| {
            let found = self.api.get(&format!("/containers/{}/json", seen.id))?;
            let at = found.pointer("/State/StartedAt").and_then(Value::as_str).context("no StartedAt")?;
            Ok((seen.id, at.to_owned()))
        };
        self.containers()?.into_iter().map(started).collect()
    }

    /// Waits until exactly so many containers are there, and all of them run.
    pub(crate) async fn settled(&self, count: usize) -> Result<Vec<Seen>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.containers()?;
            if all.len() == count && all.iter().all(|each| each.state == "running") {
                return Ok(all);
            }
            ensure!(Instant::now() < deadline, "not {count} running containers within {PATIENCE:?}: {all:#?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn remove_all(&self) -> Result<()> {
        // What was asked for last may only come to be while the rest is removed.
        for _ in 0..20 {
            let left = self.containers()?;
            if left.is_empty() {
                let networks = self.api.get(&format!("/networks?filters={}", self.filter()?))?;
                for id in networks.as_array().into_iter().flatten().filter_map(|each| each.get("Id")?.as_str()) {
                    self.api.delete(&format!("/networks/{id}"))?;
                }
                return Ok(());
            }
            std::thread::scope(|scope| {
                for some in left.chunks(left.len().div_ceil(8)) {
                    scope.spawn(move || {
                        for each in some {
                            // One that is being removed already is an error that the next look tells about.
                            let _gone = self.api.delete(&format!("/containers/{}?force=1&v=1", each.id));
                        }
                    });
                }
            });
        }
        bail!("{} containers stay", self.containers()?.len())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Err(error) = self.remove_all() {
            eprintln!("containers of the measurement are left: {error:#}");
        }
    }
}
