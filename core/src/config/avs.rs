use std::num::NonZeroU16;
use std::time::Duration;

use crate::address::Address;
use crate::hardware::HardwareRequirements;
use crate::performer::{EnvVar, Image, PerformerName, PerformerSpec, PullPolicy, Security, UpgradePolicy};
use crate::ports::{Mandate, PublicKey};
use crate::resources::Resources;
use crate::scheduling::Scheduling;

use super::model::Config;

/// One AVS that is served.
#[derive(Debug, Clone, PartialEq)]
pub struct AvsConfig {
    /// Its address.
    pub address: Address,
    /// Its name as the user wrote it, else `avs-` and the first 8 digits of the address.
    pub name: String,
    /// The name of its performer: `name` made a valid and unique one.
    pub(crate) performer_name: PerformerName,
    /// The image with its version, or in process mode the absolute path of an executable.
    pub image: Image,
    /// The version as the user wrote it.
    pub version: Option<String>,
    /// What the performer needs and may use.
    pub resources: Resources,
    /// What it cannot run without.
    pub hardware: HardwareRequirements,
    /// Where it may run; the default of the Kubernetes section where it had none of its own.
    pub scheduling: Scheduling,
    /// Who may submit.
    pub aggregators: Vec<AggregatorConfig>,
    /// For which sets we answer.
    pub operator_sets: Vec<OperatorSetConfig>,
    /// How many instances serve at once.
    pub replicas: u32,
    /// How versions replace one another.
    pub upgrade: UpgradePolicy,
    /// How tasks are run.
    pub task: TaskConfig,
    /// The performer's environment.
    pub env: Vec<EnvVar>,
    /// Replaces the image's entrypoint where not empty.
    pub command: Vec<String>,
    /// Arguments.
    pub args: Vec<String>,
    /// The AVS's port, else the configured default.
    pub port: Option<NonZeroU16>,
    /// When the image is pulled.
    pub pull_policy: PullPolicy,
    /// Kubernetes Secrets for pulling.
    pub image_pull_secrets: Vec<String>,
    /// The performer's service account.
    pub service_account: Option<String>,
    /// Overrides of the hardened defaults.
    pub security: Security,
}

/// Who may submit tasks of an AVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregatorConfig {
    /// As submissions name it.
    pub address: Address,
    /// What its signatures are checked against.
    pub key: PublicKey,
}

/// An operator set for which this executor answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSetConfig {
    /// Its id.
    pub id: u32,
    /// How answers are signed, with the verifier's domain already computed.
    pub mandate: Mandate,
}

/// How the tasks of an AVS are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskConfig {
    /// For the performer's work on one task.
    pub deadline: Duration,
    /// At once.
    pub max_concurrent: usize,
    /// Waiting.
    pub max_queued: usize,
    /// Whether a task that may have run may be run again.
    pub idempotent: bool,
}

impl AvsConfig {
    /// The name of its performer, unique in this configuration.
    pub const fn performer_name(&self) -> &PerformerName {
        &self.performer_name
    }

    /// What is asked of whoever runs performers.
    pub fn performer_spec(&self, config: &Config) -> PerformerSpec {
        let default_account = || config.kubernetes.as_ref().and_then(|k| k.service_account.clone());
        PerformerSpec {
            avs: self.address,
            image: self.image.clone(),
            version: self.version.clone(),
            command: self.command.clone(),
            args: self.args.clone(),
            env: self.env.clone(),
            port: self.port,
            resources: self.resources.clone(),
            scheduling: self.scheduling.clone(),
            hardware: self.hardware.clone(),
            service_account: self.service_account.clone().or_else(default_account),
            security: self.security.clone(),
            pull_policy: self.pull_policy,
            image_pull_secrets: self.image_pull_secrets.clone(),
            replicas: self.replicas,
            upgrade: self.upgrade.clone(),
        }
    }
}
