//! `journal`: the records of answered tasks, moved and looked at.

use std::path::PathBuf;

use clap::Subcommand;

use super::{ConfigArgs, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Write every record to a file, for moving the key to another host, or as a backup.
    Export {
        #[command(flatten)]
        config: ConfigArgs,
        /// This host goes on signing; says what that means for the file.
        #[arg(long)]
        backup: bool,
        /// To this new file (- is standard output).
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Take over the records of another host. Sets a floor below which nothing unknown is ever signed again.
    Import {
        #[command(flatten)]
        config: ConfigArgs,
        /// An export (- is standard input).
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show one task, or a summary.
    Show {
        #[command(flatten)]
        config: ConfigArgs,
        /// The task; without it, a summary of the journal.
        task_id: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
}
