//! What may pass, as pure functions: of a request's head, of its body, and of what the engine says about the things it
//! names.

use std::collections::BTreeMap;

use http::{Method, Uri};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::container;
use super::network::{self, Joining};
use super::permits::Permits;
use super::refusal::Refusal;
use super::routes::Guard;
use crate::ExecutorId;

const PREFIX: &str = "hourglass.eigenlayer.io/";

/// Whose calls are let through.
#[derive(Debug, Clone)]
pub(super) struct Identity(ExecutorId);

impl Identity {
    pub(super) fn new(id: ExecutorId) -> Self {
        Self(id)
    }

    fn label(&self) -> String {
        format!("{PREFIX}executor={}", self.0)
    }

    /// Of the networks; with a dash after it, of the containers.
    pub(super) fn network_prefix(&self) -> String {
        format!("hourglass-{}", self.0.short())
    }

    /// Whether a container of this name is ours to call so.
    pub(super) fn named(&self, name: &str) -> bool {
        let name = name.strip_prefix('/').unwrap_or(name);
        name.strip_prefix(&self.network_prefix()).is_some_and(|rest| rest.starts_with('-'))
    }

    /// Whether a filter finds only containers that are called as ours are. It is a regular expression: anything that has
    /// more in it than a name may find others.
    fn is_name_filter(&self, filter: &str) -> bool {
        let name = filter.strip_prefix("^/").or_else(|| filter.strip_prefix('^'));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        name.is_some_and(|name| self.named(name) && name.strip_suffix('$').unwrap_or(name).bytes().all(plain))
    }

    pub(super) fn owns(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(&format!("{PREFIX}executor")).is_some_and(|owner| owner == self.0.as_str())
    }
}

/// What still has to be looked up at the engine before a call is forwarded.
#[derive(Debug)]
pub(super) enum Pending {
    /// Nothing.
    Ready(Body),
    /// A container, by name or id.
    Container,
    /// A container that may be inspected.
    Inspection,
    /// A network, by name or id; if the flag is set, permitted ones count too.
    Network { permitted: bool },
    /// Networks that a new container joins, and the body to be sent.
    Joined { networks: Vec<String>, body: Vec<u8> },
    /// A container that joins or leaves a network.
    Joining(Joining),
}

/// What is sent to the engine besides the target.
#[derive(Debug)]
pub(super) enum Body {
    None,
    /// With the caller's credentials for a registry.
    Credentials,
    Json(Vec<u8>),
}

/// Judges a request by itself.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn judge(
    method: &Method,
    uri: &Uri,
    body: &[u8],
    identity: &Identity,
    permits: &Permits,
) -> Result<(Call, Pending), Refusal> {
    let call = Call::parse(method, uri)?;
    let bodied =
        matches!(call.route.guard, Guard::CreateContainer | Guard::CreateNetwork | Guard::Connect | Guard::Disconnect);
    if !bodied && !body.is_empty() {
        return Err(Refusal::forbidden("body", "this call has no body"));
    }
    let pending = match call.route.guard {
        Guard::Free => Pending::Ready(Body::None),
        Guard::Registry => Pending::Ready(Body::Credentials),
        Guard::Pull => match call.parameter("fromImage") {
            Some(image) if !image.is_empty() => Pending::Ready(Body::Credentials),
            _ => return Err(Refusal::forbidden("query", "images are pulled by name")),
        },
        Guard::OwnListing => {
            let (filters, label) = (call.filters(), identity.label());
            let labelled = filters.get("label").is_some_and(|labels| labels.contains(&label));
            let ours =
                |names: &Vec<String>| !names.is_empty() && names.iter().all(|name| identity.is_name_filter(name));
            if !labelled && !filters.get("name").is_some_and(ours) {
                return Err(Refusal::forbidden("listing", format!("only what has the label {label} may be listed")));
            }
            Pending::Ready(Body::None)
        }
        Guard::OwnEvents => {
            if call.filters().get("type").is_none_or(|types| *types != ["container"]) {
                return Err(Refusal::forbidden("listing", "only events of containers may be followed"));
            }
            Pending::Ready(Body::None)
        }
        Guard::OwnContainer => Pending::Container,
        Guard::InspectContainer => Pending::Inspection,
        Guard::UsableNetwork => Pending::Network { permitted: true },
        Guard::OwnNetwork => Pending::Network { permitted: false },
        Guard::CreateContainer => {
            if !call.parameter("name").is_some_and(|name| super::call::is_name(name) && identity.named(name)) {
                let message = format!("containers of this executor are called {}-…", identity.network_prefix());
                return Err(Refusal::forbidden("names", message));
            }
            let (body, networks) = container::check(body, identity, permits)?;
            Pending::Joined { networks, body }
        }
        Guard::CreateNetwork => Pending::Ready(Body::Json(network::creation(body, identity)?)),
        Guard::Connect | Guard::Disconnect => Pending::Joining(Joining::read(body)?),
    };
    Ok((call, pending))
}

