//! `submit`: one task, and who signs it.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigArgs, Curve, EndpointArgs, OutputArgs};

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
