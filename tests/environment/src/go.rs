//! A Go toolchain that is new enough for a `go.mod`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::commands;
use crate::packages::{self, Component};

/// Where toolchains are unpacked that no package brought.
const USUAL_PLACE: &str = "/usr/local/go/bin/go";

/// A version of Go: `1.24`, `1.24.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// `1`
    pub major: u32,
    /// `24`
    pub minor: u32,
    /// `3`; 0 where none is named.
    pub patch: u32,
}

impl Version {
    /// `1.24`, `1.24.3`, `go1.24.3`; a release candidate counts as its release.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("go").unwrap_or(text);
        let mut parts = text.split('.').map(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        let (major, minor) = (parts.next()??, parts.next()??);
        Some(Self { major, minor, patch: parts.next().flatten().unwrap_or(0) })
    }

    /// What a `go.mod` asks for: its `toolchain` line, or else its `go` line.
    pub fn wanted_by(manifest: &str) -> Option<Self> {
        let after = |word: &str| {
            let mut lines = manifest.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
            lines.find_map(|line| line.strip_prefix(word)?.strip_prefix(' ').map(str::trim))
        };
        after("toolchain").and_then(Self::parse).or_else(|| after("go").and_then(Self::parse))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Go {
    /// Its `go`.
    pub program: PathBuf,
    /// Its version.
    pub version: Version,
}

impl Go {
    /// One at least as new as a `go.mod` asks for: on `PATH`, where toolchains usually are, in our cache, and else fetched there as
    /// a Go module through whatever `GOPROXY` says, by an older Go that Debian has.
    ///
    /// # Errors
    /// Where the file names no version, or none is there and none can be fetched.
    pub fn for_module(manifest: &Path) -> Result<Self> {
        let text = fs::read_to_string(manifest).with_context(|| manifest.display().to_string())?;
        let wanted = Version::wanted_by(&text).with_context(|| format!("{}: no go line", manifest.display()))?;
        Self::at_least(wanted)
    }

    /// One at least as new as this.
    ///
    /// # Errors
    /// As [`for_module`](Self::for_module).
    pub fn at_least(wanted: Version) -> Result<Self> {
        let cached = cache()?.join(format!("go{wanted}/bin/go"));
        let found = commands::find("go").into_iter().chain([PathBuf::from(USUAL_PLACE), cached]);
        let found = found.filter_map(|program| Self::at(program).ok()).find(|go| go.version >= wanted);
        found.map_or_else(|| bootstrap(wanted), Ok)
    }

    /// The toolchain of this program.
    fn at(program: PathBuf) -> Result<Self> {
        ensure!(commands::is_executable(&program), "{} is no program", program.display());
        let output = Command::new(&program).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = Version::parse(text.trim()).with_context(|| format!("{}: {text:?}", program.display()))?;
        Ok(Self { program, version })
    }

    /// A `go` command in a folder, that fetches no other toolchain by itself and finds this one first.
    ///
    /// # Errors
    /// Where `PATH` holds a folder that cannot be part of it.
    pub fn command(&self, folder: &Path) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).env("GOTOOLCHAIN", "local").env("PATH", self.path()?).stdin(Stdio::null());
        Ok(command)
    }

    /// A `PATH` on which it comes first.
    ///
    /// # Errors
    /// As [`command`](Self::command).
    pub fn path(&self) -> Result<OsString> {
        let own = self.program.parent().map(Path::to_path_buf);
        Ok(std::env::join_paths(own.into_iter().chain(commands::search_path()))?)
    }
}

/// Where what is built or fetched once is kept, outside the checkout.
///
/// # Errors
/// Where neither `HOURGLASS_CACHE`, `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = set("HOURGLASS_CACHE");
    let usual =
        || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))).map(|root| root.join("hourglass"));
    own.or_else(usual).context("set HOURGLASS_CACHE to a folder for what is fetched once")
}

/// Fetches a toolchain: it is a Go module, which any Go since 1.11 can download and check.
fn bootstrap(wanted: Version) -> Result<Go> {
    // Older ones are named otherwise, and the next newer does as well.
    let wanted = wanted.max(Version { major: 1, minor: 21, patch: 0 });
    packages::ensure(&[Component::Go])?;
    let old = commands::find("go").context("there is no command go")?;
    let module = format!("golang.org/toolchain@v0.0.1-go{wanted}.{}", platform()?);
    eprintln!("==> Fetching Go {wanted} ({module})");
    let cache = cache()?;
    fs::create_dir_all(&cache)?;
    let scratch = tempfile::Builder::new().prefix("go-").tempdir_in(&cache)?;
    // Outside of every module, and in a module cache of its own, which is removed afterwards.
    let output = Command::new(&old)
        .args(["mod", "download", "-json", &module])
        .current_dir(scratch.path())
        .env("GO111MODULE", "on")
        .env("GOFLAGS", "-modcacherw")
        .env("GOMODCACHE", scratch.path().join("modules"))
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::null())
        .output()
        .context("running go mod download")?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let Some(folder) = answer.get("Dir").and_then(serde_json::Value::as_str).filter(|_| output.status.success()) else {
        let why = answer.get("Error").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        bail!("Go {wanted} cannot be fetched: {why}{}", String::from_utf8_lossy(&output.stderr));
    };
    let fetched = Path::new(folder);
    // Modules have no executable files.
    for below in ["bin", "pkg/tool"] {
        make_executable(&fetched.join(below))?;
    }
    let place = cache.join(format!("go{wanted}"));
    match fs::rename(fetched, &place) {
        Ok(()) => {}
        // Another process was faster.
        Err(_) if place.join("bin/go").is_file() => {}
        Err(error) => return Err(error).with_context(|| place.display().to_string()),
    }
    let go = Go::at(place.join("bin/go"))?;
    if go.version < wanted {
        bail!("{} is Go {}", go.program.display(), go.version);
    }
    Ok(go)
}

fn make_executable(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_executable(&entry.path())?;
        } else {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

/// This machine in Go's words.
fn platform() -> Result<String> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("no Go toolchain is known for {other}"),
    };
    Ok(format!("linux-{architecture}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("1.9") < version("go1.19.8"));
        assert!(version("1.24") <= version("1.24.0"));
        assert_eq!(version("go1.25rc1"), version("1.25"));
        assert_eq!(Version::parse("devel"), None);
    }

    #[test]
    fn a_module_asks_for_its_toolchain_or_its_language() {
        let module = "module x\n\ngo 1.23.6 // or later\n";
        assert_eq!(Version::wanted_by(module), Version::parse("1.23.6"));
        assert_eq!(Version::wanted_by(&format!("{module}toolchain go1.24.1\n")), Version::parse("1.24.1"));
        assert_eq!(Version::wanted_by("module go\n"), None);
    }
}