/// What the engine says of a container, as far as it matters here.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FoundContainer {
    id: String,
    name: String,
    config: FoundConfig,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FoundConfig {
    labels: Option<BTreeMap<String, String>>,
}

/// What the engine says of a network.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FoundNetwork {
    id: String,
    name: String,
    labels: Option<BTreeMap<String, String>>,
}

/// Whose a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    /// The executor itself.
    Executor,
    Foreign,
}

impl FoundContainer {
    pub(super) fn whose(&self, identity: &Identity, permits: &Permits) -> Whose {
        let named = |name: &str| self.name.strip_prefix('/').unwrap_or(&self.name) == name;
        if self.config.labels.as_ref().is_some_and(|labels| identity.owns(labels)) {
            Whose::Ours
        } else if permits.executor_container.as_deref().is_some_and(named) {
            Whose::Executor
        } else {
            Whose::Foreign
        }
    }

    /// # Errors
    /// It is no id: the engine is not one.
    pub(super) fn id(&self) -> Result<&str, Refusal> {
        full_id(&self.id)
    }

    /// What a caller learns of a container that is not ours: that it is there, and that it is not ours.
    pub(super) fn blank(&self) -> String {
        let blank =
            FoundContainer { config: FoundConfig { labels: None }, id: self.id.clone(), name: self.name.clone() };
        serde_json::to_string(&blank).unwrap_or_default()
    }
}

impl FoundNetwork {
    /// The id, if the executor may use it.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) fn usable(&self, permitted: bool, identity: &Identity, permits: &Permits) -> Result<&str, Refusal> {
        let ours = self.labels.as_ref().is_some_and(|labels| identity.owns(labels));
        if ours || (permitted && permits.networks.contains(&self.name)) {
            return full_id(&self.id);
        }
        Err(Refusal::forbidden(
            "foreign-network",
            format!("network {:?} is not this executor's: --allow-network permits to use it", self.name),
        ))
    }
}

fn full_id(id: &str) -> Result<&str, Refusal> {
    let hex = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { Ok(id) } else { Err(Refusal::unavailable("engine", "the engine's answer has no id in it")) }
}

/// The labels of something that is made: our own, and none that tells other software of this host anything.
pub(super) fn own_labels(labels: &BTreeMap<String, String>, identity: &Identity) -> Result<(), Refusal> {
    if !identity.owns(labels) {
        return Err(Refusal::forbidden("labels", format!("the label {} is missing", identity.label())));
    }
    match labels.keys().find(|key| !key.starts_with(PREFIX)) {
        Some(key) => Err(Refusal::forbidden("labels", format!("label {key:?} is none of {PREFIX}…"))),
        None => Ok(()),
    }
}

/// Reads a body in which every key is known, spelt exactly, and stands once.
pub(super) fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(text).map_err(|error| {
        // Serde lists all the keys it knows; the one that is wrong is enough.
        let text = error.to_string();
        let short = text.split(", expected").next().unwrap_or_default().to_owned();
        Refusal::forbidden("body", format!("the body has something that the executor never sends: {short}"))
    })
}
