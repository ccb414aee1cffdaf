//! The process between a test and its engine: whatever becomes of the test, the engine and all that it made are removed.
//!
//! It reads orders, one word per line, from its standard input and answers each with a line of JSON. When the input ends,
//! because its owner closed it or died, it removes everything and ends.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Signal, getpid, set_child_subreaper, setsid};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Api;
use crate::commands;
use crate::engine::slot::Slot;
use crate::engine::teardown::{self, Caller};
use crate::engine::{EngineOptions, firewall};
use crate::log;
use crate::processes;

/// How long an engine may take until it answers, also with many containers to find again on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long it may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(60);

/// What a supervisor answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The engine's process, if it runs.
    Done { pid: Option<i32>, socket: PathBuf, log: PathBuf },
    /// Why not.
    Failed(String),
}

/// Runs an engine until the standard input ends. For the program of this crate; tests start [`Engine`](crate::engine::Engine).
///
/// # Errors
/// Where not everything could be removed. That the engine does not start is told to the owner.
pub fn supervise(options: &EngineOptions) -> Result<()> {
    // No signal to the owner's group or terminal reaches it.
    setsid()?;
    // What the engine leaves behind becomes our child.
    set_child_subreaper(Some(getpid()))?;
    let mut engine = match Supervised::prepare(options) {
        Ok(engine) => engine,
        Err(error) => {
            answer(&Reply::Failed(format!("{error:#}")));
            return Ok(());
        }
    };
    let served = engine.serve();
    let removed = teardown::remove(&engine.slot, Caller::Supervisor);
    // Only now is the slot free for others: its lock ends with this process.
    if removed.is_ok() {
        engine.lock.set_len(0)?;
    }
    served.and(removed)
}

fn answer(reply: &Reply) {
    if let Ok(line) = serde_json::to_string(reply) {
        // Nobody may listen any more; that shows when the input ends.
        let _unheard = writeln!(io::stdout(), "{line}");
    }
}

struct Supervised {
    slot: Slot,
    lock: File,
    options: EngineOptions,
    pid: Option<i32>,
}

impl Supervised {
    fn prepare(options: &EngineOptions) -> Result<Self> {
        let folder = std::env::var_os("TMPDIR").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
        fs::create_dir_all(&folder)?;
        let data = tempfile::Builder::new().prefix("hourglass-engine-").tempdir_in(&folder)?.keep();
        let (slot, lock) = Slot::take(&data)?;
        let engine = Self { slot, lock, options: options.clone(), pid: None };
        let made = engine.make();
        // What could not be made is removed as far as it was; what is left then is for whoever takes the slot next.
        if made.is_err() && teardown::remove(&engine.slot, Caller::Supervisor).is_ok() {
            engine.lock.set_len(0)?;
        }
        made.map(|()| engine)
    }

    /// Everything that the engine finds when it starts.
    fn make(&self) -> Result<()> {
        let slot = &self.slot;
        fs::create_dir_all(slot.run().join("bin"))?;
        fs::create_dir_all(slot.data_root())?;
        if let Some(bytes) = self.options.disk {
            mount_disk(&slot.data_root(), bytes)?;
        }
        firewall::write_scripts(&slot.run().join("bin"), slot)?;
        // Whatever the machine's own engine is told is not for this one.
        fs::write(slot.run().join("daemon.json"), "{}")?;
        let bridge = slot.bridge();
        commands::run("ip", ["link", "add", &bridge, "type", "bridge"])?;
        commands::run("ip", ["address", "add", &format!("{}/24", slot.address(0, 1)), "dev", &bridge])?;
        commands::run("ip", ["link", "set", &bridge, "up"])?;
        Ok(())
    }

