use hourglass_core::performer::PullPolicy;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    HardwareRequirements, LocalReference, PerformerConfig, PerformerStatus, PodSecurity, ResourceAmounts, Scheduling,
    Spread, UpgradeOptions,
};

/// What a performer is to be: the container that answers the tasks of one AVS, and how it is run and replaced.
///
/// A change of anything that matters to its pods is an upgrade: new pods are started, tasks go to them once they are
/// ready, the old ones finish what they have. A revision that does not become ready is withdrawn, and the old one keeps
/// serving.
#[derive(CustomResource, Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "hourglass.eigenlayer.io",
    version = "v1alpha1",
    kind = "Performer",
    plural = "performers",
    shortname = "perf",
    namespaced,
    status = "PerformerStatus",
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default",
    doc = "Answers the tasks of one AVS: pods behind the Service `performer-<name>`."
)]
#[serde(rename_all = "camelCase", default)]
pub struct PerformerSpec {
    /// The AVS whose tasks it answers: an Ethereum address, 0x and 40 hexadecimal digits. It cannot be changed; another
    /// AVS is another Performer.
    pub avs_address: String,
    /// The image to run, such as registry.example.com/my-org/my-performer:v1.0.0 or one with an @sha256: digest.
    pub image: String,
    /// When the image is pulled: IfNotPresent (the default), Always (for tags that move) or Never (it must be on the
    /// node).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<PullPolicy>,
    /// The version of the image. It becomes the image's tag where the image carries neither tag nor digest; where it
    /// carries one, this is only shown; a change of it replaces the pods all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The name of the HourglassExecutor in this namespace that sends it tasks. Where it is set, that executor's default
    /// scheduling applies, its replicas are waited for when a pod drains, and a NetworkPolicy admits only that executor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_ref: Option<String>,
    /// What the container is told: port, environment, command, arguments, service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PerformerConfig>,
    /// What each pod asks for and may use: cpu, memory, ephemeral-storage, devices. GPUs here and in
    /// hardwareRequirements are one request, never added up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceAmounts>,
    /// Where its pods may run. It is combined with the executor's default scheduling and with what hardwareRequirements
    /// needs, so that all of them hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// Hardware that it cannot run without. What cannot be expressed on this cluster makes the Performer Failed with the
    /// reason; it never runs without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware_requirements: Option<HardwareRequirements>,
    /// Secrets of this namespace with credentials for pulling the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalReference>,

    /// How many pods serve at once, all of them active. Default 1; 0 stops the performer and keeps its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How one revision replaces another, and how long each step may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_strategy: Option<UpgradeOptions>,
    /// What may differ from the hardened defaults: user 65532, a read-only root file system, no capabilities, no
    /// privilege escalation. The defaults meet the Pod Security Standard "restricted".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<PodSecurity>,
    /// How several replicas are spread. Without it, over the nodes where that is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// What the Service `performer-<name>` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceOptions>,
}

/// What a performer's Service is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceOptions {
    /// Whether the Service has no address of its own (default false): its name then gives the pods' addresses, and the
    /// executor chooses among them. It cannot be changed while the Service exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headless: Option<bool>,
}
