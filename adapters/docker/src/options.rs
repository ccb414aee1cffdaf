use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Whose containers are ours: 32 hexadecimal digits, made once and kept with the journal.
///
/// An engine may run the containers of several executors, and two of them may call themselves the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecutorId(String);

/// A text that is no [`ExecutorId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an executor id is 32 lower-case hexadecimal digits")]
pub struct ExecutorIdError;

impl ExecutorId {
    /// From random bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// All of it: the value of a container's label.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first eight digits, for names of containers and networks.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or_default()
    }
}

impl FromStr for ExecutorId {
    type Err = ExecutorIdError;

    fn from_str(text: &str) -> Result<Self, ExecutorIdError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let right = text.len() == 32 && text.bytes().all(digit);
        right.then(|| Self(text.to_owned())).ok_or(ExecutorIdError)
    }
}

impl fmt::Display for ExecutorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the engine is reached and what containers get where their AVS says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `unix:///path` or `tcp://host:port`; `None` is `/var/run/docker.sock`. The binary resolves `DOCKER_HOST`.
    pub host: Option<String>,
    /// For `tcp://`.
    pub tls: Option<EngineTls>,
    /// The directory of Docker's own client configuration, `config.json` with registry credentials in it.
    pub client_config: Option<PathBuf>,
    /// How long a call of the engine may take before it counts as not answered; pulls have their own limit.
    pub call_timeout: Duration,
    /// How long a pull may go on without any progress.
    pub pull_stall_timeout: Duration,
    /// How many images are pulled at once.
    pub concurrent_pulls: usize,
    /// How often everything is listed although the stream of events says that nothing happened.
    pub relist: Duration,
    /// An existing network that performers join instead of one of ours.
    pub network: Option<String>,
    /// The container in which the executor itself runs, by name or id, or `none`; found out where not given.
    pub executor_container: Option<String>,
    /// Whether performers may connect to each other.
    pub performers_may_connect: bool,
    /// Where the engine's host is seen: `/`, or where it is mounted if the executor runs in a container.
    pub host_root: PathBuf,
    /// What containers get.
    pub defaults: ContainerDefaults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: None,
            tls: None,
            client_config: None,
            call_timeout: Duration::from_secs(20),
            pull_stall_timeout: Duration::from_secs(120),
            concurrent_pulls: 3,
            relist: Duration::from_secs(600),
            network: None,
            executor_container: None,
            performers_may_connect: false,
            host_root: PathBuf::from("/"),
            defaults: ContainerDefaults::default(),
        }
    }
}

/// Certificates for an engine behind TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineTls {
    /// Who signs the engine's certificate, PEM.
    pub ca: PathBuf,
    /// Our certificate, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// What a container gets where its AVS says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerDefaults {
    /// The user, where the image names root or nobody.
    pub run_as_user: u32,
    /// Processes and threads at most.
    pub pids_limit: u32,
    /// Size of the file system at `/tmp`, in bytes; it counts as memory.
    pub tmpfs_bytes: u64,
    /// Size of one log file, in bytes.
    pub log_max_bytes: u64,
    /// Log files that are kept.
    pub log_max_files: u32,
}

impl Default for ContainerDefaults {
    fn default() -> Self {
        Self { run_as_user: 65_532, pids_limit: 1024, tmpfs_bytes: 64 << 20, log_max_bytes: 10 << 20, log_max_files: 3 }
    }
}
