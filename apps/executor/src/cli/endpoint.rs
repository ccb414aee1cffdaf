//! Which running executor is asked, and how it is reached.

use std::path::PathBuf;

use clap::Args;

/// Says where an executor is that is asked something: of the command line, and no key of the configuration.
pub(crate) const OWN_VARIABLE: &str = "HOURGLASS_ENDPOINT";

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
