//! `demo`: the executor at work, with everything that can go wrong going wrong in the middle.
//!
//! ```text
//! world      a directory with keys and a configuration; the executor as a child process
//! archive    the sample performer as a file system
//! containers an image of the sample performer, and its containers, where they are what runs
//! load       an aggregator for each AVS sends signed tasks and verifies every answer
//! faults     an upgrade, a killed performer, a killed executor, while tasks keep coming
//! report     per AVS: tasks, failed, p50, p99, upgrade gap, recovery time
//! ```

mod archive;
mod containers;
mod faults;
mod load;
mod report;
mod world;

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{DemoArgs, DemoMode, Output};
use containers::Containers;
use world::{Performer, World};

/// Runs the demo. Whatever it made is gone afterwards, also where it fails or is interrupted.
///
/// # Errors
/// Where anything could not be started, and where any task was lost or any signature did not hold.
pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let performer = match args.mode {
        DemoMode::Process => Performer::Program(world::performer(args.performer.as_deref())?),
        DemoMode::Docker => Performer::Containers(Containers::prepare(args).await?),
    };
    let world = Arc::new(World::make(args, performer)?);
    let done = tokio::select! {
        done = show(args, &world) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let cleaned = match &world.performer {
        Performer::Program(_) => Ok(()),
        Performer::Containers(containers) => containers.clean(&world.storage(), world.kept().is_none()).await,
    };
    done.and(cleaned)
}

async fn show(args: &DemoArgs, world: &Arc<World>) -> anyhow::Result<()> {
    let quiet = args.output.output == Output::Json;
    let say = |text: &str| {
        if !quiet {
            println!("{text}");
        }
    };
    say(&format!("made keys and a configuration in {}", world.directory().display()));
    if let Performer::Containers(containers) = &world.performer {
        say(&format!("{} has the sample performer as {}", containers.engine(), containers.image()));
    }
    let mut executor = world.start().await?;
    let run = world.performer.describe();
    say(&format!("started the executor: it runs two performers as {run}, one AVS signs with ECDSA, one with BN254"));

    let bar = ProgressBar::new(u64::from(args.tasks));
    bar.set_draw_target(if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
    bar.set_style(ProgressStyle::with_template("{elapsed} [{bar:40}] {pos}/{len} tasks  {msg}")?);
    let load = load::start(world, args.tasks, &bar);
    let faults = faults::inject(world, &mut executor, &load, |text| bar.suspend(|| say(text))).await;
    let finished = load.finish().await;
    bar.finish_and_clear();
    let faults = faults?;
    let tasks = finished?;
    let repeated = load::repeat(world, &tasks).await;
    executor.stop().await?;

    let report = report::Report::new(world, &tasks, &faults, repeated);
    report.print(args.output.output)?;
    match world.kept() {
        Some(directory) => {
            say(&format!("kept in {0}: hourglass-executor run --config {0}/executor.yaml", directory.display()))
        }
        None => say(&format!(
            "the configuration it ran with (run it yourself: demo --keep DIR, then run --config DIR/executor.yaml):\n\n{}",
            world.configuration()
        )),
    }
    report.verdict()
}
