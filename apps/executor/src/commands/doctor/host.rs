//! Storage and ports of this host.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use hourglass_core::config::Config;
use hourglass_docker::Finding;

const MIB: u64 = 1 << 20;

/// What there is to say of the journal's directory.
pub(super) struct Storage {
    pub(super) findings: Vec<Finding>,
    /// An executor has it open, which then also has our ports.
    pub(super) running: bool,
}

/// Leaves nothing behind, and does not make the directory.
pub(super) fn storage(path: &Path) -> Storage {
    let shown = path.display();
    let remedy = "correct storage.path, or give the directory to the executor's user";
    // What is not there yet is made at the first start, in what is there.
    let nearest: PathBuf = path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned();
    let mut findings = Vec::new();
    let writable = tempfile::tempfile_in(&nearest).and_then(|mut file| {
        file.write_all(b"doctor")?;
        file.sync_all()
    });
    match writable {
        Ok(()) if nearest == path => findings.push(Finding::good("storage", format!("{shown} is writable"))),
        Ok(()) => findings.push(Finding::good("storage", format!("{shown} can be made"))),
        Err(error) => {
            let message = format!("{} cannot be written: {error}", nearest.display());
            findings.push(Finding::bad("storage", message, remedy));
        }
    }
    if let Ok(system) = rustix::fs::statvfs(&nearest) {
        findings.push(room(system.f_bavail.saturating_mul(system.f_frsize)));
    }
    let running = is_locked(path);
    if running {
        findings.push(Finding::good("executor", format!("one is running with {shown}")));
    }
    Storage { findings, running }
}

fn room(free: u64) -> Finding {
    let message = format!("{} MiB free for the journal", free / MIB);
    let remedy = "make room: without it nothing is signed";
    if free < 64 * MIB {
        Finding::bad("storage", message, remedy)
    } else if free < 1024 * MIB {
        Finding::doubtful("storage", message, remedy)
    } else {
        Finding::good("storage", message)
    }
}

/// Whether the process that has the journal open is there.
fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path.join("LOCK")) else { return false };
    // Held for no longer than this, and an executor that begins just now waits for it.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// The ports that are to be listened on.
pub(super) fn ports(config: &Config, running: bool) -> Vec<Finding> {
    let mut wanted = vec![("server.listen", config.server.listen)];
    wanted.extend(config.management.listen.filter(|_| config.management.enabled).map(|at| ("management.listen", at)));
    wanted.extend(config.metrics.enabled.then_some(("metrics.listen", config.metrics.listen)));
    wanted.extend(config.health.enabled.then_some(("health.listen", config.health.listen)));
    wanted.into_iter().map(|(key, address)| port(key, address, running)).collect()
}

fn port(key: &str, address: SocketAddr, running: bool) -> Finding {
    let check = format!("port {}", address.port());
    match TcpListener::bind(address) {
        Ok(_) => Finding::good(check, format!("{address} is free ({key})")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && running => {
            Finding::good(check, format!("{address} is taken, as by the executor that is running ({key})"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let remedy = format!("end what has it (`ss -ltnp 'sport = :{}'`), or change {key}", address.port());
            Finding::bad(check, format!("{address} is taken by another process ({key})"), remedy)
        }
        Err(error) => Finding::bad(check, format!("{address} cannot be listened on: {error}"), format!("change {key}")),
    }
}

#[cfg(test)]
mod tests {
    use hourglass_docker::Outcome::{Bad, Doubtful, Good};

    use super::*;

    #[test]
    fn directories() {
        let directory = tempfile::tempdir().unwrap();
        let fine = storage(directory.path());
        assert!(!fine.running && fine.findings[0].outcome == Good);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "it leaves nothing");
        let new = directory.path().join("a/b");
        assert!(storage(&new).findings[0].message.contains("can be made"));
        assert!(!new.exists());
        assert_eq!((room(1).outcome, room(100 * MIB).outcome, room(5000 * MIB).outcome), (Bad, Doubtful, Good));
    }

    #[test]
    fn an_executor_that_runs_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let lock = File::create(directory.path().join("LOCK")).unwrap();
        assert!(!storage(directory.path()).running);
        lock.lock().unwrap();
        assert!(storage(directory.path()).running);
    }

    #[test]
    fn taken_ports() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(port("x", address, false).outcome, Bad);
        assert_eq!(port("x", address, true).outcome, Good);
        drop(listener);
        assert_eq!(port("x", address, false).outcome, Good);
    }
}
