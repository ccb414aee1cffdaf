//! What goes wrong while tasks keep coming.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hourglass_grpc::proto::v1::{DeployArtifactRequest, Performer as Listed, PerformerEnv};
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest as _, Sha256};

use crate::demo::load::Load;
use crate::demo::world::{Executor, PATIENCE, Performer, World};

/// When each fault happened.
pub(crate) struct Faults {
    /// The upgrade of the first AVS: from the call to its answer.
    pub(crate) upgrade: (Instant, Instant),
    /// The performer of the second AVS killed.
    pub(crate) performer_killed: Instant,
    /// The executor killed, and both AVSs serving again.
    pub(crate) executor_killed: (Instant, Duration),
}

/// Upgrades the first AVS after a quarter of the tasks, kills the second AVS's performer after a half, kills the executor
/// after three quarters.
pub(crate) async fn inject(
    world: &World,
    executor: &mut Executor,
    load: &Load,
    say: impl Fn(&str),
) -> anyhow::Result<Faults> {
    load.reached(load.total / 4).await;
    say(&format!("upgrading {} to a new revision", world.avs[0].name));
    let began = Instant::now();
    upgrade(world, executor).await.context("the upgrade")?;
    let upgrade = (began, Instant::now());

    load.reached(load.total / 2).await;
    say(&format!("killing the performer of {} with SIGKILL", world.avs[1].name));
    let performer_killed = Instant::now();
    kill_performer(world).await.context("killing the performer")?;

    load.reached(load.total / 4 * 3).await;
    say("killing the executor with SIGKILL, and starting it again");
    let killed = Instant::now();
    executor.kill().await?;
    *executor = world.start().await.context("starting the executor again")?;
    Ok(Faults { upgrade, performer_killed, executor_killed: (killed, killed.elapsed()) })
}

/// A new revision: the same program with another environment, as a new image would be.
async fn upgrade(world: &World, executor: &Executor) -> anyhow::Result<()> {
    match &world.performer {
        Performer::Program(program) => deploy(world, program).await,
        Performer::Containers(_) => reconfigure(world, executor).await,
    }
}

/// By a call, as developers do.
async fn deploy(world: &World, program: &Path) -> anyhow::Result<()> {
    let api = world.api().await?;
    let proof = world.keyring().prove(&api).await?;
    let bytes = tokio::fs::read(program).await?;
    let request = DeployArtifactRequest {
        avs_address: world.avs[0].aggregator.avs.to_string(),
        digest: format!("sha256:{}", const_hex::encode(Sha256::digest(bytes))),
        registry_url: format!("file://{}", program.display()),
        env: vec![PerformerEnv { name: "REVISION".into(), value: "2".into(), ..PerformerEnv::default() }],
        ..DeployArtifactRequest::default()
    };
    let answer = api.deploy(request, Some(proof)).await?;
    anyhow::ensure!(answer.success, "{}", answer.message);
    Ok(())
}

/// By the configuration, read again: an image that comes from no registry has no digest to deploy it by.
async fn reconfigure(world: &World, executor: &Executor) -> anyhow::Result<()> {
    let before = serving(world, 0).await?.performer_id;
    world.revise().await?;
    executor.signal(Signal::HUP)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match serving(world, 0).await {
            Ok(performer) if performer.performer_id != before => return Ok(()),
            _ => {}
        }
        anyhow::ensure!(Instant::now() < deadline, "the new revision does not serve after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn kill_performer(world: &World) -> anyhow::Result<()> {
    let id = serving(world, 1).await?.container_id;
    match &world.performer {
        Performer::Program(_) => {
            let pid: i32 = id.parse().context("its process id")?;
            Ok(kill_process(Pid::from_raw(pid).context("its process id")?, Signal::KILL)?)
        }
        Performer::Containers(containers) => containers.kill(&id).await,
    }
}

/// What serves an AVS.
async fn serving(world: &World, avs: usize) -> anyhow::Result<Listed> {
    let avs = world.avs.get(avs).context("there is no such AVS")?.aggregator.avs.to_string();
    let performers = world.performers().await?;
    let serving =
        performers.into_iter().find(|performer| performer.avs_address == avs && performer.status == "InService");
    serving.context("it does not serve")
}
