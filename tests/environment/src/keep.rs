//! Processes that end when their owner does, whatever ends it.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::program;

/// A process of a test. Dropping it ends it (SIGTERM, and SIGKILL after five seconds); so does the end of the process that
/// owns it, SIGKILL included.
#[derive(Debug)]
pub struct Kept {
    keeper: Child,
}

impl Kept {
    /// Starts a program. What it writes goes to a file.
    ///
    /// # Errors
    /// Where this crate's program does not build or start. That the program itself does not start shows in [`Kept::is_running`].
    pub fn start(program: &Path, arguments: &[&str], output: &Path) -> Result<Self> {
        let file = std::fs::File::create(output).with_context(|| output.display().to_string())?;
        let keeper = Command::new(program::path()?)
            .arg("keep")
            .arg("--")
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(Self { keeper })
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.keeper.try_wait(), Ok(None))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _gone = self.keeper.wait();
    }
}

/// The keeper's side: runs a command until it ends or the standard input does. For the program of this crate. Returns the
/// exit code.
///
/// # Errors
/// Where the command cannot be run.
pub fn keep(command: &mut Command) -> Result<i32> {
    let mut child = command.stdin(Stdio::null()).process_group(0).spawn()?;
    let owned = std::thread::spawn(|| {
        // Nothing is ever written; what ends the reading is the end of the owner.
        let _ended = io::stdin().read_to_end(&mut Vec::new());
    });
    let group = Pid::from_raw(child.id().cast_signed()).context("a process has a number")?;
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            // What it started is in its group.
            let _none = kill_process_group(group, Signal::KILL);
            return Ok(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1));
        }
        match asked {
            None if owned.is_finished() => {
                asked = Some(Instant::now());
                let _gone = kill_process_group(group, Signal::TERM);
            }
            Some(since) if since.elapsed() > Duration::from_secs(5) => {
                let _gone = kill_process_group(group, Signal::KILL);
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
