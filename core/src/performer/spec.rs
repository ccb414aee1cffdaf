use std::num::NonZeroU16;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::hardware::HardwareRequirements;
use crate::performer::{EnvVar, Image, PullPolicy};
use crate::resources::Resources;
use crate::scheduling::Scheduling;

/// What a user asks for: one performer of one AVS.
///
/// Everything from `image` to `security` is part of its [revision](Self::revision): a change of it needs new
/// instances. What follows changes how instances are run and replaced, not what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerformerSpec {
    /// Whose tasks it answers.
    pub avs: Address,
    /// What it runs, tag or digest included.
    pub image: Image,
    /// The version as the user wrote it, if it stood beside the image.
    pub version: Option<String>,
    /// Replaces the image's entrypoint where not empty.
    pub command: Vec<String>,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment; a later entry wins over an earlier one of the same name.
    pub env: Vec<EnvVar>,
    /// The port it serves on, where the user says so.
    pub port: Option<NonZeroU16>,
    /// Requests and limits.
    pub resources: Resources,
    /// Where it may run.
    pub scheduling: Scheduling,
    /// What it cannot run without.
    pub hardware: HardwareRequirements,
    /// The Kubernetes service account it runs as.
    pub service_account: Option<String>,
    /// Overrides of the hardened defaults.
    pub security: Security,

    /// When the image is pulled.
    pub pull_policy: PullPolicy,
    /// Names of Kubernetes Secrets for pulling.
    pub image_pull_secrets: Vec<String>,
    /// How many instances serve at once.
    pub replicas: u32,
    /// How one revision replaces another.
    pub upgrade: UpgradePolicy,
}

impl PerformerSpec {
    /// A specification of one replica with every default.
    pub fn new(avs: Address, image: Image) -> Self {
        Self {
            avs,
            image,
            version: None,
            command: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            port: None,
            resources: Resources::default(),
            scheduling: Scheduling::default(),
            hardware: HardwareRequirements::default(),
            service_account: None,
            security: Security::default(),
            pull_policy: PullPolicy::default(),
            image_pull_secrets: Vec::new(),
            replicas: 1,
            upgrade: UpgradePolicy::default(),
        }
    }
}

/// What a user may change of the hardened defaults; `None` keeps the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Security {
    /// The user to run as.
    pub run_as_user: Option<u32>,
    /// Whether the root file system is read-only.
    pub read_only_root: Option<bool>,
    /// Capabilities to keep.
    pub add_capabilities: Vec<String>,
    /// Whether a process may gain privileges that its parent has not.
    pub allow_privilege_escalation: Option<bool>,
    /// Processes and threads at most.
    pub pids_limit: Option<u32>,
    /// Size of the file system at `/tmp`, in bytes.
    pub tmpfs_bytes: Option<u64>,
    /// Size of one log file, in bytes.
    pub log_max_bytes: Option<u64>,
    /// Log files that are kept.
    pub log_max_files: Option<u32>,
}

/// How one revision replaces another, and how long each step may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradePolicy {
    /// In which order.
    pub strategy: UpgradeStrategy,
    /// A revision that has not become ready by then is withdrawn.
    pub ready_deadline: Duration,
    /// A draining instance that still has tasks then is stopped.
    pub drain_deadline: Duration,
    /// Between the request to stop and the kill.
    pub stop_grace: Duration,
}

impl Default for UpgradePolicy {
    fn default() -> Self {
        Self {
            strategy: UpgradeStrategy::default(),
            ready_deadline: Duration::from_secs(300),
            drain_deadline: Duration::from_secs(60),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// In which order a new revision replaces the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub enum UpgradeStrategy {
    /// Start the new one, wait until it is ready, route to it, drain the old one, stop it.
    #[default]
    RollingUpdate,
    /// The same, but routing waits until somebody promotes the new revision.
    BlueGreen,
    /// Stop the old one first: for what must never run twice.
    Recreate,
}
