//! `socket-proxy`: where it stands, for whom, and what it lets through.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hourglass_docker::ExecutorId;
use hourglass_docker::proxy::Listen;

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
