//! The socket proxy between an executor and an engine, as the program that operators run.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::Binaries;
use crate::running::containers::LABELS;
use crate::running::site::Site;
use crate::waiting::until;

/// Whose containers may pass.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// Those of this id.
    Id(&'a str),
    /// Those of a site's executor, whose id is read from its file when it is there.
    Site(&'a Site),
}

/// The proxy as its own process; killed when it is dropped. Its socket's place is there before it, and stays.
#[derive(Debug)]
pub struct Gate {
    folder: TempDir,
    process: Option<Child>,
}

impl Gate {
    /// Not running yet.
    ///
    /// # Errors
    /// Where no directory can be made.
    pub fn closed() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, process: None })
    }

    /// Where it is reached, as a client of an engine takes it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Runs it before an engine, and waits until it listens.
    ///
    /// # Errors
    /// Where it does not.
    pub fn open(&mut self, engine: &str, whose: Whose<'_>) -> Result<()> {
        let mut command = Command::new(&Binaries::get()?.executor);
        command.args(["socket-proxy", "--listen", &self.host(), "--docker-host", engine]);
        match whose {
            Whose::Id(id) => command.args(["--executor-id", id]),
            Whose::Site(site) => {
                // Under another name: what names the site's directory belongs to the site and is killed with it, and the
                // gate has to be there until the site's containers are removed.
                let storage = self.folder.path().join("storage");
                if !storage.is_symlink() {
                    symlink(site.storage(), &storage)?;
                }
                command.arg("--executor-id-file").arg(storage.join("executor-id"))
            }
        };
        let log = File::options().create(true).append(true).open(self.log())?;
        self.process = Some(command.stdin(Stdio::null()).stderr(log).spawn()?);
        let socket = self.socket();
        let listens = until("a gate that listens", Duration::from_secs(60), || Ok(UnixStream::connect(&socket)?));
        listens.map(drop).with_context(|| fs::read_to_string(self.log()).unwrap_or_default())
    }

    /// Kills it, where it runs.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// What it refused since it was opened first.
    ///
    /// # Errors
    /// Where it was never opened.
    pub fn refused(&self) -> Result<Vec<String>> {
        let log = fs::read_to_string(self.log())?;
        Ok(log.lines().filter(|line| line.contains("refused: ")).map(str::to_owned).collect())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What an executor may ask an engine to make: a container that passes.
pub fn container(owner: &str, image: &str, network: &str) -> Value {
    json!({
        "Image": image,
        "Labels": { format!("{LABELS}/executor"): owner },
        "User": "65532:65532",
        "HostConfig": {
            "NetworkMode": network,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": true,
            "PidsLimit": 64,
            "IpcMode": "private",
            "RestartPolicy": { "Name": "no" },
        },
    })
}
