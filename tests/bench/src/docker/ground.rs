//! What everything here stands on: an engine that has the sample performer as an image.

use std::path::Path;

use anyhow::{Context as _, Result};
use hourglass_environment::api::Api;
use hourglass_environment::engine;
use hourglass_environment::image::{self, Image};
use hourglass_environment::registry::Registry;
use serde_json::Value;

use crate::world::Platform;

const PATH: &str = "/square-performer";
const NAME: &str = "hourglass-bench/square-performer:1";

/// The engine, and what it runs.
pub(crate) struct Ground {
    pub(crate) host: String,
    pub(crate) api: Api,
    /// The image without tag and digest, and its digest, by which it is deployed; the engine has it.
    pub(crate) repository: String,
    pub(crate) digest: String,
}

impl Ground {
    /// Starts an engine where the machine has none, and loads the performer. It blocks.
    pub(crate) fn make(performer: &Path) -> Result<Self> {
        let engine = engine::shared()?;
        let (host, api) = (engine.host().to_owned(), engine.api()?);
        let program = std::fs::read(performer).with_context(|| performer.display().to_string())?;
        let image = Image::new(NAME).file(PATH, program, 0o755).entrypoint([PATH]).user("65532:65532").exposed(9090);
        image.load(&host)?;
        // What is deployed is named by its digest, which only a registry gives. It is pulled here, once.
        let registry = Registry::start()?;
        let repository = format!("{}/square-performer", registry.address());
        let digest = image::push(&host, NAME, &repository, "1", None)?.digest;
        let pull = format!("/images/create?fromImage={repository}&tag={digest}");
        api.request("POST", &pull, &[], &[])?.success()?;
        let ground = Self { host, api, repository, digest };
        ground.api.get(&format!("/images/{}/json", ground.image())).context("pulling what was pushed")?;
        Ok(ground)
    }

    /// The image by its digest.
    pub(crate) fn image(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// Containers of it on the engine, or on what answers in its place.
    pub(crate) fn platform(&self, host: &str) -> Platform {
        Platform::Containers { host: host.to_owned(), image: self.image() }
    }

    /// The engine in a few words.
    pub(crate) fn describe(&self) -> Result<String> {
        let info = self.api.get("/info")?;
        let of = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        Ok(format!(
            "Docker Engine {}, {}, cgroup v{}",
            of("ServerVersion"),
            of("Driver"),
            info.get("CgroupVersion").and_then(Value::as_str).unwrap_or("1")
        ))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // An engine of the machine stays.
        for name in [self.image(), NAME.to_owned()] {
            if let Err(error) = self.api.delete(&format!("/images/{name}?force=1")) {
                eprintln!("{name} stays on the engine: {error:#}");
            }
        }
    }
}
