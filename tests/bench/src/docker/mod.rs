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
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};

use crate::docker::ground::Ground;
use crate::machine;
use crate::table::{self, Table};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The sample performer as a static program, which is all that its image holds
    #[arg(long, value_name = "FILE")]
    performer: PathBuf,
    /// The executor; by default the one beside this program
    #[arg(long, value_name = "FILE")]
    executor: Option<PathBuf>,
    /// The disk of the journal; by default that of this program
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Measure only these
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Fewer and shorter rounds, to see that everything works: no numbers to publish
    #[arg(long)]
    quick: bool,
    /// Write the document too
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
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

    /// Says what is being done; the table goes elsewhere.
    pub(crate) fn say(&self, text: &str) {
        eprintln!("· {text}");
    }
}

pub(crate) async fn measure(arguments: Arguments) -> Result<()> {
    let began = Instant::now();
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program lies nowhere")?.to_path_buf();
    let executor = arguments.executor.unwrap_or_else(|| beside.join("hourglass-executor"));
    ensure!(executor.is_file(), "{} is not there: cargo build --release -p hourglass-executor", executor.display());
    let performer = arguments.performer;
    let ground = tokio::task::spawn_blocking(move || Ground::make(&performer)).await??;
    let bench = Bench {
        ground,
        executor: executor.canonicalize()?,
        directory: arguments.directory.unwrap_or(beside),
        quick: arguments.quick,
    };
    let machine = machine::describe(&bench.directory);
    let engine = bench.ground.describe()?;
    let (mut tables, mut failed) = (Vec::new(), Vec::new());
    for part in Part::value_variants() {
        if arguments.only.is_empty() || arguments.only.contains(part) {
            // What was measured before and after is told whatever happens to one part: it took minutes.
            match one(&bench, *part).await {
                Ok(table) => tables.push(table),
                Err(error) => failed.push(format!("{part:?}: {error:#}")),
            }
        }
    }
    let text = format!(
        "Measured on {}, by `make bench-docker` in {:.0} s{}, on {machine}; {engine}.\n\n{}",
        machine::today(),
        began.elapsed().as_secs_f64(),
        if bench.quick { " (--quick: no numbers to publish)" } else { "" },
        table::markdown(&tables)
    );
    println!("{text}");
    ensure!(failed.is_empty(), "not everything could be measured, so nothing is written: {}", failed.join("; "));
    if let Some(file) = arguments.write {
        let document = format!("{}\n{text}", include_str!("preface.md"));
        std::fs::write(&file, document).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
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
