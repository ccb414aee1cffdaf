//! Which process is which: identities that survive the reuse of process ids, read from `/proc`.

use std::os::fd::OwnedFd;
use std::time::Duration;
use std::{fs, io};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// One process for ever: a process id is used again, but never with the same start in the same boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    pub(crate) pid: i32,
    /// Clock ticks between boot and its start.
    start: u64,
    boot: String,
}

/// What `/proc/<pid>/stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    pub(crate) start: u64,
    /// Ended, and not waited for yet.
    pub(crate) zombie: bool,
}

impl ProcessIdentity {
    /// The identity of a process that exists now.
    pub(crate) fn of(pid: i32) -> io::Result<Self> {
        let stat = ProcessStat::read(pid).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { pid, start: stat.start, boot: boot_id()? })
    }

    /// Whether this very process runs; one that ended and was not waited for does not.
    pub(crate) fn is_alive(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot)
            && ProcessStat::read(self.pid).is_some_and(|stat| stat.start == self.start && !stat.zombie)
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        if let Some(Ok(fd)) = self.pidfd().map(readable_at_its_end)
            && fd.readable().await.is_ok()
        {
            return;
        }
        // It is gone, or this kernel gives no pidfd: then we look.
        while self.is_alive() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Opened first and compared then: what is behind the descriptor cannot change any more.
    fn pidfd(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::NONBLOCK).ok()?;
        self.is_alive().then_some(fd)
    }
}

impl ProcessStat {
    pub(crate) fn read(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Every process there is.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::read(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    fn parse(pid: i32, text: &str) -> Option<Self> {
        // The name in parentheses may itself hold spaces and parentheses.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<i32>().ok();
        Some(Self {
            pid,
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            start: fields.get(19)?.parse().ok()?,
            zombie: matches!(fields.first(), Some(&("Z" | "X"))),
        })
    }

    /// Sends a signal to this very process; one that has ended gets none.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let same = |stat: Self| stat.start == self.start;
        if let Ok(fd) = pidfd_open(pid, PidfdFlags::empty())
            && Self::read(self.pid).is_some_and(same)
        {
            // The only failure that is left is that it ended meanwhile.
            let _ended = pidfd_send_signal(fd, signal);
        }
    }

    /// Whether it was started with this variable in its environment.
    pub(crate) fn has_variable(&self, variable: &str) -> bool {
        fs::read(format!("/proc/{}/environ", self.pid))
            .is_ok_and(|environ| environ.split(|&b| b == 0).any(|each| each == variable.as_bytes()))
    }
}

/// A descriptor of a process becomes readable when that process ends, whoever its parent is.
#[expect(deprecated, reason = "the successor is unsafe, for descriptors that are not owned; this one is")]
fn readable_at_its_end(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_a_hostile_name() {
        let text = "77 (a) Z 1 (b) S 5 6 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 123456 1000 1";
        let stat = ProcessStat::parse(77, text).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.group, stat.session), (77, 5, 6, 7));
        assert_eq!((stat.start, stat.zombie), (123_456, false));
        assert_eq!(ProcessStat::parse(77, "77 (x) S 5"), None);
    }

    #[test]
    fn an_identity_is_more_than_a_pid() {
        let me = ProcessIdentity::of(std::process::id().try_into().unwrap()).unwrap();
        assert!(me.is_alive());
        assert!(!ProcessIdentity { start: me.start + 1, ..me.clone() }.is_alive());
        assert!(!ProcessIdentity { boot: "another".into(), ..me.clone() }.is_alive());
    }
}
