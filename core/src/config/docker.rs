use std::path::PathBuf;
use std::time::Duration;

/// The engine that runs containers, and what they get where their AVS says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    /// `unix:///path`, or `tcp://host:port` with the port always there.
    pub host: String,
    /// For `tcp://`; never there with a socket.
    pub tls: Option<DockerTls>,
    /// The directory of Docker's own client configuration, where registry credentials are. It need not exist.
    pub client_config_path: Option<PathBuf>,
    /// An existing network that performers join instead of one of ours.
    pub network: Option<String>,
    /// The container in which the executor itself runs, where that cannot be detected.
    pub executor_container: Option<String>,
    /// Where the engine's host is seen; absolute.
    pub host_root: PathBuf,
    /// How many images are pulled at once; at least 1.
    pub concurrent_pulls: usize,
    /// How long a pull may go on without any progress.
    pub pull_stall_timeout: Duration,
    /// How long the engine may take to answer.
    pub call_timeout: Duration,
    /// Whether performers may connect to each other.
    pub performers_may_connect: bool,
    /// Processes and threads at most.
    pub pids_limit: u32,
    /// Size of the file system at `/tmp`, in bytes.
    pub tmpfs_bytes: u64,
    /// Size of one log file, in bytes.
    pub log_max_bytes: u64,
    /// Log files that are kept.
    pub log_max_files: u32,
    /// The user, where neither AVS nor image names one; never root.
    pub run_as_user: u32,
}

/// Certificates for an engine behind TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerTls {
    /// Who signs the engine's certificate, PEM.
    pub ca_path: PathBuf,
    /// Our certificate, PEM.
    pub cert_path: PathBuf,
    /// Its key, PEM.
    pub key_path: PathBuf,
}
