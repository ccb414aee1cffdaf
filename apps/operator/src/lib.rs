//! The Hourglass operator: its command line, and the wiring of core and adapters.
//!
//! Nothing is decided here. [`main`] is the whole binary.

mod address;
mod cli;
mod metrics;
mod readiness;
mod run;
mod tables;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use hourglass_kubernetes::{crd, validate};

use crate::cli::{Cli, Command};

/// Runs the command line. Exit codes: 0 done, 1 failed or something would be refused, 2 the command line is wrong or a
/// file cannot be read.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => run::run(cli.run).map(|()| ExitCode::SUCCESS),
        Some(Command::Crds) => crds(),
        Some(Command::Validate(args)) => validated(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn crds() -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for manifest in crd::manifests() {
        let text = manifest.yaml.trim_start_matches("---\n");
        writeln!(out, "---\n{}", text.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn validated(args: &cli::ValidateArgs) -> anyhow::Result<ExitCode> {
    let validator = validate::Validator::new(tables::read(args.config.as_deref())?)?;
    let outcome = validate::run(&validator, &args.files, &mut std::io::stdin(), &mut std::io::stdout().lock())?;
    Ok(ExitCode::from(outcome.exit_code()))
}
