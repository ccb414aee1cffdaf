//! One file for each command.

mod config;
mod doctor;
mod journal;
mod keys;
mod performers;
mod reach;
mod run;
mod submit;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command};

/// Carries out a command.
pub(crate) fn run(command: Command, supervisor: hourglass_process::Supervisor) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => run::run(&args, supervisor),
        Command::Validate(args) => config::validate(&args),
        Command::Doctor(args) => asynchronous(doctor::doctor(&args)),
        Command::Config(command) => config::print(&command),
        Command::Schema => config::schema(),
        Command::Demo(args) => asynchronous(crate::demo::run(&args)),
        Command::Submit(args) => asynchronous(submit::submit(&args)),
        Command::Performers(args) => asynchronous(performers::run(&args)),
        Command::Keys(command) => keys::run(&command),
        Command::Journal(command) => journal::run(&command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "hourglass-executor", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn asynchronous<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
