//! Durable tasks per second, the server on one core, beside a tonic echo server on the same core.

use std::time::Duration;

use anyhow::Result;

use crate::Bench;
use crate::echo;
use crate::load::{Client, Flood, flood};
use crate::machine;
use crate::process::{Process, cpu_seconds, pin};
use crate::rows::stages;
use crate::run::say;
use crate::spread::{Spread, figure};
use crate::table::{Row, Table};
use crate::world::{Setup, World, connect};

const SERVER_CORE: &str = "0";
/// Where the client and the performers run.
const OTHER_CORE: &str = "1";
const IN_FLIGHT: usize = 64;
const CONNECTIONS: usize = 4;

/// What was seen of one curve.
#[derive(Default)]
struct Seen {
    tasks: Vec<f64>,
    echoes: Vec<f64>,
    /// Microseconds of the server's CPU for each task, and for each echo.
    cpu: Vec<f64>,
    echo_cpu: Vec<f64>,
    /// Of the server's core while it answered, in percent.
    busy: Vec<f64>,
    answered: usize,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Table>> {
    say("durable tasks per second on one core, beside a tonic echo");
    let world = World::make(&bench.programs, &bench.directory, Setup { avss: 2, failures_per_minute: 60 })?;
    let apart = machine::cores() > 1;
    let executor = world.serve(Some(SERVER_CORE)).await?;
    let (echo, echo_port) = echo::start(&world, Some(SERVER_CORE))?;
    let _echo_serves = connect(echo_port).await?;
    // They were started by the executor, and are not what is measured.
    if apart {
        for performer in world.performer_ids().await? {
            pin(performer, OTHER_CORE)?;
        }
        pin(std::process::id(), OTHER_CORE)?;
    }
    let measured = rounds(bench, &world, &executor, &echo, echo_port).await;
    if apart {
        pin(std::process::id(), &format!("0-{}", machine::last_core()?))?;
    }
    let [ecdsa, bn254] = measured?;
    let echo_cpu = Spread::of(ecdsa.echo_cpu.iter().copied()).median;
    drop((executor, echo));
    let cpu = [&ecdsa, &bn254].map(|seen| Spread::of(seen.cpu.iter().copied()).median);
    let rows = [("ECDSA", &ecdsa), ("BN254", &bn254)].map(|(curve, seen)| row(curve, seen));
    let note = format!(
        "The executor alone on core {SERVER_CORE}, the client and the performers on core {OTHER_CORE}; {IN_FLIGHT} tasks in flight over \
         {CONNECTIONS} connections.{}",
        if apart { "" } else { " This machine has one core: they share it." }
    );
    let throughput = Table { title: "Durable tasks per second on one core", note, rows: rows.to_vec() };
    Ok(vec![throughput, stages::measure(bench, cpu, echo_cpu).await?])
}

async fn rounds(bench: &Bench, world: &World, executor: &Process, echo: &Process, echo_port: u16) -> Result<[Seen; 2]> {
    let time = Duration::from_millis(u64::from(bench.scaled(4000).max(1000)));
    let mut clients = Vec::new();
    let mut echoes = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(world.client().await?);
        echoes.push(connect(echo_port).await?);
    }
    let mut all = [Seen::default(), Seen::default()];
    for (avs, seen) in all.iter_mut().enumerate() {
        // How many tasks a round needs; signing many more than that takes long on BN254.
        let warm = world.submissions(avs, 0..2000).await?;
        let rate = drain(&clients, warm).await?;
        for round in 1..=bench.rounds(4) {
            let enough = (rate * time.as_secs_f64() * 2.0) as u32 + 500;
            let tasks = world.submissions(avs, round << 20..(round << 20) + enough).await?;
            let (answered, cpu, busy) = side(&clients, tasks.clone(), time, executor.id()).await?;
            seen.tasks.push(answered.per_second());
            seen.cpu.push(cpu);
            seen.busy.push(busy);
            seen.answered += answered.answers.len();
            for (task, result) in answered.answers.into_iter().take(50) {
                world.verify(avs, &task, result)?;
            }
            // An echo is faster: the same messages again and again.
            let (answered, cpu, _) = side(&echoes, tasks.into_iter().cycle(), time, echo.id()).await?;
            seen.echoes.push(answered.per_second());
            seen.echo_cpu.push(cpu);
        }
    }
    Ok(all)
}

/// One round of one side: what it answered, its CPU per call in microseconds, and how busy that was, in percent.
async fn side(
    clients: &[Client],
    tasks: impl IntoIterator<Item = hourglass_core::task::RawSubmission>,
    time: Duration,
    server: u32,
) -> Result<(Flood, f64, f64)> {
    let before = cpu_seconds(server)?;
    let flood = flood(clients, tasks, IN_FLIGHT, time).await?;
    let used = cpu_seconds(server)? - before;
    let busy = used / flood.took.as_secs_f64() * 100.0;
    let cpu = used * 1e6 / flood.answers.len() as f64;
    Ok((flood, cpu, busy))
}

/// Answers everything once, to warm up; tasks per second.
async fn drain(clients: &[Client], tasks: Vec<hourglass_core::task::RawSubmission>) -> Result<f64> {
    Ok(flood(clients, tasks, IN_FLIGHT, Duration::ZERO).await?.per_second())
}

fn row(curve: &str, seen: &Seen) -> Row {
    let spread = |figures: &[f64]| Spread::of(figures.iter().copied());
    let (tasks, echoes) = (spread(&seen.tasks), spread(&seen.echoes));
    Row {
        what: format!("{curve}: durable tasks per second"),
        measured: format!(
            "{tasks} /s; {} µs of CPU each, core {} % busy",
            spread(&seen.cpu),
            figure(spread(&seen.busy).median)
        ),
        baseline: format!(
            "tonic echo of the same messages {echoes} /s, {} µs of CPU each: {} times as many",
            spread(&seen.echo_cpu),
            figure(echoes.median / tasks.median)
        ),
        aim: String::new(),
        sample: format!("{} rounds, {} tasks", seen.tasks.len(), seen.answered),
    }
}
