//! Child processes, and what they used of the machine.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// `USER_HZ`, fixed at 100 for user space on every Linux architecture that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// A child that is asked to stop when this is dropped, and killed if it does not.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program; what it writes goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let out = fs::File::options().append(true).create(true).open(log)?;
        let command = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        Ok(Self(command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self, patience: Duration) -> Result<()> {
        if self.0.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw).context("its process id")?;
        kill_process(pid, Signal::TERM)?;
        let deadline = Instant::now() + patience;
        while self.0.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.kill()?;
                bail!("it did not stop within {patience:?} and was killed");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// An error if it has ended.
    pub(crate) fn alive(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            Some(status) => bail!("the process ended with {status}"),
            None => Ok(()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop(Duration::from_secs(30)) {
            eprintln!("stopping process {}: {error:#}", self.id());
        }
    }
}

/// Seconds of CPU that a process has used, in user space and in the kernel; all its threads. To 10 ms.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("/proc of a process that should run")?;
    // The name in field 2 may contain anything but `)` last.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().skip(11).take(2));
    let ticks: Vec<f64> = fields.into_iter().flatten().filter_map(|field| field.parse().ok()).collect();
    ensure!(ticks.len() == 2, "proc_pid_stat(5) reads otherwise: {stat}");
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// The resident set of a process in MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.split_whitespace().next().context("no VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}

/// Pins every thread of a process to cores, such as `0` or `0-3`.
pub(crate) fn pin(pid: u32, cores: &str) -> Result<()> {
    let status =
        Command::new("taskset").args(["-a", "-p", "-c", cores, &pid.to_string()]).stdout(Stdio::null()).status();
    ensure!(status.context("taskset (util-linux) is needed")?.success(), "taskset cannot pin process {pid}");
    Ok(())
}
