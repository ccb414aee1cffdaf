//! The other commands of the binary, run to their end.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::binaries::Binaries;

/// How long a command may take.
const DEADLINE: Duration = Duration::from_secs(90);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

/// Runs `hourglass-executor` with these arguments in a directory, and with nothing of our environment but `PATH`.
///
/// # Errors
/// Where it cannot be started or does not end within 90 s.
pub async fn run<S: AsRef<OsStr>>(directory: &Path, arguments: &[S], input: &str) -> Result<Ended> {
    run_with(directory, arguments, &[], input).await
}

/// The same, with variables.
///
/// # Errors
/// As [`run`].
pub async fn run_with<S: AsRef<OsStr>>(
    directory: &Path,
    arguments: &[S],
    variables: &[(&str, &str)],
    input: &str,
) -> Result<Ended> {
    let mut command = Command::new(&Binaries::get()?.executor);
    command.args(arguments).current_dir(directory).env_clear().envs(variables.iter().copied());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // A command that reads nothing closes it; that is its business.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output =
        tokio::time::timeout(DEADLINE, child.wait_with_output()).await.context("the command does not end")??;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}
