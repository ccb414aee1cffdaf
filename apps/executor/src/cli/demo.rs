//! `demo`: how much of it, and on what.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::OutputArgs;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many tasks are sent.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub(crate) tasks: u32,
    /// How performers are run.
    #[arg(long, value_enum, default_value_t = DemoMode::Process)]
    pub(crate) mode: DemoMode,
    /// The performer to run; by default square-performer beside this binary. For containers it must be linked statically.
    #[arg(long, value_name = "FILE")]
    pub(crate) performer: Option<PathBuf>,
    /// Run containers of this image instead of one made of the performer.
    #[arg(long, value_name = "IMAGE", conflicts_with = "performer")]
    pub(crate) performer_image: Option<String>,
    /// Keep keys, configuration and journal in this new directory instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoMode {
    /// As local processes.
    Process,
    /// As containers of the Docker Engine that DOCKER_HOST names, else of this host's.
    Docker,
}
