//! The engine of tests that break nothing: one for a process.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::api::Api;
use crate::engine::Engine;

/// Where an engine of the machine is by default.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// An engine that several tests use at a time: they must not stop it, and must name things so that they do not meet.
#[derive(Debug)]
pub struct Shared {
    host: String,
    own: Option<Engine>,
}

impl Shared {
    /// Its address, as `DOCKER_HOST` has it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its API.
    ///
    /// # Errors
    /// Where `DOCKER_HOST` is an address of a kind that tests cannot use.
    pub fn api(&self) -> Result<Api> {
        Api::at(&self.host)
    }

    /// Whether it is our own, and not one of the machine.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }
}

/// The engine that the user named with `DOCKER_HOST`, or the one of the machine where it answers.
///
/// A `DOCKER_HOST` that does not answer is returned all the same: the user meant it.
pub fn existing() -> Option<String> {
    if let Some(host) = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()) {
        return Some(host);
    }
    if !Path::new(DEFAULT_SOCKET).exists() {
        return None;
    }
    let host = format!("unix://{DEFAULT_SOCKET}");
    let answers = Api::at(&host).and_then(|api| api.silence(Duration::from_secs(2)).ping());
    answers.is_ok().then_some(host)
}

/// The engine of this process: an [`existing`] one, or else one of our own, started at the first call and removed when the
/// process ends in whatever way.
///
/// # Errors
/// As [`Engine::start`]; every call returns the same.
pub fn shared() -> Result<&'static Shared> {
    static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    shared.as_ref().map_err(|error| anyhow!("{error}"))
}

fn start() -> Result<Shared> {
    if let Some(host) = existing() {
        return Ok(Shared { host, own: None });
    }
    let engine = Engine::start()?;
    Ok(Shared { host: engine.host().to_owned(), own: Some(engine) })
}
