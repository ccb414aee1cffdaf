//! The networks that performers are in, and that nobody else is in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bollard::models::{
    EndpointSettings, Ipam, Network, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
    NetworkInspect,
};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder};
use hourglass_core::performer::PerformerName;

use crate::engine::{Engine, EngineError};
use crate::failure::StartFailure;
use crate::labels;
use crate::options::{ExecutorId, Options};
use crate::place::Place;
use crate::refusal;
use crate::subnet::Subnet;

/// The networks of one executor.
#[derive(Debug)]
pub(crate) struct Networks {
    owner: ExecutorId,
    /// An existing one, instead of ours.
    named: Option<String>,
    performers_may_connect: bool,
    /// The address ranges of those that we made.
    ranges: Mutex<BTreeMap<String, Vec<Subnet>>>,
    /// Those in which a container can be started as it is.
    ready: Mutex<BTreeSet<String>>,
    /// Those whose bridge is an interface of this host: containers in them are reached at their own addresses.
    direct: Mutex<BTreeSet<String>>,
    place: Mutex<Place>,
    /// One change of networks at a time: one that is made for a start is not removed under it.
    turn: tokio::sync::Mutex<()>,
}

/// The network that a container is to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) network: String,
    /// Whether its port is published on the host's loopback interface.
    pub(crate) publish: bool,
}

/// Why there is no network.
#[derive(Debug)]
pub(crate) enum NetworkTrouble {
    /// The engine does not answer.
    Silent(EngineError),
    /// It said no.
    Failed(StartFailure),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Networks {
    pub(crate) fn new(owner: ExecutorId, options: &Options) -> Self {
        Self {
            owner,
            named: options.network.clone(),
            performers_may_connect: options.performers_may_connect,
            ranges: Mutex::default(),
            ready: Mutex::default(),
            direct: Mutex::default(),
            place: Mutex::new(Place::Host),
            turn: tokio::sync::Mutex::default(),
        }
    }

    fn place(&self) -> Place {
        lock(&self.place).clone()
    }

    fn name(&self, performer: &PerformerName) -> String {
        match (&self.named, self.place()) {
            (Some(name), _) => name.clone(),
            (None, Place::Host) => labels::network_name(&self.owner),
            (None, Place::Container(_)) => labels::performer_network_name(&self.owner, performer),
        }
    }

    /// Whether an address lies in a network that only performers of ours are in, and is not the host's there.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        lock(&self.ranges).values().flatten().any(|subnet| subnet.has_guest(address))
    }

    /// Whether containers in this network are reached at their own addresses. Unlike a published port on loopback that
    /// needs no process of the engine, so that it works while the engine does not.
    pub(crate) fn is_direct(&self, network: &str) -> bool {
        lock(&self.direct).contains(network)
    }

    /// Takes over what a listing of an engine that was just reached says, and where the executor runs.
    pub(crate) async fn learn(&self, engine: &Engine, place: Place) -> Result<(), EngineError> {
        *lock(&self.place) = place.clone();
        let networks = {
            let _turn = self.turn.lock().await;
            self.without_doubles(engine).await?
        };
        let here = networks.iter().filter(|each| place == Place::Host && has_bridge_here(each.id.as_deref()));
        *lock(&self.direct) = here.filter_map(|each| each.name.clone()).collect();
        let described = networks.into_iter().filter_map(|each| Some((each.name?, subnets(each.ipam.as_ref()))));
        let ranges: BTreeMap<_, _> = described.collect();
        // A container has to join each of them first; and a named one is looked at before it is used.
        let ready = if place == Place::Host && self.named.is_none() {
            ranges.keys().cloned().collect()
        } else {
            BTreeSet::new()
        };
        (*lock(&self.ranges), *lock(&self.ready)) = (ranges, ready);
        Ok(())
    }

