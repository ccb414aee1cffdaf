//! Which processes belong to a site: those that name its directory in their environment or on their command line.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its command line, blanks between arguments.
    pub command: String,
    /// Whether it is a performer, by the marker in its environment.
    pub performer: bool,
}

/// Every process that names the directory. Ended ones that nobody has reaped are none.
pub fn of(directory: &Path) -> Vec<Process> {
    let needle = directory.as_os_str().as_bytes();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    ids.filter_map(|pid| look(pid, needle)).collect()
}

fn look(pid: i32, needle: &[u8]) -> Option<Process> {
    // Both are empty where the process has ended, and cannot be read where it is somebody else's.
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let names = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    (names(&command) || names(&environment)).then(|| Process {
        pid,
        command: String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned(),
        performer: environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(b"HOURGLASS_INSTANCE=")),
    })
}

/// Kills every process of the directory, until none is left or a bounded number of rounds is over.
pub fn kill_all(directory: &Path) {
    for _ in 0..50 {
        let found = of(directory);
        if found.is_empty() {
            return;
        }
        for pid in found.iter().filter_map(|process| Pid::from_raw(process.pid)) {
            // It fails where the process has ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
