//! `hourglass-executor run` as a child process.

use std::fs::{self, File};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

use crate::binaries::Binaries;
use crate::process_group::ProcessGroup;
use crate::running::site::Site;
use crate::running::web;
use crate::waiting::until_async;

/// How long a start or an end may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running executor. Dropping it kills it; its performers are the [`Site`]'s to clean up.
#[derive(Debug)]
pub struct Executor {
    process: ProcessGroup,
    log: std::path::PathBuf,
    health: u16,
}

impl Executor {
    /// Starts it and does not wait. Its output is appended to `executor.log`.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn spawn(site: &Site) -> Result<Self> {
        let log = site.path("executor.log");
        let output = File::options().append(true).create(true).open(&log)?;
        let mut command = Command::new(&Binaries::get()?.executor);
        command.args(["run", "--config"]).arg(site.config()).current_dir(site.directory());
        for assignment in &site.set {
            command.args(["--set", assignment]);
        }
        // Variables of whoever runs the tests are no configuration: the executor refuses those it does not know.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(site.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        Ok(Self { process: ProcessGroup::spawn(&mut command)?, log, health: site.ports.health })
    }

    /// Starts it and waits until `/ready` says that it is, and every AVS is served.
    ///
    /// # Errors
    /// Where it ends or is not ready in time, with the last of its log.
    pub async fn start(site: &Site) -> Result<Self> {
        let mut executor = Self::spawn(site)?;
        executor.serving().await?;
        Ok(executor)
    }

    /// Waits until it is ready and every performer serves.
    ///
    /// # Errors
    /// As [`Executor::start`].
    pub async fn serving(&mut self) -> Result<()> {
        self.until_ready(r#""reason":"every performer serves""#).await
    }

    /// Waits until it is ready and the page says so.
    async fn until_ready(&mut self, says: &str) -> Result<()> {
        let (health, log) = (self.health, self.log.clone());
        let child = self.process.child();
        let mut ended = None;
        let ready = until_async("ready", PATIENCE, async || {
            ended = child.try_wait()?;
            if ended.is_some() {
                return Ok(());
            }
            let page = web::get(health, "/ready")?;
            ensure!(page.status == 200 && page.body.contains(says), "{}", page.body);
            Ok(())
        });
        ready.await.with_context(|| tail(&log))?;
        if let Some(status) = ended {
            bail!("the executor ended with {status}:\n{}", tail(&log));
        }
        Ok(())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// SIGKILL, and waits for the end.
    ///
    /// # Errors
    /// Where it had ended already.
    pub fn kill(mut self) -> Result<()> {
        self.process.signal(Signal::KILL)?;
        self.process.child().wait()?;
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// At the deadline, with the last of its log.
    pub async fn ended(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let child = self.process.child();
        let ended = until_async("the executor's end", deadline, async || child.try_wait()?.context("it still runs"));
        ended.await.with_context(|| tail(&self.log))
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// Where it does not end with 0.
    pub async fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        let status = self.ended(PATIENCE).await?;
        ensure!(status.success(), "the executor ended with {status}:\n{}", tail(&self.log));
        Ok(())
    }

    /// Everything that it and its predecessors logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

fn tail(log: &std::path::Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}
