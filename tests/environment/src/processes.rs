//! Processes of others, by what `/proc` says of them.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

/// The processes whose command line mentions a path, this one excepted.
pub fn mentioning(path: &Path) -> Vec<i32> {
    let needle = path.as_os_str().as_encoded_bytes();
    let myself = std::process::id().cast_signed();
    all()
        .filter(|pid| *pid != myself)
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.windows(needle.len()).any(|part| part == needle)
        })
        .collect()
}

/// Every descendant of a process that has not ended.
pub fn descendants(of: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = all().filter_map(|pid| Some((pid, living_parent(pid)?))).collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, above)| *above == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// Sends a signal; a process that is gone meanwhile needs none.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _gone = kill_process(pid, signal);
    }
}

fn all() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether every thread of a process is stopped by a signal.
pub fn is_stopped(pid: i32) -> bool {
    let mut threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.all(|thread| state_and_parent(&thread.path().join("stat")).is_none_or(|(state, _)| state == 'T'))
}

/// The parent of a process that is not a zombie.
fn living_parent(pid: i32) -> Option<i32> {
    let (state, parent) = state_and_parent(Path::new(&format!("/proc/{pid}/stat")))?;
    (state != 'Z' && state != 'X').then_some(parent)
}

fn state_and_parent(file: &Path) -> Option<(char, i32)> {
    let stat = fs::read_to_string(file).ok()?;
    // The name may hold anything, also parentheses: what follows the last one is in columns.
    let (_, columns) = stat.rsplit_once(')')?;
    let mut columns = columns.split_whitespace();
    let state = columns.next()?.chars().next()?;
    Some((state, columns.next()?.parse().ok()?))
}

/// Takes note of children that ended, and returns their numbers: for the supervisor, to which all orphans fall.
pub fn reap() -> Vec<i32> {
    let ended = || wait(WaitOptions::NOHANG).ok().flatten().map(|(pid, _)| pid.as_raw_nonzero().get());
    std::iter::from_fn(ended).collect()
}
