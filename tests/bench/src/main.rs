//! `make bench`: one table, each row beside its baseline of the same run.
//!
//! The programs that are measured are processes, as users run them; this one plays aggregators and takes the times.
//! Rows that compare times interleave the two sides round by round, so that what else happens on the machine meets
//! both. Times are medians over rounds, with the least and the most of the rounds behind them.

mod docker;
mod echo;
mod load;
mod machine;
mod process;
mod rows;
mod run;
mod spread;
mod table;
mod world;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::run::{Measured, Report, Run, beside};
use crate::world::Programs;

/// Measures the executor beside baselines of the same run; prints a Markdown table
#[derive(Debug, Parser)]
#[command(name = "hourglass-bench")]
struct Cli {
    #[command(flatten)]
    measure: Measure,
    #[command(subcommand)]
    other: Option<Other>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Measures performers as containers of a real engine; a table of its own
    Docker(docker::Arguments),
    /// A tonic server that answers SubmitTask at once; the benchmark starts it itself
    #[command(hide = true)]
    Echo {
        /// Where, on loopback
        port: u16,
    },
}

#[derive(Debug, Args)]
struct Measure {
    /// Where hourglass-executor and square-performer are; by default beside this program
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// The executor built with the profile dist, for its size
    #[arg(long, value_name = "FILE")]
    dist: Option<PathBuf>,
    /// What `cargo bench -p hourglass-keys --bench curves` left, for the row of the curves
    #[arg(long, value_name = "DIR")]
    criterion: Option<PathBuf>,
    #[command(flatten)]
    run: Run<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Latency,
    Throughput,
    Curves,
    Refusals,
    Restart,
    Journal,
    Demo,
}

/// What every part of the benchmark needs.
pub(crate) struct Bench {
    pub(crate) programs: Programs,
    pub(crate) directory: PathBuf,
    pub(crate) dist: Option<PathBuf>,
    pub(crate) criterion: Option<PathBuf>,
    pub(crate) quick: bool,
}

impl Bench {
    /// The number, or a tenth of it in a quick run.
    pub(crate) fn scaled(&self, number: u32) -> u32 {
        if self.quick { (number / 10).max(1) } else { number }
    }

    /// How often each pair of sides is measured.
    pub(crate) fn rounds(&self, number: u32) -> u32 {
        if self.quick { 2 } else { number }
    }
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match cli.other {
        Some(Other::Echo { port }) => echo::serve(port),
        Some(Other::Docker(arguments)) => runtime()?.block_on(docker::measure(arguments)),
        None => runtime()?.block_on(measure(cli.measure)),
    }
}

async fn measure(arguments: Measure) -> Result<()> {
    let run = arguments.run;
    let directory = run.directory()?;
    let report = Report::begin("make bench", &directory);
    let programs = arguments.programs.map_or_else(beside, Ok)?;
    let find = |name: &str| {
        let path = programs.join(name);
        ensure!(path.is_file(), "{} is not there: cargo build --release -p {name}", path.display());
        Ok(path.canonicalize()?)
    };
    let bench = Bench {
        programs: Programs { executor: find("hourglass-executor")?, performer: find("square-performer")? },
        directory,
        dist: arguments.dist,
        criterion: arguments.criterion,
        quick: run.quick,
    };
    let mut measured = Measured::default();
    for part in run.parts() {
        measured.take(part, rows::measure(&bench, part).await);
    }
    report.publish(&run, None, measured, include_str!("preface.md"))
}
