use std::ffi::OsString;

use anyhow::Result;
use hourglass_environment::engine::Engine;
use hourglass_environment::packages::{self, Component};
use hourglass_environment::registry::Registry;

use crate::binaries::Binaries;
use crate::images;

/// What the blocks of a document find around them. Dropping it removes all of it.
#[derive(Debug)]
pub struct Surroundings {
    /// Where commands are looked for.
    pub path: OsString,
    /// Variables besides those that every document has.
    pub variables: Vec<(&'static str, String)>,
    // Not shared: a document may remove what it finds.
    engine: Option<(Engine, Registry)>,
}

impl Surroundings {
    /// No more than a `PATH`.
    pub fn only(path: impl Into<OsString>) -> Self {
        Self { path: path.into(), variables: Vec::new(), engine: None }
    }

    /// What this document asks for: the workspace's binaries, and with `<!-- engine -->` an engine and a registry of its own.
    ///
    /// # Errors
    /// Where something does not build or start.
    pub fn of(document: &str) -> Result<Self> {
        let mut found = Self::only(Binaries::get()?.path()?);
        if wants_engine(document) {
            packages::ensure(&[Component::Engine, Component::Compose])?;
            let (engine, registry) = (Engine::start()?, Registry::start()?);
            images::make(engine.host(), env!("CARGO_PKG_VERSION"))?;
            found.variables.push(("DOCKER_HOST", engine.host().to_owned()));
            found.variables.push(("DOCKER_SOCKET", engine.socket().display().to_string()));
            found.variables.push(("REGISTRY", registry.address().to_owned()));
            found.engine = Some((engine, registry));
        }
        Ok(found)
    }

    /// Whether there is an engine.
    pub const fn has_engine(&self) -> bool {
        self.engine.is_some()
    }
}

/// Whether a document says so: the comment stands on a line of its own.
pub fn wants_engine(document: &str) -> bool {
    document.lines().any(|line| line.trim() == "<!-- engine -->")
}
