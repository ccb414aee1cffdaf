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
    let before = serving(world, 0, |_| true).await?.performer_id;
    world.revise().await?;
    executor.signal(Signal::HUP)?;
    serving(world, 0, |performer| performer.performer_id != before).await.context("the new revision")?;
    Ok(())
}

async fn kill_performer(world: &World) -> anyhow::Result<()> {
    let id = serving(world, 1, |_| true).await?.container_id;
    match &world.performer {
        Performer::Program(_) => {
            let pid: i32 = id.parse().context("its process id")?;
            Ok(kill_process(Pid::from_raw(pid).context("its process id")?, Signal::KILL)?)
        }
        Performer::Containers(containers) => containers.kill(&id).await,
    }
}

/// What serves an AVS, once it is as wanted. Asked again where the executor is too busy with tasks to say.
async fn serving(world: &World, avs: usize, wanted: impl Fn(&Listed) -> bool) -> anyhow::Result<Listed> {
    let avs = world.avs.get(avs).context("there is no such AVS")?.aggregator.avs.to_string();
    let serves = |performer: &Listed| performer.avs_address == avs && performer.status == "InService";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = world.performers().await;
        let error = match listed.map(|all| all.into_iter().find(|performer| serves(performer) && wanted(performer))) {
            Ok(Some(performer)) => return Ok(performer),
            Ok(None) => anyhow::anyhow!("it does not serve"),
            Err(error) => error,
        };
        if Instant::now() >= deadline {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
