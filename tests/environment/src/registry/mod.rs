//! An image registry of our own on loopback, and what can go wrong with one.
//!
//! An engine takes registries on 127.0.0.0/8 without TLS.

mod proxy;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::commands;
use crate::image::Credentials;
use crate::keep::Kept;
use crate::packages::{self, Component};

pub use proxy::{Fault, Part, Proxy, Rule};

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(30);
/// A port that was free a moment ago may be taken when the registry comes to it.
const ATTEMPTS: u32 = 5;

/// Debian's `docker-registry` with storage of its own, in a process that ends with this one.
#[derive(Debug)]
pub struct Registry {
    address: String,
    // The process first: it writes into the folder.
    _process: Kept,
    folder: TempDir,
}

impl Registry {
    /// One that lets everybody in. Missing packages are installed first, where that is possible.
    ///
    /// # Errors
    /// Where the package is missing and cannot be installed, or the registry does not start: what it said.
    pub fn start() -> Result<Self> {
        Self::with(None)
    }

    /// One that asks for a user and a password (HTTP basic).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn with_auth(who: &Credentials) -> Result<Self> {
        Self::with(Some(who))
    }

    fn with(who: Option<&Credentials>) -> Result<Self> {
        packages::ensure(&[Component::Registry])?;
        let program = commands::find("docker-registry").context("there is no command docker-registry")?;
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new().prefix("hourglass-registry-").tempdir()?;
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            let address = format!("127.0.0.1:{port}");
            let configuration = configure(folder.path(), &address, who)?;
            let log = folder.path().join("log");
            let mut process = Kept::start(&program, &["serve", path(&configuration)?], &log)?;
            let listening = crate::waiting::until("the registry listens", START, || {
                // One that could not have its port ends at once; there is no reason to wait for it.
                Ok(if process.is_running() { TcpStream::connect(&address).map(|_| true)? } else { false })
            })
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
            if listening && process.is_running() {
                return Ok(Self { address, _process: process, folder });
            }
            said = std::fs::read_to_string(&log).unwrap_or_default();
        }
        bail!("docker-registry does not start:\n{said}");
    }

    /// `127.0.0.1:port`: what image names begin with.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Flips a byte in every stored blob that is larger than this, so that none has its digest any more: returns how many.
    ///
    /// # Errors
    /// Where the storage cannot be read or written.
    pub fn corrupt_blobs(&self, larger_than: u64) -> Result<usize> {
        let mut folders = vec![self.folder.path().join("storage")];
        let mut corrupted = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name() == "data" && entry.metadata()?.len() > larger_than {
                    let mut content = std::fs::read(entry.path())?;
                    let middle = content.len() / 2;
                    if let Some(byte) = content.get_mut(middle) {
                        *byte ^= 0xff;
                    }
                    std::fs::write(entry.path(), content)?;
                    corrupted += 1;
                }
            }
        }
        Ok(corrupted)
    }
}

/// JSON is YAML as well.
fn configure(folder: &Path, address: &str, who: Option<&Credentials>) -> Result<PathBuf> {
    let mut configuration = json!({
        "version": "0.1",
        "log": { "level": "info", "accesslog": { "disabled": false } },
        "storage": {
            "filesystem": { "rootdirectory": folder.join("storage") },
            "delete": { "enabled": true },
        },
        "http": { "addr": address, "secret": "only the tests' own" },
    });
    if let Some(Credentials { user, password }) = who {
        ensure!(!user.contains(':'), "a user's name has no colon");
        let file = folder.join("htpasswd");
        // The lowest cost that there is: this guards nothing.
        let hash = bcrypt::hash_with_result(password, 4)?.format_for_version(bcrypt::Version::TwoY);
        std::fs::write(&file, format!("{user}:{hash}\n"))?;
        if let Some(all) = configuration.as_object_mut() {
            all.insert("auth".into(), json!({ "htpasswd": { "realm": "tests", "path": file } }));
        }
    }
    let file = folder.join("config.yml");
    std::fs::write(&file, serde_json::to_vec_pretty(&configuration)?)?;
    std::fs::create_dir_all(folder.join("storage"))?;
    Ok(file)
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is no text", path.display()))
}
