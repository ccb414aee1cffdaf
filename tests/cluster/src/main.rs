//! The program of the test cluster: brings one up and takes it down, builds what it consists of, runs a command beside one.

mod arguments;
mod background;

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use hourglass_cluster::{Cluster, tools};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::arguments::{Arguments, Order, Shape};

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Order::Up { shape, kubeconfig } => background::up(&shape, &kubeconfig)?,
        Order::Down { kubeconfig } => background::down(&kubeconfig)?,
        Order::Hold { shape, kubeconfig } => background::hold(&shape, &kubeconfig)?,
        Order::Tools { names } => build(&names)?,
        Order::Run { shape, command } => return run(&shape, &command),
        Order::Sweep => println!("removed what {} clusters left", hourglass_cluster::sweep()?),
        Order::Supervise { options } => hourglass_cluster::supervise(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn build(names: &[String]) -> Result<()> {
    let all = || tools::Tool::ALL.map(tools::Tool::name).join(", ");
    let mut wanted = Vec::new();
    for name in names {
        let found = tools::Tool::ALL.into_iter().find(|tool| tool.name() == name);
        wanted.push(found.with_context(|| format!("there is no tool {name}, but {}", all()))?);
    }
    if wanted.is_empty() {
        wanted.extend(tools::Tool::ALL);
    }
    tools::ensure(&wanted)?;
    for tool in wanted {
        println!("{}", tools::path(tool)?.display());
    }
    Ok(())
}

fn run(shape: &Shape, command: &[OsString]) -> Result<ExitCode> {
    // From now on they end the command and not us: the cluster is removed after it.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let cluster = Cluster::start(&shape.options())?;
    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = Command::new(program);
    let mut child = command.args(arguments).env("KUBECONFIG", cluster.kubeconfig()).spawn().context("the command")?;
    let pid = Pid::from_raw(child.id().cast_signed()).context("a process has a number")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // The terminal sends its own to the command as well; what was sent to us alone is passed on.
            if signal != SIGINT {
                let _ended = kill_process(pid, Signal::TERM);
            }
        }
    });
    let status = child.wait()?;
    drop(cluster);
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
