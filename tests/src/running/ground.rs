//! What suites over containers stand on, made once in a process: an engine, the sample performer as an image on it, and a
//! registry from which the same image is pulled by its digest.

use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow};
use hourglass_environment::engine::{self, Shared};
use hourglass_environment::image::{self, Image, Pushed};
use hourglass_environment::registry::Registry;
use hourglass_environment::statics;

use crate::running::site::{Avs, OnEngine, Site};

/// The sample performer's program and the path that it has in its image.
const PERFORMER: &str = "square-performer";
const EXECUTOR: &str = "hourglass-executor";
const PATH: &str = "/square-performer";

/// What containers run on.
#[derive(Debug)]
pub struct Ground {
    engine: &'static Shared,
    /// The sample performer, by a name that only this engine knows.
    pub image: String,
}

/// The sample performer in a registry.
#[derive(Debug)]
pub struct Published {
    /// Without tag and digest.
    pub repository: String,
    /// What it is pulled by: `sha256:…`.
    pub digest: String,
    _registry: Registry,
}

/// The one of this process. Everybody's: nobody may stop its engine. For that, start an engine of your own, bring the
/// [performer](performer()) there, and make a site with [`Site::docker`].
///
/// # Errors
/// What is missing and how to get it, the same at every call.
pub fn ground() -> Result<&'static Ground> {
    static GROUND: OnceLock<Result<Ground, String>> = OnceLock::new();
    let ground = GROUND.get_or_init(|| Ground::make().map_err(|error| format!("{error:#}")));
    ground.as_ref().map_err(|error| anyhow!("{error}"))
}

/// The sample performer as an image of this name, to be loaded or changed.
///
/// # Errors
/// Where it does not build.
pub fn performer(name: &str) -> Result<Image> {
    static PROGRAM: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let read = || -> Result<Vec<u8>> {
        // As `make images` does: Cargo makes another program of it where it builds it alone, with fewer features of what
        // both use, and puts it at the same place while images are being made.
        let built = statics::build(&[EXECUTOR, PERFORMER], "demo")?;
        let file = built.get(PERFORMER).context("Cargo built no performer")?;
        Ok(std::fs::read(file)?)
    };
    let program = PROGRAM.get_or_init(|| read().map_err(|error| format!("{error:#}")));
    let program = program.as_ref().map_err(|error| anyhow!("{error}"))?;
    let image = Image::new(name).file(PATH, program.clone(), 0o755).entrypoint([PATH]);
    Ok(image.user("65532:65532").exposed(9090))
}

impl Ground {
    fn make() -> Result<Self> {
        let engine = engine::shared()?;
        let image = format!("hourglass-tests/{PERFORMER}:1");
        performer(&image)?.load(engine.host())?;
        Ok(Self { engine, image })
    }

    /// The sample performer in a registry of this process, from which the engine pulls it.
    ///
    /// # Errors
    /// What is missing and how to get it, the same at every call.
    pub fn published(&self) -> Result<&'static Published> {
        static PUBLISHED: OnceLock<Result<Published, String>> = OnceLock::new();
        let publish = || -> Result<Published> {
            let registry = Registry::start()?;
            let repository = format!("{}/{PERFORMER}", registry.address());
            let Pushed { repository, digest, .. } = image::push(self.host(), &self.image, &repository, "1", None)?;
            Ok(Published { repository, digest, _registry: registry })
        };
        let published = PUBLISHED.get_or_init(|| publish().map_err(|error| format!("{error:#}")));
        published.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// The engine's address.
    pub fn host(&self) -> &str {
        self.engine.host()
    }

    /// A site with containers here.
    ///
    /// # Errors
    /// As [`Site::docker`].
    pub fn site(&self, avs: impl IntoIterator<Item = Avs>) -> Result<Site> {
        Site::docker(OnEngine { host: self.host().to_owned(), image: self.image.clone() }, avs)
    }
}
