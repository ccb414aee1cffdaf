//! The parent of one performer: tiny, its own process, indifferent to the executor's death.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use hourglass_core::lifecycle::ExitCause;
use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus, getpid, set_child_subreaper, setsid, wait};

use crate::process::ProcessIdentity;
use crate::records::{Exit, Order, now};
use crate::state::InstanceDir;
use crate::tree::Tree;

/// The first argument that makes a program a supervisor.
pub(crate) const ARGUMENT: &str = "__supervise-performer";

/// What the supervisor says when the performer runs, or its start was tried and recorded.
pub(crate) const LAUNCHED: &str = "launched";

/// A program that becomes a supervisor when it is asked to: proof that [`supervise_or_continue`] is called.
#[derive(Debug, Clone)]
pub struct Supervisor {
    program: PathBuf,
}

/// Becomes a supervisor, and never returns, where this process was started as one; returns at once where it was not.
///
/// Call it first in `main`, before there is a second thread.
pub fn supervise_or_continue() -> Supervisor {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == ARGUMENT) {
        let done = args.next().map_or_else(|| Err(io::ErrorKind::InvalidInput.into()), supervise);
        if let Err(error) = &done {
            // Read by the runtime that started us, if it still lives.
            let _unheard = writeln!(io::stdout(), "{error}");
        }
        std::process::exit(i32::from(done.is_err()));
    }
    // Also right when the file was replaced by a newer one meanwhile.
    Supervisor { program: "/proc/self/exe".into() }
}

impl Supervisor {
    /// Another program, whose `main` begins with [`supervise_or_continue`]: for tests, which have no `main` of their own.
    pub fn program(path: impl Into<PathBuf>) -> Self {
        Self { program: path.into() }
    }

    /// The command that supervises an instance. It inherits nothing.
    pub(crate) fn command(&self, dir: &InstanceDir) -> Command {
        let mut command = Command::new(&self.program);
        command.arg0("hourglass-supervisor").arg(ARGUMENT).arg(dir.path()).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

fn supervise(dir: OsString) -> io::Result<()> {
    // A session of its own: no signal to the executor's group or terminal, and none to the performer's, reaches it.
    setsid()?;
    // What the performer's descendants orphan becomes our child.
    set_child_subreaper(Some(getpid()))?;
    // Incomplete where the executor died while it wrote: then nothing has happened, and nothing will.
    let order: Order = serde_json::from_reader(io::stdin().lock())?;

    let dir = InstanceDir::at(dir.into());
    let Some(_lock) = dir.supervisor_lock()? else {
        return Err(io::Error::other("another supervisor runs this instance"));
    };
    // Under the lock: an executor that came back may have given this launch up.
    if dir.intent().is_none_or(|intent| intent.launch != order.launch) || dir.stop().is_some() {
        return Err(io::Error::other("the instance was given up before it was started"));
    }
    let myself = ProcessIdentity::of(getpid().as_raw_nonzero().get())?;
    dir.write("supervisor", &myself)?;

    let leader = match launch(&dir, &order) {
        Ok(pid) => ProcessIdentity::of(pid),
        Err(error) => {
            dir.write("exit", &Exit { cause: start_failure(&order.program, &error), at: now() })?;
            writeln!(io::stdout(), "{LAUNCHED}")?;
            return Ok(());
        }
    }?;
    // Without this record an executor that comes back still finds the performer, by its marker.
    let recorded = dir.write("leader", &leader);
    // Nobody may listen any more; that changes nothing for us.
    let _unheard = writeln!(io::stdout(), "{LAUNCHED}");
    let pid = leader.pid;
    let tree = Tree { marker: order.marker, supervisor: Some(myself), leader: Some(leader) };
    let status = reap_until(pid)?;
    let at = now();
    let ended = dir.write("exit", &Exit { cause: cause(status), at });
    reap_rest(&tree)?;
    recorded.and(ended)
}

fn launch(dir: &InstanceDir, order: &Order) -> io::Result<i32> {
    // Open for reading as well: without a reader the performer waits, rather than being killed by SIGPIPE, until an
    // executor reads again.
    let output = OpenOptions::new().read(true).write(true).open(dir.output_pipe())?;
    let child = Command::new(&order.program)
        .args(&order.args)
        .env_clear()
        .envs(order.env.iter().map(|(name, value)| (name, value)))
        .current_dir(dir.work())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()?;
    i32::try_from(child.id()).map_err(io::Error::other)
}

fn start_failure(program: &str, error: &io::Error) -> ExitCause {
    let message = format!("cannot start {program}: {error}");
    match error.kind() {
        io::ErrorKind::NotFound => ExitCause::Refused { reason: "CommandNotFound".into(), message },
        io::ErrorKind::PermissionDenied => ExitCause::Refused { reason: "CommandNotExecutable".into(), message },
        // Too many processes, no memory: another time it may go well.
        _ => ExitCause::StartFailed { reason: "CommandFailed".into(), message },
    }
}

/// Waits for children, adopted ones too, until this one has ended.
fn reap_until(leader: i32) -> io::Result<WaitStatus> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == leader => return Ok(status),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Kills whatever the leader left, and whatever that starts meanwhile, until nothing is there.
fn reap_rest(tree: &Tree) -> io::Result<()> {
    let mut pause = Duration::from_millis(1);
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(None) => {
                tree.kill();
                std::thread::sleep(pause);
                // One that hangs in the kernel may take its time.
                pause = (pause * 2).min(Duration::from_millis(500));
            }
        }
    }
}

fn cause(status: WaitStatus) -> ExitCause {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => ExitCause::Code(code),
        (None, Some(signal)) => ExitCause::Signal(signal),
        (None, None) => ExitCause::Unknown,
    }
}
