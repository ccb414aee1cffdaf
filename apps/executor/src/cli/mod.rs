//! The command line: what can be asked for, and the help that teaches it.

mod configuration;
mod demo;
mod diagnosis;
mod endpoint;
mod journal;
mod keys;
mod output;
mod performers;
mod socket_proxy;
mod submit;

use clap::{Parser, Subcommand};

pub(crate) use self::configuration::{ConfigArgs, ConfigCommand, RunArgs};
pub(crate) use self::demo::{DemoArgs, DemoMode};
pub(crate) use self::diagnosis::{DoctorArgs, HealthcheckArgs};
pub(crate) use self::endpoint::{EndpointArgs, OWN_VARIABLE};
pub(crate) use self::journal::JournalCommand;
pub(crate) use self::keys::{Curve, KeyFormat, KeySourceArgs, KeyTarget, KeysCommand};
pub(crate) use self::output::{Output, OutputArgs};
pub(crate) use self::performers::{PerformersArgs, PerformersCommand};
pub(crate) use self::socket_proxy::{ProxyLogFormat, SocketProxyArgs};
pub(crate) use self::submit::SubmitArgs;

/// Runs AVS workloads for an operator of EigenLayer services.
///
/// The executor receives tasks from aggregators over gRPC, checks that they are genuine, hands them to the AVS's
/// performer, signs the result with the operator's key and returns it.
#[derive(Debug, Parser)]
#[command(name = "hourglass-executor", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Begin with:
  hourglass-executor demo                        see it work, nothing else needed
  hourglass-executor keys new --curve ecdsa --out operator.key
  hourglass-executor validate --config executor.yaml
  hourglass-executor doctor --config executor.yaml
  hourglass-executor run --config executor.yaml")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve tasks until told to stop. SIGTERM drains; SIGHUP reads the configuration again.
    Run(RunArgs),
    /// Check a configuration: exit 0, or 2 with every problem on standard error.
    Validate(ConfigArgs),
    /// Look whether everything that `run` needs is there, and say what to change where it is not.
    Doctor(DoctorArgs),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the JSON Schema of the configuration file, for editors.
    Schema,
    /// Show the executor at work: two AVSs, thousands of signed tasks, upgrades and kills in between.
    Demo(DemoArgs),
    /// Sign one task as an aggregator, send it, verify the signed result and print it.
    Submit(Box<SubmitArgs>),
    /// List, deploy and remove performers of a running executor.
    Performers(PerformersArgs),
    /// Make, look at and convert keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Export, import and look at the journal of answered tasks. The executor must not be running.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Ask the running executor whether it is ready: exit 0, or 1 with what is missing. For containers' health checks.
    Healthcheck(HealthcheckArgs),
    /// Stand between an executor and the Docker socket, and let only the calls through that an executor makes.
    SocketProxy(Box<SocketProxyArgs>),
    /// Print a completion script for a shell.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
