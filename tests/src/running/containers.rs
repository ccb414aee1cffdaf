//! The containers of a site, seen past the executor: what the engine itself says, and does to them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use hourglass_grpc::api::ExecutorApi;

use crate::running::caller::performers;
use crate::running::site::{Avs, Site};
use crate::waiting::until_async;

/// The prefix of every label of ours.
pub const LABELS: &str = "hourglass.eigenlayer.io";
/// How long the engine may take to answer.
const ANSWER: u64 = 30;

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// Of which performer.
    pub performer: String,
    /// Of which revision.
    pub revision: String,
    /// The instance's name.
    pub instance: String,
    /// In the engine's words: `created`, `running`, `paused`, `exited`.
    pub state: String,
    /// Its image, as it was asked for.
    pub image: String,
}

/// An engine, and whose containers on it are looked at.
#[derive(Debug, Clone)]
pub struct Containers {
    docker: Docker,
    storage: std::path::PathBuf,
}

/// A connection to an engine.
///
/// # Errors
/// Where the address is none.
pub async fn connect(host: &str) -> Result<Docker> {
    let docker = match host.strip_prefix("tcp://") {
        Some(_) => Docker::connect_with_http(host, ANSWER, API_DEFAULT_VERSION)?,
        None => Docker::connect_with_unix(host, ANSWER, API_DEFAULT_VERSION)?,
    };
    Ok(docker.negotiate_version().await?)
}

/// Starts a container of somebody else on an engine: labelled as an executor labels its own, but of another executor.
/// Returns its id.
///
/// # Errors
/// Where the name is taken, or the engine does not start it.
pub async fn start_foreign(docker: &Docker, name: &str, image: &str) -> Result<String> {
    let labels = [("managed-by", "hourglass-executor"), ("performer", "squares-ecdsa"), ("executor", &"f".repeat(32))];
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        labels: Some(labels.iter().map(|(name, value)| (format!("{LABELS}/{name}"), (*value).into())).collect()),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let id = docker.create_container(Some(options), body).await?.id;
    docker.start_container(&id, None::<StartContainerOptions>).await?;
    Ok(id)
}

/// Removes a container, whatever it is doing.
///
/// # Errors
/// Where there is none of this id.
pub async fn remove(docker: &Docker, id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    docker.remove_container(id, Some(options)).await
}

impl Containers {
    /// Those of a site.
    ///
    /// # Errors
    /// Where it runs none, or its engine does not answer.
    pub async fn of(site: &Site) -> Result<Self> {
        let engine = site.engine.as_ref().context("this site runs processes")?;
        Ok(Self { docker: connect(&engine.host).await?, storage: site.storage() })
    }

    /// The engine.
    pub const fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The id by which the executor knows its own.
    ///
    /// # Errors
    /// Where it has never been started.
    pub fn owner(&self) -> Result<String> {
        owner(&self.storage)
    }