    /// Engines before 25 make another network of the same name for whoever asks while the first is being made: an
    /// executor that was killed and its successor, or one whose call was not answered in time. No start would know which
    /// is meant. One that containers are in is not removed, neither by us nor by the engine. To be called by whoever has
    /// the turn.
    async fn without_doubles(&self, engine: &Engine) -> Result<Vec<Network>, EngineError> {
        let ours = HashMap::from([("label", vec![format!("{}={}", labels::EXECUTOR, self.owner)])]);
        let listing = engine.docker().list_networks(Some(ListNetworksOptionsBuilder::default().filters(&ours).build()));
        let mut networks = engine.call(listing).await?;
        let mut at = networks.len();
        while at > 0 {
            at -= 1;
            let Some(each) = networks.get(at) else { break };
            let double = networks.iter().filter(|other| other.name == each.name).count() > 1;
            let Some(id) = each.id.clone().filter(|_| double) else { continue };
            match engine.call(engine.docker().remove_network(&id)).await {
                Ok(()) => {
                    tracing::warn!(network = ?each.name, id, "removed a second network of this name");
                    networks.remove(at);
                }
                Err(error) => tracing::info!(network = ?each.name, id, %error, "a network of this name is there twice"),
            }
        }
        Ok(networks)
    }

    /// Joins the networks in which containers are that an executor before this one started: it may have been another
    /// container.
    pub(crate) async fn rejoin(&self, engine: &Engine, networks: impl IntoIterator<Item = String>) {
        let Place::Container(executor) = self.place() else { return };
        let mut all: Vec<String> = networks.into_iter().collect();
        all.sort();
        all.dedup();
        for network in all {
            match self.connect(engine, &network, &executor).await {
                Ok(()) => drop(lock(&self.ready).insert(network)),
                Err(error) => {
                    tracing::warn!(network, %error, "cannot join the network of performers that run: they are not reached");
                }
            }
        }
    }

    /// The network for an instance of this performer, made where it is not there.
    pub(crate) async fn ensure(&self, engine: &Engine, performer: &PerformerName) -> Result<Joined, NetworkTrouble> {
        let joined = Joined { network: self.name(performer), publish: self.place() == Place::Host };
        if lock(&self.ready).contains(&joined.network) {
            return Ok(joined);
        }
        let _turn = self.turn.lock().await;
        if lock(&self.ready).contains(&joined.network) {
            return Ok(joined);
        }
        let subnets = self.find_or_make(engine, &joined.network, performer).await?;
        if let Place::Container(executor) = self.place() {
            self.connect(engine, &joined.network, &executor).await.map_err(|error| trouble(error, &joined.network))?;
        }
        lock(&self.ranges).insert(joined.network.clone(), subnets);
        lock(&self.ready).insert(joined.network.clone());
        Ok(joined)
    }

    /// The engine complains of a network that it does not have: what was known of it is wrong.
    pub(crate) fn forget_named_in(&self, message: &str) {
        lock(&self.ready).retain(|network| !message.contains(network.as_str()));
    }

    fn forget(&self, network: &str) {
        lock(&self.ready).remove(network);
        lock(&self.ranges).remove(network);
    }

    /// Removes the network of a performer of which nothing is left. `is_used` is asked when no start can come between.
    pub(crate) async fn clean_up(&self, engine: &Engine, performer: &PerformerName, is_used: impl Fn() -> bool) {
        let Place::Container(executor) = self.place() else { return };
        if self.named.is_some() {
            return;
        }
        let name = self.name(performer);
        let _turn = self.turn.lock().await;
        if is_used() {
            return;
        }
        self.forget(&name);
        let leave = NetworkDisconnectRequest { container: executor, force: Some(true) };
        let left = engine.call(engine.docker().disconnect_network(&name, leave)).await;
        let removed = engine.call(engine.docker().remove_network(&name)).await;
        match removed {
            Err(error) if !error.is_missing() => {
                tracing::warn!(network = name, %error, ?left, "the network of a performer that is gone could not be removed");
            }
            _ => {}
        }
    }

