//! The images of this checkout, built as operators build them.

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use hourglass_environment::packages::{self, Component};

use crate::repository;

/// `make images` on the engine at `host`, with the binaries that the demo builds. Returns what it printed.
///
/// # Errors
/// Where something is missing or does not build: what was said.
pub fn make(host: &str, tag: &str) -> Result<String> {
    // The files of all images are gathered in one place.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    packages::ensure(&[Component::Engine, Component::Certificates])?;
    let mut command = Command::new("make");
    command.args(["images", "IMAGE_PROFILE=demo", &format!("TAG={tag}")]).current_dir(repository::root());
    // What Cargo tells a test about its package is not for the packages that are built here.
    let about_us = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|p| name.starts_with(p))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(about_us)) {
        command.env_remove(name);
    }
    let output = command.env("DOCKER_HOST", host).stdin(Stdio::null()).output().context("running make")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "make images:\n{}\n{}", text(&output.stdout), text(&output.stderr));
    Ok(text(&output.stdout))
}
