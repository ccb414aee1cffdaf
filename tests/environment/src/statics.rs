//! Our programs as static binaries, which need nothing in an image but themselves.
//!
//! With glibc, which the machine's compiler links statically as it is: names resolve by `/etc/hosts` and DNS without any file of
//! its own in the image (`docs/adr/0014-environment.md`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::program;

/// Builds programs of this workspace statically, with a profile of it (`demo`, `dist`, `dev`), and returns where each is.
/// Cargo knows what is up to date.
///
/// # Errors
/// Where one does not build: what the compiler said.
pub fn build(packages: &[&str], profile: &str) -> Result<BTreeMap<String, PathBuf>> {
    let host = host()?;
    let mut arguments = vec!["build", "--locked", "--bins", "--profile", profile, "--target", &host];
    for package in packages {
        arguments.extend(["-p", package]);
    }
    // For the target alone: with RUSTFLAGS procedural macros and build scripts would get it as well.
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", host.to_uppercase().replace('-', "_"));
    let built = program::cargo_with(&arguments, &[(&variable, "-C target-feature=+crt-static")])?;
    let built: BTreeMap<_, _> = built.into_iter().collect();
    for package in packages {
        ensure!(built.contains_key(*package), "Cargo built no program {package}");
    }
    Ok(built)
}

/// The triple of this machine, as the compiler calls it.
///
/// # Errors
/// Where there is no compiler.
pub fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("running rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// Compiles one source without dependencies statically, for an image to hold.
///
/// # Errors
/// Where it does not compile: what the compiler said.
pub fn compiled(source: &Path) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("program");
    compile(source, &program)?;
    Ok(std::fs::read(program)?)
}

/// The same, to where it can be run.
///
/// # Errors
/// Where it does not compile: what the compiler said.
pub fn compile(source: &Path, program: &Path) -> Result<()> {
    let mut command = Command::new("rustc");
    // The target is named, so that the flag is for the program alone.
    command.args(["--edition=2024", "-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "--target"]);
    let output = command.arg(host()?).arg("-o").arg(program).arg(source).output().context("running rustc")?;
    ensure!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    Ok(())
}
