//! An engine of a test's own, for what would disturb others.

use std::sync::Arc;

use anyhow::{Result, ensure};
use hourglass_environment::engine::{Engine, EngineOptions};
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::ground::performer;
use hourglass_tests::running::site::{Avs, OnEngine, Site};
use hourglass_tests::running::web;
use hourglass_tests::waiting::until_async;

use super::PATIENCE;

const IMAGE: &str = "hourglass-tests/square-performer:own";

/// An engine with the sample performer on it.
pub(crate) struct Own {
    pub(crate) engine: Arc<Engine>,
}

/// What a container would not have in common with one that was started in its place, or again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) id: String,
    pub(crate) performer: String,
    pub(crate) pid: i64,
    started: String,
}

impl Own {
    pub(crate) async fn start(options: EngineOptions) -> Self {
        let started = blocking(move || {
            let engine = Engine::with(&options)?;
            performer(IMAGE)?.load(engine.host())?;
            Ok(Self { engine: Arc::new(engine) })
        });
        started.await.unwrap()
    }

    /// A site on it. To be dropped before the engine.
    pub(crate) fn site(&self, avs: impl IntoIterator<Item = Avs>) -> Site {
        Site::docker(OnEngine { host: self.engine.host().to_owned(), image: IMAGE.to_owned() }, avs).unwrap()
    }

    /// Does something to the engine.
    pub(crate) async fn order(&self, what: fn(&Engine) -> Result<()>) {
        let engine = Arc::clone(&self.engine);
        blocking(move || what(&engine)).await.unwrap();
    }
}

/// Work that blocks, beside everything else.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The containers of a site that run, each with its one life.
pub(crate) async fn lives(containers: &Containers) -> Result<Vec<Life>> {
    let mut lives = Vec::new();
    for container in containers.all().await? {
        let state = containers.inspect(&container.id).await?.state.unwrap_or_default();
        ensure!(state.running == Some(true), "{container:?} does not run: {state:?}");
        lives.push(Life {
            id: container.id,
            performer: container.performer,
            pid: state.pid.unwrap_or_default(),
            started: state.started_at.map(|at| at.to_string()).unwrap_or_default(),
        });
    }
    Ok(lives)
}

/// Waits until the executor says whether it reaches its engine.
pub(crate) async fn until_engine(site: &Site, up: bool) {
    let line = format!("hourglass_engine_up {}\n", u8::from(up));
    let said = until_async(&line, PATIENCE, async || {
        let metrics = web::get(site.ports.metrics, "/metrics")?.body;
        let seen: Vec<_> = metrics.lines().filter(|line| line.starts_with("hourglass_engine")).collect();
        ensure!(metrics.contains(&line), "{seen:?}");
        Ok(())
    });
    said.await.unwrap();
}