    fn serve(&mut self) -> Result<()> {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            let done = match line.as_str() {
                "start" => self.start(),
                "stop" => self.end(Signal::TERM),
                "kill" => self.end(Signal::KILL),
                "look" => Ok(()),
                other => Err(anyhow!("no such order: {other}")),
            };
            self.notice();
            let reply = match done {
                Ok(()) => Reply::Done { pid: self.pid, socket: self.slot.socket(), log: self.slot.log() },
                Err(error) => Reply::Failed(format!("{error:#}")),
            };
            answer(&reply);
        }
        Ok(())
    }

    /// Takes note of what ended.
    fn notice(&mut self) {
        if processes::reap().into_iter().any(|ended| Some(ended) == self.pid) {
            self.pid = None;
        }
    }

    fn start(&mut self) -> Result<()> {
        self.notice();
        if self.pid.is_some() {
            return Ok(());
        }
        let child = self.command()?.spawn().context("starting dockerd")?;
        self.pid = Some(child.id().cast_signed());
        let api = Api::at(&format!("unix://{}", self.slot.socket().display()))?.silence(Duration::from_secs(5));
        let began = Instant::now();
        while let Err(error) = api.ping() {
            self.notice();
            if self.pid.is_none() {
                bail!("dockerd ended at once:\n{}", log::last_lines(&self.slot.log()));
            }
            if began.elapsed() > START {
                bail!("dockerd does not answer within {START:?} ({error:#}):\n{}", log::last_lines(&self.slot.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        self.notice();
        let Some(pid) = self.pid else { return Ok(()) };
        processes::signal(pid, signal);
        // One that is frozen would take note of nothing else.
        processes::signal(pid, Signal::CONT);
        let began = Instant::now();
        while self.pid.is_some() {
            if began.elapsed() > STOP {
                bail!("dockerd does not end within {STOP:?}:\n{}", log::last_lines(&self.slot.log()));
            }
            std::thread::sleep(Duration::from_millis(5));
            self.notice();
        }
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        let slot = &self.slot;
        let mut path = commands::search_path();
        path.insert(0, slot.run().join("bin"));
        let log = File::options().create(true).append(true).open(slot.log())?;
        let mut command = commands::command("dockerd")?;
        command.env("PATH", std::env::join_paths(path)?);
        // A proxy of the environment is not meant for registries on loopback.
        for name in ["DOCKER_HOST", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env_remove(name);
        }
        let flag = |name: &str, value: &dyn std::fmt::Display| format!("--{name}={value}");
        let file = |name: &str, path: PathBuf| flag(name, &path.display());
        command.args([
            file("config-file", slot.run().join("daemon.json")),
            file("data-root", slot.data_root()),
            file("exec-root", slot.exec_root()),
            file("pidfile", slot.run().join("docker.pid")),
            flag("host", &format!("unix://{}", slot.socket().display())),
            flag("live-restore", &self.options.live_restore),
            flag("userland-proxy", &self.options.userland_proxy),
            flag("bridge", &slot.bridge()),
            flag("fixed-cidr", &format!("{}/24", slot.address(0, 0))),
            // The machine's own setting stays as it is; containers of one network reach each other without it.
            "--ip-forward=false".to_owned(),
            flag("cgroup-parent", &format!("/{}", slot.cgroup())),
            "--exec-opt=native.cgroupdriver=cgroupfs".to_owned(),
            // A negative one needs CAP_SYS_RESOURCE, which not every machine grants to root.
            "--oom-score-adjust=0".to_owned(),
        ]);
        let pool = |third: u8, bits: u8| {
            flag("default-address-pool", &format!("base={}/{bits},size=24", slot.address(third, 0)))
        };
        match self.options.networks {
            None => command.args([pool(64, 18), pool(128, 17)]),
            Some(count) => command.args((0..count.min(192)).map(|each| pool(64 + each, 24))),
        };
        command.args(&self.options.arguments);
        command.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null());
        Ok(command)
    }
}

/// A disk of its own for the engine, that can be full without the machine's being so.
fn mount_disk(place: &Path, bytes: u64) -> Result<()> {
    let size = std::ffi::CString::new(format!("size={bytes},mode=0711"))?;
    rustix::mount::mount("tmpfs", place, "tmpfs", rustix::mount::MountFlags::empty(), Some(size.as_c_str()))
        .context("mounting a small disk for the engine")
}

impl EngineOptions {
    /// As one argument of a command line.
    pub(crate) fn to_json(&self) -> String {
        let disk = self.disk;
        json!({
            "disk": disk,
            "live_restore": self.live_restore,
            "userland_proxy": self.userland_proxy,
            "networks": self.networks,
            "arguments": self.arguments,
        })
        .to_string()
    }

    /// From the argument that the owner of an engine gives its supervisor.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        Ok(serde_json::from_value(value)?)
    }
}
