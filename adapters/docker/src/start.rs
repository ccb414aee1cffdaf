//! The job of a start: image, devices and network, then create and start. Every step may be done twice.

use std::sync::Arc;

use bollard::query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions};
use hourglass_core::hardware::HardwareRequirements;
use hourglass_core::lifecycle::{Owner, StartInstance};
use hourglass_core::performer::{InstanceName, PerformerSpec};

use crate::container::{self, Blueprint};
use crate::devices::{self, Devices, EngineFacts};
use crate::engine::EngineError;
use crate::entry::StartJob;
use crate::environment::READER;
use crate::failure::StartFailure;
use crate::images::ImageFacts;
use crate::networks::{Joined, NetworkTrouble};
use crate::observe::Phase;
use crate::refusal;
use crate::shared::{Pause, Shared, now};

/// Why a try of a start has ended without a container that runs.
enum Trouble {
    /// The engine does not answer: tried again.
    Silent(EngineError),
    /// It failed: the planner decides.
    Failed(StartFailure),
    /// Somebody else's container has the name.
    Foreign,
    /// Somebody asked for a stop meanwhile.
    Cancelled,
}

impl From<EngineError> for Trouble {
    fn from(error: EngineError) -> Self {
        refusal::of_answer(&error).map_or(Self::Silent(error), Self::Failed)
    }
}

impl From<StartFailure> for Trouble {
    fn from(failure: StartFailure) -> Self {
        // Nothing was said about the image.
        if failure.reason == "EngineUnavailable" {
            return Self::Silent(EngineError::Silent(failure.message));
        }
        Self::Failed(failure)
    }
}

impl From<NetworkTrouble> for Trouble {
    fn from(trouble: NetworkTrouble) -> Self {
        match trouble {
            NetworkTrouble::Silent(error) => Self::Silent(error),
            NetworkTrouble::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// Starts an instance that is in the table as starting.
pub(crate) async fn run(shared: Arc<Shared>, request: StartInstance, job: StartJob) {
    until_settled(&shared, &request.name, &job, || attempt(&shared, &request, &job)).await;
}

/// Starts a container that an executor before this one made and did not come to start.
pub(crate) async fn resume(shared: Arc<Shared>, name: InstanceName, id: String, job: StartJob) {
    tracing::info!(instance = %name, "its start was interrupted after its container was made: it goes on");
    until_settled(&shared, &name, &job, || launch(&shared, &id)).await;
}

async fn until_settled<F>(shared: &Shared, name: &InstanceName, job: &StartJob, attempt: impl Fn() -> F)
where
    F: Future<Output = Result<(), Trouble>>,
{
    let mut pause = Pause::new();
    loop {
        match attempt().await {
            Ok(()) => break shared.table.started(name),
            Err(Trouble::Foreign) => {
                tracing::warn!(instance = %name, "somebody else's container has its name: it is left alone");
                break shared.table.started(name);
            }
            Err(Trouble::Failed(failure)) => {
                tracing::warn!(instance = %name, reason = failure.reason, "cannot be started: {failure}");
                break shared.table.start_failed(name, failure.cause(), now());
            }
            // Whoever stops it says when it is gone.
            Err(Trouble::Cancelled) => break,
            Err(Trouble::Silent(error)) => {
                tracing::warn!(instance = %name, %error, "its start is tried again");
                if !pause.wait(&shared.closed, Some(&job.cancelled)).await {
                    break;
                }
            }
        }
    }
    job.ended.cancel();
}

async fn attempt(shared: &Shared, request: &StartInstance, job: &StartJob) -> Result<(), Trouble> {
    let StartInstance { name, spec } = request;
    let environment = spec.environment(READER, |name| std::env::var(name).ok()).map_err(StartFailure::from)?;
    let progress = |detail: String| shared.table.progress(name, detail);
    let found = job.cancelled.run_until_cancelled(async {
        let image =
            async { shared.images.ensure(&spec.image, spec.pull_policy, &progress).await.map_err(Trouble::from) };
        let network = async { shared.networks.ensure(&shared.engine, &name.performer).await.map_err(Trouble::from) };
        let devices = devices(shared, spec);
        tokio::try_join!(image, network, devices)
    });
    let (image, joined, devices) = found.await.ok_or(Trouble::Cancelled)??;
    let id = create(shared, request, &image, joined, &environment, devices).await?;
    if job.cancelled.is_cancelled() {
        return Err(Trouble::Cancelled);
    }
    launch(shared, &id).await
}

async fn devices(shared: &Shared, spec: &PerformerSpec) -> Result<Devices, Trouble> {
    // Nearly nobody needs any, and then nobody has to wait for what the engine tells of itself.
    let plain = spec.hardware == HardwareRequirements::default() && !names_device(spec);
    let facts = if plain {
        EngineFacts::default()
    } else {
        let info = shared.engine.call(shared.engine.docker().info()).await?;
        EngineFacts { runtimes: info.runtimes.unwrap_or_default().into_keys().collect() }
    };
    Ok(devices::check(&spec.hardware, &spec.resources, &shared.options, &facts)?)
}

fn names_device(spec: &PerformerSpec) -> bool {
    spec.resources.requests.keys().chain(spec.resources.limits.keys()).any(|name| name.contains('/'))
}

/// The id of the container, made now or by an earlier try.
async fn create(
    shared: &Shared,
    request: &StartInstance,
    image: &ImageFacts,
    joined: Joined,
    environment: &std::collections::BTreeMap<String, String>,
    devices: Devices,
) -> Result<String, Trouble> {
    let StartInstance { name, spec } = request;
    let container_name = shared.container_name(name);
    let body = container::body(Blueprint {
        owner: &shared.owner,
        name,
        spec,
        image,
        environment: environment.clone(),
        devices,
        network: &joined.network,
        publish: joined.publish,
        defaults: &shared.options.defaults,
    });
    let options = CreateContainerOptionsBuilder::default().name(&container_name).build();
    match shared.engine.call(shared.engine.docker().create_container(Some(options), body)).await {
        Ok(created) => {
            for warning in created.warnings {
                tracing::warn!(instance = %name, warning, "the engine cannot enforce all that was asked for");
            }
            Ok(created.id)
        }
        Err(error) if error.is_conflict() => match shared.look(&container_name).await? {
            Some(found) if found.owner == Owner::Ours => Ok(found.id),
            Some(_) => Err(Trouble::Foreign),
            // It was removed in between.
            None => Err(Trouble::Silent(error)),
        },
        Err(error) => Err(error.into()),
    }
}

/// Starts what was made, and learns what became of it.
async fn launch(shared: &Shared, id: &str) -> Result<(), Trouble> {
    let docker = shared.engine.docker();
    let started = shared.engine.call(docker.start_container(id, None::<StartContainerOptions>)).await;
    if let Err(error) = started {
        let failure = refusal::of_answer(&error);
        if let (Some(failure), EngineError::Said { message, .. }) = (&failure, &error)
            && failure.reason == "NetworkNotFound"
        {
            // What was known of networks is outdated: the next try makes it again.
            shared.networks.forget_named_in(message);
            return Err(Trouble::Silent(error));
        }
        return Err(failure.map_or(Trouble::Silent(error), Trouble::Failed));
    }
    match shared.look(id).await? {
        Some(found) if found.phase == Phase::Created => {
            Err(Trouble::Silent(EngineError::Silent("the engine started it, and says that it did not".to_owned())))
        }
        Some(_) => Ok(()),
        None => Err(Trouble::Failed(StartFailure::failed("ContainerRemoved", "somebody removed it while it started"))),
    }
}
