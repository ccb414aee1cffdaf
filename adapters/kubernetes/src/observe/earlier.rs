//! The pods of the earlier operator: `performer-<name>`, without a revision. They are taken over as they run.
//!
//! A pod that runs what the Performer asks for today counts as an instance of today's revision: nothing is restarted.
//! Any other one counts as a revision of its own, made from its uid: it serves until today's revision has taken over,
//! as in every upgrade. Either way it gets the labels that the Service selects by, and from then on it is a pod like
//! others, but for its name.

use std::collections::BTreeMap;

use hourglass_core::hardware::HardwareRequirements;
use hourglass_core::performer::{EnvSource, PerformerSpec, Revision, Security};
use hourglass_core::resources::Quantity;
use k8s_openapi::api::core::v1::{EnvVar, NodeSelector, Toleration};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::PodRecord;
use super::wire::{Container, Spec};
use crate::build::{CONTAINER, PORT_NAME, Serving, is_label, port, required_nodes, tolerations};
use crate::names;

/// The number of an instance that was taken over: no instance of ours ever gets it, since numbers are counted up.
pub const ADOPTED_SUFFIX: u32 = u32::MAX;

/// What a pod of the earlier operator runs. Values of variables are kept as a hash only.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    image: Box<str>,
    command: Vec<String>,
    args: Vec<String>,
    port: Option<u16>,
    environment: [u8; 32],
    requests: BTreeMap<String, String>,
    limits: BTreeMap<String, String>,
    node_selector: BTreeMap<String, String>,
    required_nodes: Option<NodeSelector>,
    tolerations: Vec<Toleration>,
    runtime_class: Option<String>,
    service_account: Option<String>,
}

impl Eq for Earlier {}

/// As what a pod of the earlier operator is taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// As an instance of which revision.
    pub revision: Revision,
    /// Whether that is today's: then nothing is started or stopped.
    pub is_current: bool,
}

impl Adoption {
    /// The labels that make it one of ours: a merge patch of its metadata. It changes nothing that a container would
    /// be restarted for, and is refused where the pod is another one by now.
    pub fn patch(&self, pod: &PodRecord, executor: Option<&str>) -> Value {
        let mut labels = BTreeMap::from([
            (names::LABEL_APP, names::APP_PERFORMER),
            (names::LABEL_MANAGED_BY, names::OPERATOR_MANAGER),
            (names::LABEL_REVISION, self.revision.as_str()),
            (names::LABEL_SERVING, Serving::Yes.as_str()),
        ]);
        labels.extend(executor.filter(|name| is_label(name)).map(|executor| (names::LABEL_EXECUTOR_REF, executor)));
        let (uid, version) = (&*pod.uid, &*pod.resource_version);
        json!({"metadata": {"uid": uid, "resourceVersion": version, "labels": labels}})
    }
}

impl PodRecord {
    /// As what to take this pod over, where it is one of the earlier operator's, belongs to the Performer with this
    /// uid, and was not taken over yet. To be done before anything else: before the Service selects by revision, and
    /// before an instance is started that the earlier Service would route to.
    pub fn adoption(&self, uid: &str, spec: &PerformerSpec) -> Option<Adoption> {
        let earlier = self.earlier.as_ref().filter(|_| self.owner.as_deref() == Some(uid))?;
        let is_current = earlier.runs(spec);
        let revision = if is_current { spec.revision() } else { own_revision(&self.uid)? };
        Some(Adoption { revision, is_current })
    }
}

/// The same for ever, and of no other pod.
fn own_revision(uid: &str) -> Option<Revision> {
    let hash = Sha256::new().chain_update(b"pod of the earlier operator\n").chain_update(uid).finalize();
    let digits: String = hash.iter().take(Revision::LEN / 2).map(|byte| format!("{byte:02x}")).collect();
    digits.parse().ok()
}

impl Earlier {
    pub(super) fn new(spec: &Spec) -> Self {
        let container = spec.containers.iter().find(|container| &*container.name == CONTAINER);
        let nothing = Container::default();
        let container = container.or(spec.containers.first()).unwrap_or(&nothing);
        let named = container.ports.iter().find(|port| &*port.name == PORT_NAME);
        Self {
            image: container.image.clone(),
            command: container.command.clone(),
            args: container.args.clone(),
            port: named.map(|port| port.container_port),
            environment: hashed(container.env.iter().map(of_pod)),
            requests: container.resources.requests.clone(),
            limits: container.resources.limits.clone(),
            node_selector: spec.node_selector.clone(),
            required_nodes: spec.affinity.node_affinity.required.clone(),
            tolerations: spec.tolerations.clone(),
            runtime_class: spec.runtime_class_name.clone(),
            service_account: spec.service_account_name.clone(),
        }
    }

