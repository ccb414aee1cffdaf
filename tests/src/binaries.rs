//! The binaries under test, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use cargo_metadata::Message;

use crate::repository;

/// The executables of this workspace that suites run.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `hourglass-executor`.
    pub executor: PathBuf,
    /// `hourglass-operator`.
    pub operator: PathBuf,
    /// `square-performer`.
    pub performer: PathBuf,
}

impl Binaries {
    /// Builds them with the profile of the tests, once in this process; Cargo knows what is up to date.
    ///
    /// # Errors
    /// Where they do not build, with what the compiler said.
    pub fn get() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Binaries, String>> = OnceLock::new();
        let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
        built.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// A `PATH` on which they come first.
    ///
    /// # Errors
    /// Where a folder's name cannot be part of a `PATH`.
    pub fn path(&self) -> Result<std::ffi::OsString> {
        let own = [&self.executor, &self.operator, &self.performer]
            .into_iter()
            .filter_map(|file| file.parent())
            .map(Path::to_path_buf);
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        Ok(std::env::join_paths(own.chain(std::env::split_paths(&inherited)))?)
    }
}

fn build() -> Result<Binaries> {
    // The whole workspace, so that features are unified as in `cargo test --workspace` and nothing is built twice.
    let arguments = ["build", "--workspace", "--bins", "--locked", "--message-format", "json-render-diagnostics"];
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(repository::root());
    // What Cargo tells a test about its package is not for the packages that are built here: some build scripts run
    // again when it changes, and half of the workspace with them.
    let about_us = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|p| name.starts_with(p))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(about_us)) {
        command.env_remove(name);
    }
    let output = command.output()?;
    ensure!(output.status.success(), "the binaries do not build:\n{}", String::from_utf8_lossy(&output.stderr));
    let artifacts: Vec<_> = Message::parse_stream(&*output.stdout)
        .filter_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) => Some((artifact.target.name, artifact.executable?)),
            _ => None,
        })
        .collect();
    let find = |name: &str| {
        let found = artifacts.iter().find(|(target, _)| target == name);
        found.map(|(_, file)| file.clone().into_std_path_buf()).with_context(|| format!("no binary {name}"))
    };
    let [executor, operator, performer] = ["hourglass-executor", "hourglass-operator", "square-performer"].map(find);
    Ok(Binaries { executor: executor?, operator: operator?, performer: performer? })
}
