//! `doctor` and `healthcheck`: whether it could work, and whether it works.

use clap::Args;
use hourglass_docker::proxy::Listen;

use super::{ConfigArgs, OutputArgs};

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
