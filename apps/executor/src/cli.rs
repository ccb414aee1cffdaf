//! The command line: what can be asked for, and the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hourglass_docker::ExecutorId;
use hourglass_docker::proxy::Listen;

/// Says where an executor is that is asked something: of the command line, and no key of the configuration.
pub(crate) const OWN_VARIABLE: &str = "HOURGLASS_ENDPOINT";

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

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, as in log_level=debug")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArgs {
    /// The configuration says where health is told.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Ask only whether the process should be left alive, not whether it can work.
    #[arg(long)]
    pub(crate) live: bool,
    /// Ask a socket-proxy at this address instead, whether the engine is reached through it.
    #[arg(long, value_name = "unix:///PATH|tcp://HOST:PORT")]
    pub(crate) socket_proxy: Option<Listen>,
    /// Give up after this many seconds.
    #[arg(long, default_value_t = 4, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The socket of an engine is root on its host. Of it, an executor needs a few calls about its own containers; the
proxy refuses everything else with status 403 and the rule. The executor then has docker.host (or DOCKER_HOST) at the
proxy and needs no right on the socket itself."
)]
pub(crate) struct SocketProxyArgs {
    /// Where the executor reaches the proxy.
    #[arg(long, value_name = "unix:///PATH|tcp://HOST:PORT")]
    pub(crate) listen: Listen,
    /// The engine's own socket.
    #[arg(long, value_name = "unix:///PATH", default_value = "unix:///var/run/docker.sock")]
    pub(crate) docker_host: String,
    /// The executor's id: whose containers may be touched.
    #[arg(long, value_name = "HEX", required_unless_present = "executor_id_file")]
    pub(crate) executor_id: Option<ExecutorId>,
    /// The file in which the executor keeps it, executor-id in its storage.path. Read once, when it is there.
    #[arg(long, value_name = "FILE", conflicts_with = "executor_id")]
    pub(crate) executor_id_file: Option<PathBuf>,
    /// The container in which the executor itself runs: it may be inspected, and join the performers' networks.
    #[arg(long, value_name = "NAME")]
    pub(crate) executor_container: Option<String>,
    /// A capability that containers may add. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_capability: Vec<String>,
    /// A device of the host that containers may have, such as /dev/sgx_enclave. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) allow_device: Vec<String>,
    /// Containers may have GPUs.
    #[arg(long)]
    pub(crate) allow_gpus: bool,
    /// Another runtime that containers may have, such as kata-qemu-snp. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_runtime: Vec<String>,
    /// An existing network that containers may join: that of docker.network. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_network: Vec<String>,
    /// Containers may do without no-new-privileges.
    #[arg(long)]
    pub(crate) allow_new_privileges: bool,
    /// The least important messages that are logged: trace, debug, info, warn or error.
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub(crate) log_level: String,
    /// How log lines are written.
    #[arg(long, value_enum, default_value_t = ProxyLogFormat::Text)]
    pub(crate) log_format: ProxyLogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyLogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "It looks at the configuration, keys, storage, ports, certificates, clock, aggregator, and at the
container engine with the images and devices of every AVS. It changes nothing and may be run beside an executor.

Each line begins with \u{2713} (good), ! (doubtful: it works, but look at it) or \u{2717} (bad: it would not work), and what to
change follows behind an arrow. Exit code: 0 when nothing is bad, 1 otherwise.

Example:
  hourglass-executor doctor --config executor.yaml"
)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
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

/// How results are printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// Output format.
    #[arg(global = true, short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Columns for people.
    Table,
    /// JSON for programs.
    Json,
}

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

