//! Running the system's commands.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Where administrators' commands are, which an ordinary `PATH` may lack.
const ADMINISTRATION: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// `PATH`, and the folders of administrators' commands.
pub fn search_path() -> Vec<PathBuf> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&inherited).chain(ADMINISTRATION.iter().map(PathBuf::from)).collect()
}

/// Where a command is, if it is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|folder| folder.join(name)).find(|file| is_executable(file))
}

/// Whether a file is there that may be executed.
pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A command that finds what it needs, with nothing on its standard input.
///
/// # Errors
/// Where there is no such command.
pub fn command(name: &str) -> Result<Command> {
    let file = find(name).with_context(|| format!("there is no command {name}"))?;
    let mut command = Command::new(file);
    command.env("PATH", std::env::join_paths(search_path())?).stdin(Stdio::null());
    Ok(command)
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// Where it cannot be run or fails, with what it said.
pub fn run<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Result<String> {
    let arguments: Vec<OsString> = arguments.into_iter().map(|each| each.as_ref().to_owned()).collect();
    let output = command(name)?.args(&arguments).output().with_context(|| format!("running {name}"))?;
    if !output.status.success() {
        let line = arguments.join(OsStr::new(" "));
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name} {}: {}: {}", line.display(), output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
