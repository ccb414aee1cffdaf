//! The bodies of calls about networks: read strictly, checked, and written anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::container_body::Endpoint;
use super::refusal::Refusal;
use super::rules::{Identity, own_labels, parsed};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Network {
    name: String,
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_duplicate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<BTreeMap<String, String>>,
    // What clients write although it is off.
    #[serde(skip_serializing)]
    attachable: Option<bool>,
    #[serde(skip_serializing)]
    ingress: Option<bool>,
    #[serde(skip_serializing)]
    config_only: Option<bool>,
}

/// The bridge's own name is not among them: it could be that of a bridge of the host.
const OPTIONS: &[&str] = &[
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.driver.mtu",
];

/// # Errors
/// The first thing that the executor never asks for.
pub(super) fn creation(text: &[u8], identity: &Identity) -> Result<Vec<u8>, Refusal> {
    let network: Network = parsed(text)?;
    own_labels(&network.labels, identity)?;
    let (ours, prefix) = (&network.name, identity.network_prefix());
    if !super::call::is_name(ours) || !(*ours == prefix || ours.starts_with(&format!("{prefix}-"))) {
        return Err(Refusal::forbidden(
            "names",
            format!("networks of this executor are called {prefix} and {prefix}-…"),
        ));
    }
    let bridge = network.driver.as_deref().is_none_or(|driver| matches!(driver, "" | "bridge"));
    let off = [network.attachable, network.ingress, network.config_only].iter().all(|option| *option != Some(true));
    let known = network.options.iter().flatten().all(|(key, _)| OPTIONS.contains(&key.as_str()));
    if !bridge || !off || !known {
        return Err(Refusal::forbidden("network", "networks of the executor are plain bridges"));
    }
    written(&network)
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Connection {
    container: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_config: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    force: Option<bool>,
}

/// A container that joins or leaves a network.
#[derive(Debug)]
pub(super) struct Joining(Connection);

impl Joining {
    /// # Errors
    /// It says more than that.
    pub(super) fn read(text: &[u8]) -> Result<Self, Refusal> {
        let connection: Connection = parsed(text)?;
        if !super::call::is_name(&connection.container) {
            return Err(Refusal::forbidden("names", "that is no name of a container"));
        }
        Ok(Self(connection))
    }

    pub(super) fn container(&self) -> &str {
        &self.0.container
    }

    /// What the engine is sent, about the container with this id.
    ///
    /// # Errors
    /// Never, as far as we know.
    pub(super) fn written(mut self, id: String) -> Result<Vec<u8>, Refusal> {
        self.0.container = id;
        written(&self.0)
    }
}

fn written(body: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(body).map_err(|error| Refusal::forbidden("body", error.to_string()))
}