    /// Every container of the site's executor, ended ones included, by instance name.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn all(&self) -> Result<Vec<Container>> {
        let found = list(&self.docker, &self.owner()?).await?;
        let mut all: Vec<_> = found.into_iter().map(Container::from).collect();
        all.sort_by(|a, b| a.instance.cmp(&b.instance));
        Ok(all)
    }

    /// Those of an AVS that run.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn running(&self, avs: &Avs) -> Result<Vec<Container>> {
        let mut all = self.all().await?;
        all.retain(|container| container.performer == avs.name && container.state == "running");
        Ok(all)
    }

    /// Waits until exactly so many containers are there and all of them run.
    ///
    /// # Errors
    /// At the deadline, with what is there instead.
    pub async fn settled(&self, count: usize, deadline: Duration) -> Result<Vec<Container>> {
        let settled = until_async("settled containers", deadline, async || {
            let all = self.all().await?;
            ensure!(all.len() == count && all.iter().all(|container| container.state == "running"), "{all:#?}");
            Ok(all)
        });
        settled.await
    }

    /// The one that serves an AVS, as the executor's list names it.
    ///
    /// # Errors
    /// Where none does.
    pub async fn serving(&self, site: &Site, api: &ExecutorApi, avs: &Avs) -> Result<Container> {
        let address = avs.address.to_string();
        let listed = performers(site, api).await?;
        let serving = listed.iter().find(|p| p.avs_address == address && p.status == "InService");
        let id = &serving.with_context(|| format!("nothing serves {}: {listed:#?}", avs.name))?.container_id;
        let all = self.all().await?;
        let container = all.iter().find(|container| container.id.starts_with(id.as_str()) && !id.is_empty());
        container.cloned().with_context(|| format!("no container is '{id}': {all:#?}"))
    }

    /// Everything that the engine knows of one.
    ///
    /// # Errors
    /// Where there is none of this id.
    pub async fn inspect(&self, id: &str) -> Result<ContainerInspectResponse> {
        Ok(self.docker.inspect_container(id, None::<InspectContainerOptions>).await?)
    }

    /// Sends a signal, as in `SIGKILL`.
    ///
    /// # Errors
    /// Where it does not run.
    pub async fn kill(&self, id: &str, signal: &str) -> Result<()> {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        Ok(self.docker.kill_container(id, Some(options)).await?)
    }

    /// Freezes it: it answers nothing and does not end.
    ///
    /// # Errors
    /// Where it does not run.
    pub async fn pause(&self, id: &str) -> Result<()> {
        Ok(self.docker.pause_container(id).await?)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// Where it is not paused.
    pub async fn unpause(&self, id: &str) -> Result<()> {
        Ok(self.docker.unpause_container(id).await?)
    }
}

impl From<ContainerSummary> for Container {
    fn from(summary: ContainerSummary) -> Self {
        let labels = summary.labels.unwrap_or_default();
        let label = |name: &str| labels.get(&format!("{LABELS}/{name}")).cloned().unwrap_or_default();
        let names = summary.names.unwrap_or_default();
        Self {
            id: summary.id.unwrap_or_default(),
            name: names.first().map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default(),
            performer: label("performer"),
            revision: label("revision"),
            instance: label("instance"),
            state: summary.state.map(|state| state.to_string()).unwrap_or_default(),
            image: label("image"),
        }
    }
}

fn owner(storage: &Path) -> Result<String> {
    let file = storage.join("executor-id");
    let text = fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
    Ok(text.trim_end().to_owned())
}

fn of_owner(owner: &str) -> HashMap<&'static str, Vec<String>> {
    HashMap::from([("label", vec![format!("{LABELS}/executor={owner}")])])
}

async fn list(docker: &Docker, owner: &str) -> Result<Vec<ContainerSummary>> {
    let options = ListContainersOptionsBuilder::default().all(true).filters(&of_owner(owner)).build();
    Ok(docker.list_containers(Some(options)).await?)
}

/// Removes everything that the executor with this storage made. For whoever is dropped: it blocks, at most a while.
pub(super) fn remove_all(host: &str, storage: &Path) {
    let Ok(owner) = owner(storage) else { return };
    let host = host.to_owned();
    // A runtime of its own: the caller may be within one.
    let removal = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let limit = Duration::from_secs(30);
        runtime.block_on(async { tokio::time::timeout(limit, remove_owned(&host, &owner)).await })??;
        Ok::<_, anyhow::Error>(())
    });
    match removal.join() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("containers of a test may be left: {error:#}"),
        Err(_) => eprintln!("containers of a test may be left"),
    }
}

async fn remove_owned(host: &str, owner: &str) -> Result<()> {
    let docker = connect(host).await?;
    // What was asked for last may only come to be while the rest is removed.
    for _ in 0..20 {
        let found = list(&docker, owner).await?;
        if found.is_empty() {
            break;
        }
        let removed = found.into_iter().filter_map(|container| container.id).map(|id| {
            let docker = &docker;
            async move {
                match remove(docker, &id).await {
                    Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) | Ok(()) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        });
        futures_util::future::try_join_all(removed).await?;
    }
    let options = ListNetworksOptionsBuilder::default().filters(&of_owner(owner)).build();
    for network in docker.list_networks(Some(options)).await? {
        docker.remove_network(&network.id.unwrap_or_default()).await?;
    }
    Ok(())
}
