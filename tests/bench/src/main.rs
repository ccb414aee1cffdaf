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
mod spread;
mod table;
mod world;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// The disk to measure on; by default that of this program
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

    /// Says what is being done; the table goes elsewhere.
    pub(crate) fn say(&self, text: &str) {
        eprintln!("· {text}");
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
    let began = Instant::now();
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program lies nowhere")?.to_path_buf();
    let programs = arguments.programs.unwrap_or_else(|| beside.clone());
    let find = |name: &str| {
        let path = programs.join(name);
        ensure!(path.is_file(), "{} is not there: cargo build --release -p {name}", path.display());
        Ok(path.canonicalize()?)
    };
    let bench = Bench {
        programs: Programs { executor: find("hourglass-executor")?, performer: find("square-performer")? },
        directory: arguments.directory.unwrap_or(beside),
        dist: arguments.dist,
        criterion: arguments.criterion,
        quick: arguments.quick,
    };
    let machine = machine::describe(&bench.directory);
    let wanted = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut tables = Vec::new();
    for part in Part::value_variants() {
        if wanted(*part) {
            tables.extend(rows::measure(&bench, *part).await.with_context(|| format!("{part:?}"))?);
        }
    }
    let text = format!(
        "Measured on {}, by `make bench` in {:.0} s{}, on {machine}.\n\n{}",
        machine::today(),
        began.elapsed().as_secs_f64(),
        if bench.quick { " (--quick: no numbers to publish)" } else { "" },
        table::markdown(&tables)
    );
    println!("{text}");
    if let Some(file) = arguments.write {
        std::fs::write(&file, document(&text)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn document(run: &str) -> String {
    format!("{}\n{run}", include_str!("preface.md"))
}
