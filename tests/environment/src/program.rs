//! The programs of test crates, which tests start as processes of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

/// Its name.
pub(crate) const NAME: &str = "hourglass-environment";

/// `hourglass-environment`: see [`of`].
///
/// # Errors
/// As [`of`].
pub(crate) fn path() -> Result<PathBuf> {
    of(NAME)
}

/// The program of the package of the same name: this very process's program, or built once by Cargo, which knows what is up to
/// date.
///
/// # Errors
/// Where it does not build, with what the compiler said.
pub fn of(name: &str) -> Result<PathBuf> {
    static FOUND: Mutex<BTreeMap<String, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let found = found.entry(name.to_owned()).or_insert_with(|| find(name).map_err(|error| format!("{error:#}")));
    found.clone().map_err(|error| anyhow!("{error}"))
}

fn find(name: &str) -> Result<PathBuf> {
    if is_running(name)? {
        return Ok(std::env::current_exe()?);
    }
    let built = cargo(&["build", "--locked", "-p", name, "--bin", name])?;
    built.into_iter().find(|(built, _)| built == name).map(|(_, file)| file).context("Cargo built no such program")
}

/// Whether this process is that program.
fn is_running(name: &str) -> Result<bool> {
    // Cargo links the same file twice, as `NAME` and as `deps/NAME-<hash>`; tests are only ever the latter.
    Ok(std::env::current_exe()?.file_stem().is_some_and(|stem| stem == name))
}

/// Runs Cargo in the checkout and returns the name and the file of each executable that it says is up to date.
///
/// # Errors
/// Where it fails, with what the compiler said.
pub(crate) fn cargo(arguments: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    cargo_with(arguments, &[])
}

/// The same, with variables.
///
/// # Errors
/// As [`cargo`].
pub(crate) fn cargo_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Vec<(String, PathBuf)>> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).args(["--message-format", "json-render-diagnostics"]).current_dir(checkout());
    // What Cargo tells a test about its package is not for the packages that are built here: some build scripts run
    // again when it changes.
    let about_us = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|p| name.starts_with(p))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(about_us)) {
        command.env_remove(name);
    }
    // A person may watch it; a test wants to know what was said only when it fails.
    let watched = is_running(NAME)?;
    command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(if watched { Stdio::inherit() } else { Stdio::piped() });
    let output = command.spawn().and_then(Child::wait_with_output).context("running cargo")?;
    let line = arguments.join(" ");
    ensure!(output.status.success(), "cargo {line} fails:\n{}", String::from_utf8_lossy(&output.stderr));
    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>().filter_map(Result::ok);
    let executable = |message: Value| {
        let file = PathBuf::from(message.get("executable")?.as_str()?);
        Some((message.pointer("/target/name")?.as_str()?.to_owned(), file))
    };
    Ok(messages.filter_map(executable).collect())
}

/// The root of the checkout. What Cargo says now counts, not what it said to the compiler: a cache of builds is shared by
/// checkouts at several places.
pub fn checkout() -> PathBuf {
    let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).or_else(|| std::env::current_dir().ok());
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = |from: &Path| from.ancestors().find(|above| above.join("deny.toml").is_file()).map(Path::to_path_buf);
    told.as_deref().and_then(root).or_else(|| root(compiled)).unwrap_or_else(|| compiled.to_path_buf())
}
