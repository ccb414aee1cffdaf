//! How a measurement is asked for, and how its table is told, whatever is measured.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};

use crate::machine;
use crate::table::{self, Table};

/// What every measurement takes, of whichever parts it has.
#[derive(Debug, Args)]
pub(crate) struct Run<P: ValueEnum + Send + Sync + 'static> {
    /// The disk to measure on, that of the journal; by default that of this program
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Measure only these
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<P>,
    /// Fewer and shorter rounds, to see that everything works: no numbers to publish
    #[arg(long)]
    pub(crate) quick: bool,
    /// Write the document too
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl<P: ValueEnum + PartialEq + Copy + Send + Sync + 'static> Run<P> {
    /// On which disk.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        self.directory.clone().map_or_else(beside, Ok)
    }

    /// What is asked for, in the order of the document.
    pub(crate) fn parts(&self) -> impl Iterator<Item = P> {
        let wanted = |part: &P| self.only.is_empty() || self.only.contains(part);
        P::value_variants().iter().copied().filter(wanted)
    }
}

/// Where this program lies, and what was built with it.
pub(crate) fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().context("this program lies nowhere")?.to_path_buf())
}

/// Says what is being done; the table goes elsewhere.
pub(crate) fn say(text: &str) {
    eprintln!("· {text}");
}

/// What the parts gave, in the order of the document.
#[derive(Default)]
pub(crate) struct Measured {
    tables: Vec<Table>,
    failed: Vec<String>,
}

impl Measured {
    /// What was measured before and after a part that fails is told all the same: it took minutes.
    pub(crate) fn take(&mut self, part: impl Debug, outcome: Result<Vec<Table>>) {
        match outcome {
            Ok(tables) => self.tables.extend(tables),
            Err(error) => self.failed.push(format!("{part:?}: {error:#}")),
        }
    }
}

/// A measurement that is under way.
pub(crate) struct Report {
    command: &'static str,
    began: Instant,
    machine: String,
}

impl Report {
    /// To be made before anything loads the machine.
    pub(crate) fn begin(command: &'static str, directory: &Path) -> Self {
        Self { command, began: Instant::now(), machine: machine::describe(directory) }
    }

    /// Prints what was measured, and writes it with its preface where that is asked for. `on` is what it was measured
    /// on besides the machine.
    ///
    /// # Errors
    /// Where a part failed: then nothing is written, since half a table would pass for a whole one.
    pub(crate) fn publish<P: ValueEnum + Send + Sync + 'static>(
        self,
        run: &Run<P>,
        on: Option<&str>,
        measured: Measured,
        preface: &str,
    ) -> Result<()> {
        let text = format!(
            "Measured on {}, by `{}` in {:.0} s{}, on {}{}.\n\n{}",
            machine::today(),
            self.command,
            self.began.elapsed().as_secs_f64(),
            if run.quick { " (--quick: no numbers to publish)" } else { "" },
            self.machine,
            on.map(|on| format!("; {on}")).unwrap_or_default(),
            table::markdown(&measured.tables)
        );
        println!("{text}");
        ensure!(measured.failed.is_empty(), "not everything could be measured: {}", measured.failed.join("; "));
        if let Some(file) = &run.write {
            let document = format!("{preface}\n{text}");
            std::fs::write(file, document).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}
