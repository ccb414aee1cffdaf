//! A child process with everything that it starts, which cannot outlive its owner.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::waiting::until;

/// A child that leads a process group of its own. Dropping it kills the whole group.
#[derive(Debug)]
pub struct ProcessGroup {
    child: Child,
    group: Pid,
}

impl ProcessGroup {
    /// Starts a command as the leader of a new group.
    ///
    /// # Errors
    /// Where it cannot be started, naming the program.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn();
        let child = child.with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| anyhow!("process id {} is out of range", child.id()))?;
        Ok(Self { child, group })
    }

    /// The child.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the child alone.
    ///
    /// # Errors
    /// Where there is no such process any more.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        rustix::process::kill_process(self.group, signal).context("the process is gone")
    }

    /// Waits for the child to end.
    ///
    /// # Errors
    /// At the deadline.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        until("the end of the process", deadline, || self.child.try_wait()?.context("it is still running"))
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // It fails where every member has ended, which is what is wanted. The leader is reaped only afterwards, so
        // that its id cannot have become somebody else's in between.
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
    }
}
