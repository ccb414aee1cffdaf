//! An image of the sample performer, and the containers that the executor makes of it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptions,
};
use futures_util::StreamExt as _;

use crate::cli::DemoArgs;
use crate::demo::archive;
use crate::demo::world::performer;

/// What carries the id of the executor that made it.
const OWNER: &str = "hourglass.eigenlayer.io/executor";
const MOST_ROUNDS: usize = 20;
const REPOSITORY: &str = "hourglass-demo/square-performer";

/// The engine and the image that the demo runs on it.
pub(crate) struct Containers {
    docker: Docker,
    engine: String,
    image: String,
    made: bool,
}

impl Containers {
    /// Connects to the engine, and makes the image unless one is given.
    ///
    /// # Errors
    /// Where no engine answers, or the performer cannot run in a container.
    pub(crate) async fn prepare(args: &DemoArgs) -> anyhow::Result<Self> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
        let context = || format!("no Docker Engine answers at {host}: start one, or name it in DOCKER_HOST");
        let docker = Docker::connect_with_defaults().with_context(context)?;
        let docker = docker.negotiate_version().await.with_context(context)?;
        let version = docker.version().await.with_context(context)?;
        let engine = format!("Docker Engine {} at {host}", version.version.unwrap_or_default());
        let (image, made) = match &args.performer_image {
            Some(image) => (image.clone(), false),
            None => (make(&docker, &performer(args.performer.as_deref())?).await?, true),
        };
        Ok(Self { docker, engine, image, made })
    }

    /// Which engine, for people.
    pub(crate) fn engine(&self) -> &str {
        &self.engine
    }

    /// The reference of the image.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }

    /// SIGKILL, to a container by its id.
    pub(crate) async fn kill(&self, id: &str) -> anyhow::Result<()> {
        let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        Ok(self.docker.kill_container(id, Some(options)).await?)
    }

    /// Removes what the executor with this storage has made, and with `image` the image that was made for it.
    ///
    /// # Errors
    /// What could not be removed.
    pub(crate) async fn clean(&self, storage: &Path, image: bool) -> anyhow::Result<()> {
        // Without an id, nothing was made in its name.
        if let Ok(id) = fs::read_to_string(storage.join("executor-id")) {
            let filters = HashMap::from([("label", vec![format!("{OWNER}={}", id.trim())])]);
            // What was asked for last may only come to be while the rest is removed.
            for _ in 0..MOST_ROUNDS {
                if self.remove(&filters).await? == 0 {
                    break;
                }
            }
            let list = ListNetworksOptionsBuilder::default().filters(&filters).build();
            for network in self.docker.list_networks(Some(list)).await? {
                self.docker.remove_network(&network.id.unwrap_or_default()).await.context("a network stays")?;
            }
        }
        if self.made && image {
            let removed = self.docker.remove_image(&self.image, None::<RemoveImageOptions>, None).await;
            removed.with_context(|| format!("the image {} stays", self.image))?;
        }
        Ok(())
    }
}

impl Containers {
    /// Removes what there is, and says how many.
    async fn remove(&self, filters: &HashMap<&str, Vec<String>>) -> anyhow::Result<usize> {
        let list = ListContainersOptionsBuilder::default().all(true).filters(filters).build();
        let found = self.docker.list_containers(Some(list)).await?;
        for container in &found {
            let remove = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            let id = container.id.as_deref().unwrap_or_default();
            match self.docker.remove_container(id, Some(remove)).await {
                // Gone, or going, which is what is wanted.
                Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) | Ok(()) => {}
                Err(error) => return Err(error).context("a container stays"),
            }
        }
        Ok(found.len())
    }
}

/// Imports the program as an image that holds nothing else.
async fn make(docker: &Docker, program: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    anyhow::ensure!(
        !archive::needs_loader(&bytes),
        "{0} is linked dynamically, and a container of an empty image has no libraries: build it with \
         RUSTFLAGS='-C target-feature=+crt-static' cargo build --target $(rustc -vV | sed -n 's/host: //p') \
         -p square-performer and name it with --performer, or give --performer-image",
        program.display()
    );
    let mut random = [0; 4];
    getrandom::fill(&mut random)?;
    let tag = const_hex::encode(random);
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(REPOSITORY)
        .tag(&tag)
        .changes(vec!["ENTRYPOINT [\"/square-performer\"]".into(), "EXPOSE 9090/tcp".into(), "USER 65532".into()])
        .build();
    let archive = bollard::body_full(archive::of_program("square-performer", &bytes)?.into());
    let mut progress = std::pin::pin!(docker.create_image(Some(options), Some(archive), None));
    while let Some(step) = progress.next().await {
        step.context("the engine does not take the image of the sample performer")?;
    }
    Ok(format!("{REPOSITORY}:{tag}"))
}