    async fn find_or_make(
        &self,
        engine: &Engine,
        name: &str,
        performer: &PerformerName,
    ) -> Result<Vec<Subnet>, NetworkTrouble> {
        let inspect = async || {
            let inspect = || engine.call(engine.docker().inspect_network(name, None::<InspectNetworkOptions>));
            match inspect().await {
                // The last wish of an executor before this one was fulfilled after we had listed what there is.
                Err(error) if is_ambiguous(&error) && self.named.is_none() => {
                    self.without_doubles(engine).await?;
                    inspect().await
                }
                other => other,
            }
        };
        match inspect().await {
            Ok(found) => return self.accept(name, &found),
            Err(error) if !error.is_missing() => return Err(trouble(error, name)),
            Err(_) if self.named.is_some() => {
                let message = format!("there is no network '{name}': create it, or correct docker.network");
                return Err(NetworkTrouble::Failed(StartFailure::failed("NetworkNotFound", message)));
            }
            Err(_) => {}
        }
        let request = self.request(name, performer);
        match engine.call(engine.docker().create_network(request)).await {
            Ok(_) => tracing::info!(network = name, "made the network of performers"),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(trouble(error, name)),
        }
        let made = inspect().await.map_err(|error| trouble(error, name))?;
        self.accept(name, &made)
    }

    /// One of ours by its label, or the one that the configuration names. The range of a named one is not ours alone.
    fn accept(&self, name: &str, found: &NetworkInspect) -> Result<Vec<Subnet>, NetworkTrouble> {
        let owner = found.labels.as_ref().and_then(|labels| labels.get(labels::EXECUTOR)).map(String::as_str);
        let ours = owner == Some(self.owner.as_str());
        if (ours || self.named.is_some()) && self.place() == Place::Host && has_bridge_here(found.id.as_deref()) {
            lock(&self.direct).insert(name.to_owned());
        }
        match (ours, &self.named) {
            (_, Some(_)) => Ok(Vec::new()),
            (true, None) => Ok(subnets(found.ipam.as_ref())),
            (false, None) => {
                let message = format!("the network '{name}' is there and is not of this executor: remove or rename it");
                Err(NetworkTrouble::Failed(StartFailure::failed("NetworkTaken", message)))
            }
        }
    }

    fn request(&self, name: &str, performer: &PerformerName) -> NetworkCreateRequest {
        let alone = matches!(self.place(), Place::Container(_));
        // Where the executor shares the network it must get through; then each performer has a network of its own.
        let closed = !self.performers_may_connect && !alone;
        let options = closed.then(|| ("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned()));
        NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            options: Some(options.into_iter().collect()),
            labels: Some(labels::of_network(&self.owner, alone.then_some(performer))),
            ..NetworkCreateRequest::default()
        }
    }

    async fn connect(&self, engine: &Engine, network: &str, executor: &str) -> Result<(), EngineError> {
        // The ports of a container are published through one of its networks. Were it this one, they would move, and every
        // connection to them would break. Engines before 28 do not know this field: there the first by name is it.
        let endpoint = EndpointSettings { gw_priority: Some(-1), ..EndpointSettings::default() };
        let request = NetworkConnectRequest { container: executor.to_owned(), endpoint_config: Some(endpoint) };
        match engine.call(engine.docker().connect_network(network, request)).await {
            Err(EngineError::Said { message, .. }) if message.contains("already exists in network") => Ok(()),
            Err(EngineError::Said { message, .. }) if message.contains("is already attached to network") => Ok(()),
            other => other,
        }
    }
}

/// Whether the engine has several networks of a name.
fn is_ambiguous(error: &EngineError) -> bool {
    matches!(error, EngineError::Said { message, .. } if message.contains("is ambiguous"))
}

fn trouble(error: EngineError, network: &str) -> NetworkTrouble {
    match refusal::of_answer(&error) {
        None => NetworkTrouble::Silent(error),
        Some(failure) => {
            let message = format!("the network {network} of performers: {}", failure.message);
            // No network is a matter of the host, and no reason to give a revision up.
            NetworkTrouble::Failed(StartFailure { message, refused: false, ..failure })
        }
    }
}

/// Whether the bridge of a network is an interface here: not where the engine is on another host, in a virtual machine,
/// or in a network namespace of its own. The name is made from the network's id, which nobody else has.
fn has_bridge_here(id: Option<&str>) -> bool {
    let bridge = id.and_then(|id| id.get(..12)).map(|id| format!("/sys/class/net/br-{id}"));
    bridge.is_some_and(|path| std::path::Path::new(&path).exists())
}

fn subnets(ipam: Option<&Ipam>) -> Vec<Subnet> {
    let configs = ipam.and_then(|ipam| ipam.config.as_ref()).into_iter().flatten();
    configs.filter_map(|config| Subnet::new(config.subnet.as_deref()?, config.gateway.as_deref())).collect()
}
