//! A Docker engine of our own: a real `dockerd`, beside whatever else runs on the machine.

mod firewall;
mod shared;
mod slot;
mod supervisor;
mod teardown;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::packages::{self, Component};
use crate::{processes, program};

pub use shared::{Shared, existing, shared};
pub use supervisor::supervise;

use self::slot::Slot;
use self::supervisor::Reply;

/// How an engine is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineOptions {
    /// A disk of this many bytes for everything that the engine stores, in memory: to see what becomes of a full one.
    pub disk: Option<u64>,
    /// Whether containers run on while the engine does not. True.
    pub live_restore: bool,
    /// Whether published ports are served by processes of the engine, as Debian's default is, or by rules of the firewall
    /// alone. True. Those processes end with the engine, and with them the ports on loopback.
    pub userland_proxy: bool,
    /// How many networks it has addresses for, its default one and those with addresses of their own not counted; 192 where
    /// nothing is said.
    pub networks: Option<u8>,
    /// More arguments for `dockerd`.
    pub arguments: Vec<String>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { disk: None, live_restore: true, userland_proxy: true, networks: None, arguments: Vec::new() }
    }
}

/// A running engine. Dropping it removes it with everything it made: containers, mounts, bridges, firewall rules, cgroups, data.
///
/// The same happens when the process that owns it ends in any way, SIGKILL included: a supervisor process sees to it.
/// Calls block; each has a deadline of a minute or so.
#[derive(Debug)]
pub struct Engine {
    socket: PathBuf,
    host: String,
    log: PathBuf,
    supervisor: Mutex<Supervisor>,
}

#[derive(Debug)]
struct Supervisor {
    process: Child,
    /// Closed when the engine shall end.
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    pid: Option<i32>,
}

impl Engine {
    /// Starts one; missing packages are installed first, where that is possible. Returns when it answers, in less than a second
    /// on an idle machine.
    ///
    /// # Errors
    /// Where packages are missing and cannot be installed, this process is not root, or dockerd does not start: what it said.
    pub fn start() -> Result<Self> {
        Self::with(&EngineOptions::default())
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn with(options: &EngineOptions) -> Result<Self> {
        packages::ensure(&[Component::Engine])?;
        if !rustix::process::geteuid().is_root() {
            bail!("an engine of our own needs root: run as root, or set DOCKER_HOST to an engine that may be used");
        }
        let mut command = Command::new(program::path()?);
        command.arg("engine").arg(options.to_json());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("starting the supervisor of an engine")?;
        let orders = process.stdin.take();
        let replies = process.stdout.take().context("the supervisor has no output")?;
        let supervisor = Supervisor { process, orders, replies: BufReader::new(replies), pid: None };
        let supervisor = Mutex::new(supervisor);
        let mut engine = Self { socket: PathBuf::new(), host: String::new(), log: PathBuf::new(), supervisor };
        let (socket, log) = engine.lock().order("start")?;
        engine.host = format!("unix://{}", socket.display());
        (engine.socket, engine.log) = (socket, log);
        Ok(engine)
    }

    /// Its address as `DOCKER_HOST` has it: `unix:///…`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its socket.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Its API.
    ///
    /// # Errors
    /// None that can occur: the address is always one of a socket.
    pub fn api(&self) -> Result<Api> {
        Api::at(&self.host)
    }

    /// The process number of `dockerd`, while it runs.
    pub fn pid(&self) -> Option<u32> {
        let mut supervisor = self.lock();
        supervisor.order("look").ok()?;
        supervisor.pid.and_then(|pid| pid.try_into().ok())
    }

    /// Asks `dockerd` to end (SIGTERM) and waits until it has. Containers run on, with `live_restore`.
    ///
    /// # Errors
    /// Where it takes longer than a minute.
    pub fn stop(&self) -> Result<()> {
        self.lock().order("stop").map(drop)
    }

    /// Kills `dockerd` (SIGKILL), and nothing else. Its containerd ends with it.
    ///
    /// # Errors
    /// Where the supervisor is gone.
    pub fn kill(&self) -> Result<()> {
        self.lock().order("kill").map(drop)
    }

    /// Starts `dockerd` again on the same data and returns when it answers. Nothing where it runs.
    ///
    /// # Errors
    /// Where it does not start: what it said.
    pub fn resume(&self) -> Result<()> {
        self.lock().order("start").map(drop)
    }

    /// [`stop`](Self::stop) and [`resume`](Self::resume).
    ///
    /// # Errors
    /// As these.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.resume()
    }

    /// Freezes `dockerd` (SIGSTOP) and returns when none of its threads runs: its socket accepts connections and never answers.
    ///
    /// # Errors
    /// Where it does not run, or a thread hangs in the kernel for half a minute.
    pub fn freeze(&self) -> Result<()> {
        let pid = self.signal(Signal::STOP)?;
        crate::waiting::until("the engine stops", Duration::from_secs(30), || {
            ensure!(processes::is_stopped(pid), "a thread of process {pid} runs");
            Ok(())
        })
    }

    /// Lets a frozen one go on (SIGCONT).
    ///
    /// # Errors
    /// Where it does not run.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT).map(drop)
    }

    /// What `dockerd` has written to its log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn signal(&self, signal: Signal) -> Result<i32> {
        let pid = self.pid().context("the engine does not run")?.cast_signed();
        processes::signal(pid, signal);
        Ok(pid)
    }

    fn lock(&self) -> MutexGuard<'_, Supervisor> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(supervisor.orders.take());
        let ended = supervisor.process.wait();
        if !ended.is_ok_and(|status| status.success()) {
            // It was killed, or could not remove everything: what it left is free to be removed by anybody.
            if let Err(error) = sweep() {
                eprintln!("an engine of the tests is not removed: {error:#}");
            }
        }
    }
}

impl Supervisor {
    fn order(&mut self, word: &str) -> Result<(PathBuf, PathBuf)> {
        let orders = self.orders.as_mut().context("the engine is being removed")?;
        writeln!(orders, "{word}").context("the supervisor of the engine is gone")?;
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!("the supervisor of the engine is gone");
        }
        match serde_json::from_str(&line).with_context(|| format!("not a reply: {line}"))? {
            Reply::Done { pid, socket, log } => {
                self.pid = pid;
                Ok((socket, log))
            }
            Reply::Failed(why) => bail!("{why}"),
        }
    }
}

/// Removes what engines left whose supervisor was killed as well. Returns how many there were; starting an engine does it too.
///
/// # Errors
/// Where something cannot be removed.
pub fn sweep() -> Result<usize> {
    Slot::sweep()
}

/// Waits until an engine answers.
///
/// # Errors
/// At the deadline.
pub fn wait_for(host: &str, deadline: Duration) -> Result<()> {
    let api = Api::at(host)?.silence(Duration::from_secs(2));
    crate::waiting::until("the engine answers", deadline, || api.ping())
}
