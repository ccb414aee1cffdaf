//! The command line. Without a command the operator runs, as `/manager` of the earlier one did.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::address::BindAddress;

/// Makes Performer and HourglassExecutor resources running, healthy, upgradable workloads.
///
/// Without a command it runs, until SIGTERM; one of several is at work at a time, the others wait to take over.
#[derive(Debug, Parser)]
#[command(name = "hourglass-operator", version, propagate_version = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the CustomResourceDefinitions: `hourglass-operator crds | kubectl apply --server-side -f -`.
    Crds,
    /// Check resources without a cluster: exit 0, 1 with what would be refused, or 2 where a file cannot be read.
    Validate(ValidateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Files with resources (YAML or JSON); - is standard input. May be repeated.
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    /// The operator's configuration file: what the words of hardware requirements mean in the cluster.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Be at work only while holding the lease, so that several operators can run.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1,
          default_missing_value = "true", require_equals = true)]
    pub(crate) leader_elect: bool,
    /// Where /metrics is served; 0 for nowhere.
    #[arg(long, value_name = "ADDRESS", default_value = ":8080")]
    pub(crate) metrics_bind_address: BindAddress,
    /// Where /healthz and /readyz are served; 0 for nowhere.
    #[arg(long, value_name = "ADDRESS", default_value = ":8081")]
    pub(crate) health_probe_bind_address: BindAddress,
    /// The operator's own namespace, where its lease is; that of its pod where not given, else hourglass-system.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Look after resources in this namespace only.
    #[arg(long, value_name = "NAME")]
    pub(crate) watch_namespace: Option<String>,
    /// A kubeconfig. Without it: KUBECONFIG, then what the pod is given, then ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// A file (JSON) with the operator's own configuration: `hardware`, what the words of requirements mean here.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Resources looked after at once.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: u16,
    /// How long others wait for a renewal of the lease before they take over, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub(crate) leader_elect_lease_duration: u64,
    /// How long this one is at work without a renewal, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) leader_elect_renew_deadline: u64,
    /// Between two renewals, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub(crate) leader_elect_retry_period: u64,
    /// Between two complete lists of what there is, in seconds: in case that an event was lost.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    pub(crate) resync: u64,
    /// What is logged: trace, debug, info, warn or error, optionally followed by ,module=level.
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: String,
    /// How it is logged: json, or human.
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "json")]
    pub(crate) log_format: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("manager").chain(arguments.iter().copied()))
    }

    #[test]
    fn no_arguments_run_it() {
        let cli = parse(&[]).unwrap();
        assert!(cli.command.is_none() && cli.run.leader_elect);
        assert_eq!(cli.run.metrics_bind_address.to_string(), ":8080");
        assert_eq!(cli.run.health_probe_bind_address.to_string(), ":8081");
    }

    #[test]
    fn flags_as_the_earlier_manager_took_them() {
        assert!(parse(&["--leader-elect"]).unwrap().run.leader_elect);
        assert!(!parse(&["--leader-elect=false"]).unwrap().run.leader_elect);
        let cli = parse(&["--metrics-bind-address=0", "--health-probe-bind-address", "127.0.0.1:9000"]).unwrap();
        assert_eq!(cli.run.metrics_bind_address.to_string(), "0");
        assert_eq!(cli.run.health_probe_bind_address.to_string(), "127.0.0.1:9000");
        assert!(parse(&["--metrics-bind-address=nonsense"]).is_err());
        assert!(matches!(parse(&["crds"]).unwrap().command, Some(Command::Crds)));
        assert!(parse(&["--leader-elect", "crds"]).is_err(), "flags of running mean nothing there");
    }
}
