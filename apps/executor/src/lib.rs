//! The Hourglass executor: its command line, and the wiring of core and adapters.
//!
//! Nothing is decided here. [`main`] is the whole binary; [`aggregator`] is what the demo, `submit` and the end-to-end
//! suites use to play the other side.

pub mod aggregator;
mod cli;
mod commands;
mod compose;
mod configuration;
mod demo;
mod keyring;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs the command line. Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong.
pub fn main() -> ExitCode {
    // A performer's supervisor is this very program; it must become one before anything else happens.
    let supervisor = hourglass_process::supervise_or_continue();
    let cli = cli::Cli::parse();
    match commands::run(cli.command, supervisor) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<configuration::Invalid>() {
            Some(invalid) => {
                eprintln!("{invalid}");
                ExitCode::from(2)
            }
            None => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}
