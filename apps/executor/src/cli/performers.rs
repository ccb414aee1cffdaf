//! `performers`: what runs, and what is to run instead.

use clap::{Args, Subcommand};

use super::configuration::key_value;
use super::{ConfigArgs, EndpointArgs, OutputArgs};

#[derive(Debug, Args)]
pub(crate) struct PerformersArgs {
    #[command(subcommand)]
    pub(crate) command: PerformersCommand,
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
    /// The executor's configuration: where it listens, and the operator's key that answers challenges.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Send no proof: for an executor without authentication.
    #[arg(global = true, long)]
    pub(crate) no_auth: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PerformersCommand {
    /// List performers.
    List {
        /// Only those of this AVS.
        #[arg(long, value_name = "ADDRESS")]
        avs: Option<String>,
    },
    /// Deploy an artifact beside what serves, and switch to it when it is ready.
    Deploy {
        /// For this AVS.
        #[arg(long, value_name = "ADDRESS")]
        avs: String,
        /// Registry and repository, as in ghcr.io/my-org/my-performer (in development also file:///path).
        #[arg(long, value_name = "URL")]
        registry: String,
        /// Digest of the artifact, as in sha256:….
        #[arg(long, value_name = "DIGEST")]
        digest: String,
        /// A variable of the performer's environment. May be repeated.
        #[arg(long, value_name = "NAME=VALUE", value_parser = key_value)]
        env: Vec<(String, String)>,
        /// A variable whose value is taken from the executor's environment. May be repeated.
        #[arg(long, value_name = "NAME=VARIABLE", value_parser = key_value)]
        env_from: Vec<(String, String)>,
    },
    /// Let a version that is ready and waits take over (strategy BlueGreen). Returns when it serves.
    Promote {
        /// As `performers list` shows the one that is Staged, or the performer's name.
        performer_id: String,
    },
    /// Call an upgrade off: what serves stays until the configuration changes or an artifact is deployed.
    Abort {
        /// As `performers list` shows the one that is Staged, or the performer's name.
        performer_id: String,
    },
    /// Remove a performer: it finishes its tasks, then it is stopped.
    Remove {
        /// As `performers list` shows it.
        performer_id: String,
    },
}