    /// Whether it runs what `spec` asks for. The earlier operator did not enforce hardware and knew no overrides of
    /// security, so a specification with either is never met. In doubt it does not: then an upgrade without a gap sets it
    /// right.
    fn runs(&self, spec: &PerformerSpec) -> bool {
        let account = |name: &Option<String>| name.clone().filter(|name| !name.is_empty() && name != "default");
        let effective = spec
            .env
            .iter()
            .enumerate()
            .filter(|(at, variable)| !spec.env.iter().skip(at + 1).any(|later| later.name == variable.name));
        *self.image == *spec.image.as_str()
            && self.command == spec.command
            && self.args == spec.args
            && self.port == Some(port(spec))
            && self.environment == hashed(effective.map(|(_, variable)| of_spec(&variable.name, &variable.source)))
            // A LimitRange may have added more.
            && amounts(&spec.resources.requests, &self.requests)
            && amounts(&spec.resources.limits, &self.limits)
            && self.node_selector == spec.scheduling.node_selector
            && self.required_nodes == required_nodes(&spec.scheduling)
            // The API server adds tolerations of its own.
            && tolerations(&spec.scheduling).iter().all(|wanted| self.tolerations.iter().any(|found| same(wanted, found)))
            && self.runtime_class == spec.scheduling.runtime_class
            && account(&self.service_account) == account(&spec.service_account)
            && spec.scheduling.preferred_nodes.is_empty()
            && spec.scheduling.extras.is_empty()
            && spec.hardware == HardwareRequirements::default()
            && spec.security == Security::default()
    }
}

fn amounts(wanted: &BTreeMap<String, Quantity>, found: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(name, amount)| found.get(name).and_then(|text| text.parse().ok()).as_ref() == Some(amount))
}

/// `Equal` may be left out.
fn same(wanted: &Toleration, found: &Toleration) -> bool {
    let operator = |toleration: &Toleration| toleration.operator.clone().unwrap_or_else(|| "Equal".into());
    let plain = |toleration: &Toleration| Toleration { operator: Some(operator(toleration)), ..toleration.clone() };
    plain(wanted) == plain(found)
}

/// One variable: its name, what kind of source, and the source.
type Variable<'a> = [&'a str; 4];

fn of_pod(variable: &EnvVar) -> Variable<'_> {
    let from = variable.value_from.as_ref();
    let secret = from.and_then(|from| from.secret_key_ref.as_ref());
    let map = from.and_then(|from| from.config_map_key_ref.as_ref());
    match (secret, map, from) {
        (Some(secret), ..) => [&variable.name, "secret", &secret.name, &secret.key],
        (None, Some(map), _) => [&variable.name, "map", &map.name, &map.key],
        (None, None, Some(_)) => [&variable.name, "other", "", ""],
        (None, None, None) => [&variable.name, "value", variable.value.as_deref().unwrap_or_default(), ""],
    }
}

fn of_spec<'a>(name: &'a str, source: &'a EnvSource) -> Variable<'a> {
    match source {
        EnvSource::Value(value) => [name, "value", &value.0, ""],
        EnvSource::FromExecutor(from) => [name, "executor", from, ""],
        EnvSource::SecretKey { secret, key } => [name, "secret", secret, key],
        EnvSource::ConfigMapKey { config_map, key } => [name, "map", config_map, key],
    }
}

/// Of the variables in whatever order, without those that are ours to set.
fn hashed<'a>(variables: impl Iterator<Item = Variable<'a>>) -> [u8; 32] {
    let mut variables: Vec<Variable<'_>> =
        variables.filter(|[name, ..]| !["GRPC_PORT", "AVS_ADDRESS"].contains(name)).collect();
    variables.sort_unstable();
    let mut hash = Sha256::new();
    for part in variables.iter().flatten() {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
#[path = "earlier_tests.rs"]
mod tests;