/// A running executor and how to reach it.
#[derive(Debug, Clone, Args)]
pub(crate) struct EndpointArgs {
    /// Address of the executor; with --config, that of the configuration.
    #[arg(global = true, short, long, value_name = "HOST:PORT", env = OWN_VARIABLE)]
    pub(crate) endpoint: Option<String>,
    /// Trust the executor's certificate if this authority signed it; TLS is used when given.
    #[arg(global = true, long, value_name = "PEM")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Client certificate for mutual TLS.
    #[arg(global = true, long, value_name = "PEM", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key.
    #[arg(global = true, long, value_name = "PEM", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The name that the executor's certificate must carry, where it is not the host.
    #[arg(global = true, long, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// Give up after this many seconds.
    #[arg(global = true, long, default_value_t = 60, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "Example, against the executor that runs with executor.yaml:
  hourglass-executor submit --config executor.yaml --aggregator-key aggregator.key \\
    --avs 0x1234567890abcdef1234567890abcdef12345678 --payload 0x1f")]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
    /// The executor's configuration: who it is, and how its operator sets sign.
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The AVS, by address or name; may be left out where the configuration has only one.
    #[arg(long, value_name = "ADDRESS|NAME")]
    pub(crate) avs: Option<String>,
    /// The executor operator set; by default the AVS's first.
    #[arg(long, value_name = "ID")]
    pub(crate) operator_set: Option<u32>,
    /// What to work on, as text.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["payload_hex", "payload_file"])]
    pub(crate) payload: Option<String>,
    /// What to work on, as hexadecimal bytes.
    #[arg(long, value_name = "HEX", conflicts_with = "payload_file")]
    pub(crate) payload_hex: Option<String>,
    /// What to work on, from a file (- is standard input).
    #[arg(long, value_name = "FILE")]
    pub(crate) payload_file: Option<PathBuf>,
    /// Task id: 0x and 64 hexadecimal digits; by default a random one.
    #[arg(long, value_name = "ID")]
    pub(crate) task_id: Option<String>,
    /// The aggregator's key file. Left out, the task is not signed: only a development executor takes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) aggregator_key: Option<PathBuf>,
    /// File with the password of the key, where it is a keystore.
    #[arg(long, value_name = "FILE")]
    pub(crate) aggregator_key_password_file: Option<PathBuf>,
    /// The aggregator's curve.
    #[arg(long, value_enum, default_value_t = Curve::Ecdsa)]
    pub(crate) aggregator_curve: Curve,
    /// The aggregator's address; by default that of its ECDSA key.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) aggregator: Option<String>,
    /// Reference timestamp of the operator table; by default now.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) reference_timestamp: Option<u32>,
    /// Block for historical reads; 0 is the latest.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) block: u64,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Curve {
    /// secp256k1.
    Ecdsa,
    /// BLS on BN254.
    Bn254,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key.
    New {
        /// On which curve.
        #[arg(long, value_enum)]
        curve: Curve,
        #[command(flatten)]
        target: KeyTarget,
    },
    /// Show the public half of a key.
    Show {
        #[command(flatten)]
        source: KeySourceArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Write a key in another format.
    Convert {
        #[command(flatten)]
        source: KeySourceArgs,
        #[command(flatten)]
        target: KeyTarget,
    },
}

/// Which key to read.
#[derive(Debug, Args)]
pub(crate) struct KeySourceArgs {
    /// The key file: keystore, hexadecimal or PEM.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Its curve.
    #[arg(long, value_enum)]
    pub(crate) curve: Curve,
    /// File with the password of a keystore.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Where a key is written and how.
#[derive(Debug, Args)]
pub(crate) struct KeyTarget {
    /// Write to this new file, readable by its owner only.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// In which format.
    #[arg(long, value_enum, default_value_t = KeyFormat::Hex)]
    pub(crate) format: KeyFormat,
    /// File with the password for a keystore.
    #[arg(long, value_name = "FILE", required_if_eq("format", "keystore"))]
    pub(crate) out_password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyFormat {
    /// 0x and 64 hexadecimal digits, unprotected.
    Hex,
    /// PEM/SEC1, unprotected; ECDSA only.
    Pem,
    /// Protected by a password: keystore v3 for ECDSA, EIP-2335 for BN254.
    Keystore,
}

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
