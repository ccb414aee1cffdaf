//! Where the configuration comes from, and the commands that take nothing else.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OutputArgs;

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file (YAML).
    #[arg(global = true, short, long, value_name = "FILE", env = "CONFIG_PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Set one key over file and environment, as in --set server.listen=127.0.0.1:9095. May be repeated.
    #[arg(global = true, long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
}

/// The halves of `KEY=VALUE`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, as in log_level=debug")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the effective values and where each came from; secrets are masked.
    Print {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
}
