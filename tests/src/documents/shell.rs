use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use thiserror::Error;

use super::expected::{Mismatch, matches};
use super::markdown::{Block, Comparison};
use super::surroundings::Surroundings;
use crate::process_group::ProcessGroup;

/// A step of a document that did not do as the document says.
#[derive(Debug, Error)]
pub enum StepFailure {
    /// A command failed.
    #[error("a command of block '{block}' failed with status {status}:\n{script}\nIt printed:\n{output}")]
    Failed {
        /// Of which block.
        block: String,
        /// What was executed.
        script: String,
        /// The shell's.
        status: String,
        /// What it printed.
        output: String,
    },
    /// It took too long.
    #[error("block '{block}' did not end within {deadline:?}:\n{script}\nIt had printed:\n{output}")]
    Late {
        /// Of which block.
        block: String,
        /// What was executed.
        script: String,
        /// What it had.
        deadline: Duration,
        /// What it had printed.
        output: String,
    },
    /// It printed something else.
    #[error("block '{block}' printed something else:\n{script}\n{mismatch}")]
    Different {
        /// Of which block.
        block: String,
        /// What was executed.
        script: String,
        /// Both texts.
        mismatch: Mismatch,
    },
}

/// Executes the blocks of one document in one shell, in a temporary folder. Whatever they leave running is killed.
///
/// # Errors
/// [`StepFailure`] of the first step that fails; others where the shell cannot be run at all.
pub fn run(blocks: &[Block], repository: &Path, around: &Surroundings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scripts = tempfile::tempdir()?;
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eu", "-o", "pipefail"]).current_dir(folder.path());
    command.env("PATH", &around.path).env("CHECKOUT", repository).env("HOME", folder.path()).env_remove("BASH_ENV");
    // What is set for the tests would be read as the configuration of an executor.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOURGLASS_")) {
        command.env_remove(name);
    }
    // Of the machine's own engine nothing is said.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOCKER_")) {
        command.env_remove(name);
    }
    command.envs(around.variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    keep_rust_at_home(&mut command);
    let mut shell = ProcessGroup::spawn(&mut command)?;
    let mut commands = shell.child().stdin.take().context("no standard input")?;
    let ended = ends(shell.child().stdout.take().context("no standard output")?);

    for (number, (block, step)) in blocks.iter().flat_map(|b| b.steps.iter().map(move |s| (b, s))).enumerate() {
        let script = scripts.path().join(format!("{number}.sh"));
        let printed = scripts.path().join(format!("{number}.out"));
        std::fs::write(&script, &step.script)?;
        // The step gets neither the shell's input nor the pipe that says when it ended.
        let line = format!("source {script:?} </dev/null >{printed:?} 2>&1; echo ended {number}\n");
        let sent = commands.write_all(line.as_bytes()).and_then(|()| commands.flush());
        let state = match sent {
            Ok(()) => await_end(&ended, number, block.deadline),
            Err(_) => End::Shell,
        };
        let output = || String::from_utf8_lossy(&std::fs::read(&printed).unwrap_or_default()).into_owned();
        let (name, script) = (block.name.clone(), step.script.clone());
        match state {
            End::Step => {}
            End::Late => {
                let deadline = block.deadline;
                return Err(StepFailure::Late { block: name, script, deadline, output: output() }.into());
            }
            End::Shell => {
                let status = shell.wait(Duration::from_secs(10))?.to_string();
                return Err(StepFailure::Failed { block: name, script, status, output: output() }.into());
            }
        }
        if let Comparison::Lines(expected) = &step.output {
            let compared = matches(expected, &output());
            compared.map_err(|mismatch| StepFailure::Different { block: name, script, mismatch })?;
        }
    }
    Ok(())
}

/// The home folder is a temporary one; the toolchain and the registry stay where they are.
fn keep_rust_at_home(command: &mut Command) {
    let Some(home) = std::env::home_dir() else { return };
    for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let value = std::env::var_os(variable).unwrap_or_else(|| home.join(folder).into());
        command.env(variable, value);
    }
}

enum End {
    Step,
    Shell,
    Late,
}

/// The numbers of the steps that have ended, as the shell prints them; closed when the shell ends.
fn ends(output: impl std::io::Read + Send + 'static) -> mpsc::Receiver<usize> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let number = line.strip_prefix("ended ").ok_or_else(|| anyhow!("unexpected")).and_then(|n| Ok(n.parse()?));
            if number.is_ok_and(|number| tell.send(number).is_err()) {
                break;
            }
        }
    });
    told
}

fn await_end(ended: &mpsc::Receiver<usize>, number: usize, deadline: Duration) -> End {
    let began = Instant::now();
    loop {
        let left = deadline.saturating_sub(began.elapsed());
        match ended.recv_timeout(left) {
            Ok(found) if found == number => return End::Step,
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return End::Late,
            Err(mpsc::RecvTimeoutError::Disconnected) => return End::Shell,
        }
    }
}
