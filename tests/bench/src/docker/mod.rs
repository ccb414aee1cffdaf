//! `make bench-docker`: performers as containers of a real engine, each number beside what the engine alone takes for the
//! same in the same run.

mod bare;
mod counting;
mod deploy;
mod dying;
mod ground;
mod hung;
mod many;
mod restart;
mod site;
mod traffic;
mod upgrade;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use crate::docker::ground::Ground;
use crate::run::{Measured, Report, Run, beside};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The sample performer as a static program, which is all that its image holds
    #[arg(long, value_name = "FILE")]
    performer: PathBuf,
    /// The executor; by default the one beside this program
    #[arg(long, value_name = "FILE")]
    executor: Option<PathBuf>,
    #[command(flatten)]
    run: Run<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Deploy,
    Upgrade,
    Restart,
    Dying,
    Hung,
    Many,
}

/// What every part needs.
pub(crate) struct Bench {
    pub(crate) ground: Ground,
    pub(crate) executor: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) quick: bool,
}

impl Bench {
    /// The number, or in a quick run the smaller one.
    pub(crate) fn or_quick(&self, number: u32, quick: u32) -> u32 {
        if self.quick { quick } else { number }
    }
}

pub(crate) async fn measure(arguments: Arguments) -> Result<()> {
    let Arguments { performer, executor, run } = arguments;
    let directory = run.directory()?;
    let report = Report::begin("make bench-docker", &directory);
    let executor = executor.map_or_else(|| Ok::<_, anyhow::Error>(beside()?.join("hourglass-executor")), Ok)?;
    ensure!(executor.is_file(), "{} is not there: cargo build --release -p hourglass-executor", executor.display());
    let ground = tokio::task::spawn_blocking(move || Ground::make(&performer)).await??;
    let bench = Bench { ground, executor: executor.canonicalize()?, directory, quick: run.quick };
    let engine = bench.ground.describe()?;
    let mut measured = Measured::default();
    for part in run.parts() {
        measured.take(part, one(&bench, part).await.map(|table| vec![table]));
    }
    report.publish(&run, Some(&engine), measured, include_str!("preface.md"))
}

async fn one(bench: &Bench, part: Part) -> Result<Table> {
    match part {
        Part::Deploy => deploy::measure(bench).await,
        Part::Upgrade => upgrade::measure(bench).await,
        Part::Restart => restart::measure(bench).await,
        Part::Dying => dying::measure(bench).await,
        Part::Hung => hung::measure(bench).await,
        Part::Many => many::measure(bench).await,
    }
}
