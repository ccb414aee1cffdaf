//! SIGKILL → serving again with fifty performers; what fifty cost while nothing happens.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hourglass_core::task::RawSubmission;
use tokio::task::JoinSet;

use crate::Bench;
use crate::process::{Process, cpu_seconds, resident_mib};
use crate::run::say;
use crate::spread::{Spread, figure, millis};
use crate::table::{Row, Table};
use crate::world::{Setup, World, message};

const PERFORMERS: usize = 50;
const FEW: usize = 1;

/// What a world with so many performers gave, over its rounds.
#[derive(Default)]
struct Seen {
    cold: f64,
    first: Vec<f64>,
    all: Vec<f64>,
    /// While nothing happens, in percent of one core and in MiB.
    cpu: f64,
    memory: f64,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    say("SIGKILL and back with 50 performers, then idle");
    let many = world(bench, PERFORMERS).await?;
    let few = world(bench, FEW).await?;
    let rounds = many.all.len();
    let times = |figures: &[f64]| Spread::of(figures.iter().copied());
    let sample = format!("{rounds} kills");
    let row = |what: &str, measured: &[f64], beside: &[f64]| Row {
        what: what.into(),
        measured: format!("{} ms", times(measured)),
        baseline: format!(
            "with {FEW} performer: {} ms; a cold start with {PERFORMERS}: {} ms",
            times(beside),
            figure(many.cold)
        ),
        aim: String::new(),
        sample: sample.clone(),
    };
    let idle = |what: &str, unit: &str, measured: f64, beside: f64| Row {
        what: what.into(),
        measured: format!("{} {unit}", figure(measured)),
        baseline: format!("with {FEW} performer: {} {unit}", figure(beside)),
        aim: String::new(),
        sample: format!("{} s", idle_time(bench).as_secs()),
    };
    Ok(Table {
        title: "Killed and idle",
        note: format!(
            "From the start of the new process to a verified answer, tasks of all {PERFORMERS} AVSs being submitted from the first moment on; every \
             performer was found running with the process id it had. A cold start begins with no journal and starts the \
             performers. CPU and memory are the executor's own."
        ),
        rows: vec![
            row(&format!("SIGKILL → all {PERFORMERS} AVSs answer again"), &many.all, &few.all),
            row(&format!("SIGKILL → the first of {PERFORMERS} AVSs answers again"), &many.first, &few.first),
            idle(&format!("idle with {PERFORMERS} performers: CPU of one core"), "%", many.cpu, few.cpu),
            idle(&format!("idle with {PERFORMERS} performers: resident memory"), "MiB", many.memory, few.memory),
        ],
    })
}

fn idle_time(bench: &Bench) -> Duration {
    Duration::from_secs(u64::from(bench.scaled(20)))
}

async fn world(bench: &Bench, performers: usize) -> Result<Seen> {
    let setup = Setup { avss: performers, failures_per_minute: 60 };
    let world = World::make(&bench.programs, &bench.directory, setup)?;
    let mut seen = Seen::default();
    let began = Instant::now();
    let mut executor = world.start(None)?;
    let answered = answers(&world, 0, began).await?;
    seen.cold = answered.iter().copied().fold(0.0, f64::max);
    world.ready(&mut executor).await?;
    let ids = world.performer_ids().await?;
    for round in 1..=bench.rounds(5) {
        executor.kill()?;
        let began = Instant::now();
        executor = world.start(None)?;
        let answered = answers(&world, round, began).await?;
        seen.first.push(answered.iter().copied().fold(f64::INFINITY, f64::min));
        seen.all.push(answered.iter().copied().fold(0.0, f64::max));
        world.ready(&mut executor).await?;
        ensure!(world.performer_ids().await? == ids, "a performer was restarted");
    }
    (seen.cpu, seen.memory) = idle(&executor, idle_time(bench)).await?;
    Ok(seen)
}

/// Submits one task of every AVS until it is answered; milliseconds since `began`.
pub(crate) async fn answers(world: &World, round: u32, began: Instant) -> Result<Vec<f64>> {
    let mut tasks = Vec::new();
    for avs in 0..world.avss.len() {
        tasks.push(world.submissions(avs, round..round + 1).await?.remove(0));
    }
    let client = world.client().await?;
    let mut waiting = JoinSet::new();
    for (avs, task) in tasks.into_iter().enumerate() {
        let client = client.clone();
        waiting.spawn(async move {
            let result = answer(client, &task, began).await?;
            anyhow::Ok((avs, task, began.elapsed(), result))
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = waiting.join_next().await {
        let (avs, task, took, result) = ended??;
        world.verify(avs, &task, result)?;
        times.push(millis(took));
    }
    Ok(times)
}

/// Submits one task until it is answered.
pub(crate) async fn answer(
    mut client: crate::load::Client,
    task: &RawSubmission,
    began: Instant,
) -> Result<hourglass_grpc::proto::v1::TaskResult> {
    loop {
        match client.submit_task(message(task)).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => ensure!(began.elapsed() < Duration::from_secs(60), "no answer: {status}"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// CPU in percent of one core, and MiB, over a time in which nothing is asked.
pub(crate) async fn idle(executor: &Process, time: Duration) -> Result<(f64, f64)> {
    // What the start left to do is done first.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = cpu_seconds(executor.id())?;
    tokio::time::sleep(time).await;
    let used = cpu_seconds(executor.id())? - before;
    Ok((used / time.as_secs_f64() * 100.0, resident_mib(executor.id())?))
}
