//! How one component is started, and when it counts as started.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hourglass_environment::{api, commands};

use crate::api::Api;

/// The longest that a component may keep silent when it is asked whether it is ready.
const SILENCE: Duration = Duration::from_secs(2);

/// A component's command line.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) ready: Vec<Ready>,
}

/// What must be so before a component counts as started. Addresses are those inside the cluster's network.
#[derive(Debug, Clone)]
pub(crate) enum Ready {
    /// 200 from this path.
    Http(SocketAddr, &'static str),
    /// The same over TLS, with a certificate of the cluster's authority.
    Https(SocketAddr, &'static str),
    /// 200 from this path of the API server at this address.
    Api(SocketAddr, String),
    /// Somebody listens on this socket.
    Socket(PathBuf),
    /// The node has its condition `Ready`.
    Node(SocketAddr, &'static str),
}

impl Launch {
    /// With a flag for each pair.
    pub(crate) fn new<'a>(
        program: PathBuf,
        flags: impl IntoIterator<Item = (&'a str, String)>,
        ready: Vec<Ready>,
    ) -> Self {
        let arguments = flags.into_iter().map(|(name, value)| format!("--{name}={value}")).collect();
        Self { program, arguments, ready }
    }

    /// A command that writes into the log and knows of the machine only where commands are.
    pub(crate) fn command(&self, log: &Path, home: &Path) -> Result<Command> {
        let log = File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", std::env::join_paths(commands::search_path())?).env("HOME", home);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(home);
        Ok(command)
    }
}

impl Ready {
    /// Looks once. Must be called inside the cluster's network.
    pub(crate) fn look(&self, admin: &Api) -> Result<()> {
        match self {
            Self::Http(address, path) => {
                let plain = api::Api::at(&format!("tcp://{address}"))?.silence(SILENCE);
                let answer = plain.request("GET", path, &[], &[])?;
                ensure!(answer.status == 200, "{path} answers {}: {}", answer.status, text(&answer.body));
            }
            Self::Https(address, path) => ask(&admin.elsewhere(*address), path)?,
            Self::Api(address, path) => ask(&admin.elsewhere(*address), path)?,
            Self::Socket(path) => drop(UnixStream::connect(path).with_context(|| path.display().to_string())?),
            Self::Node(address, name) => {
                let node = admin.elsewhere(*address).get(&format!("/api/v1/nodes/{name}"))?;
                let conditions = node.pointer("/status/conditions").and_then(serde_json::Value::as_array);
                let ready = conditions.into_iter().flatten().find(|each| each["type"] == "Ready");
                let ready = ready.context("the node has no condition Ready yet")?;
                ensure!(ready["status"] == "True", "the node is not ready: {}", ready["message"]);
            }
        }
        Ok(())
    }
}

fn ask(api: &Api, path: &str) -> Result<()> {
    let answer = api.clone().silence(SILENCE).request("GET", path, "application/json", &[])?;
    ensure!(answer.status == 200, "{path} answers {}: {}", answer.status, text(&answer.body));
    Ok(())
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(400).collect()
}
