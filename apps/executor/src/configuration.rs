//! Reads what the configuration is made of: the file, the environment, the flags.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use hourglass_core::config::{self, ConfigFile, Loaded, Problems, Sources};

use crate::cli::ConfigArgs;

/// Says where an executor is that is asked something: of the command line, and no key of the configuration.
pub(crate) const OWN_VARIABLE: &str = "HOURGLASS_ENDPOINT";

/// A configuration with problems: exit code 2.
#[derive(Debug)]
pub(crate) struct Invalid(pub(crate) Problems);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Invalid {}

/// Reads and checks the configuration.
///
/// # Errors
/// [`Invalid`] with every problem, or why the file cannot be read.
pub(crate) fn load(args: &ConfigArgs) -> anyhow::Result<Loaded> {
    let file = args.config.as_deref().map(read).transpose()?;
    let env = std::env::vars_os()
        .filter(|(name, _)| name != OWN_VARIABLE)
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    config::load(&Sources { file, env, flags: args.set.clone() }).map_err(|problems| Invalid(problems).into())
}

fn read(path: &Path) -> anyhow::Result<ConfigFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}: give a file with --config", path.display()))?;
    Ok(ConfigFile { name: path.display().to_string(), text })
}
