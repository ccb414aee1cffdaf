//! What the executor adds to a direct call of its performer, at a steady rate.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hourglass_core::ports::TaskJournal;
use hourglass_core::task::{Certificate, EcdsaDomain, RawSubmission, TaskRecord, TaskSubmission, message_hash};
use hourglass_core::{Address, Timestamp};
use hourglass_environment::ports::free_ports;
use hourglass_grpc::proto::performer::TaskRequest;
use hourglass_grpc::proto::performer::performer_service_client::PerformerServiceClient;
use hourglass_store::{Options, Store};
use tonic::transport::{Channel, Endpoint};

use crate::Bench;
use crate::echo;
use crate::load::{steady, submit};
use crate::process::Process;
use crate::run::say;
use crate::spread::{Spread, figure, millis, percentile};
use crate::table::{Row, Table, aim};
use crate::world::{Setup, World, connect};

const PER_SECOND: u32 = 200;
/// What the executor may add to one commit and one call.
const ALLOWANCE_MS: f64 = 0.5;

/// p50 and p99 of each round, in milliseconds.
#[derive(Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Times {
    fn add<T>(&mut self, round: Vec<(Duration, T)>) -> Vec<T> {
        let (mut times, answers): (Vec<_>, Vec<_>) = round.into_iter().unzip();
        self.p50.push(millis(percentile(&mut times, 50)));
        self.p99.push(millis(percentile(&mut times, 99)));
        answers
    }

    fn of(&self, p99: bool) -> Spread {
        Spread::of(if p99 { &self.p99 } else { &self.p50 }.iter().copied())
    }
}

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    say("latency at 200 tasks/s: the executor, one commit, one direct call, a tonic echo, in turn");
    let (rounds, each) = (bench.rounds(6), bench.scaled(600));
    let world = World::make(&bench.programs, &bench.directory, Setup { avss: 1, failures_per_minute: 60 })?;
    let _executor = world.serve(None).await?;
    let client = world.client().await?;
    let (_echo, echo_port) = echo::start(&world, None)?;
    let echo = connect(echo_port).await?;
    let (_performer, performer) = direct(&bench.programs.performer, &world).await?;
    let store = Store::open(world.directory.path().join("store-alone"), Options::default())?;
    let journal: Arc<dyn TaskJournal> = store.journal();

    let [mut executor, mut commit, mut direct, mut echoed] = std::array::from_fn(|_| Times::default());
    // The first tasks fill caches and are not counted.
    let warm = world.submissions(0, 0..100).await?;
    steady(PER_SECOND, warm.iter().map(|task| submit(client.clone(), task.clone()))).await?;
    steady(PER_SECOND, warm.iter().map(|task| call(performer.clone(), task.clone()))).await?;
    steady(PER_SECOND, warm.iter().map(|task| record(journal.clone(), task.clone()))).await?;
    steady(PER_SECOND, warm.iter().map(|task| submit(echo.clone(), task.clone()))).await?;
    for round in 1..=rounds {
        let tasks = world.submissions(0, round * 10_000..round * 10_000 + each).await?;
        let answers = executor.add(steady(PER_SECOND, tasks.iter().map(|t| submit(client.clone(), t.clone()))).await?);
        commit.add(steady(PER_SECOND, tasks.iter().map(|t| record(journal.clone(), t.clone()))).await?);
        direct.add(steady(PER_SECOND, tasks.iter().map(|t| call(performer.clone(), t.clone()))).await?);
        echoed.add(steady(PER_SECOND, tasks.iter().map(|t| submit(echo.clone(), t.clone()))).await?);
        for (task, result) in answers.into_iter().take(50) {
            world.verify(0, &task, result)?;
        }
    }
    drop(journal);
    store.close()?;

    let sample = format!("{rounds} rounds × {each} tasks");
    let row = |name: &str, p99: bool| {
        let (executor, commit, direct) = (executor.of(p99), commit.of(p99), direct.of(p99));
        let sum = commit.median + direct.median;
        let over = executor.median - sum;
        Row {
            what: format!("SubmitTask, ECDSA, durable, {PER_SECOND} tasks/s: {name}"),
            measured: format!("{executor} ms"),
            baseline: format!(
                "one commit {commit} + one direct ExecuteTask {direct} = {} ms; the executor adds {} ms",
                figure(sum),
                figure(over)
            ),
            aim: aim(&format!("≤ sum + 0.5 = {} ms", figure(sum + ALLOWANCE_MS)), over <= ALLOWANCE_MS),
            sample: sample.clone(),
        }
    };
    let echo_row = Row {
        what: "the same message to a tonic server that answers at once: p50; p99".into(),
        measured: format!("{} ms; {} ms", echoed.of(false), echoed.of(true)),
        sample: sample.clone(),
        ..Row::default()
    };
    Ok(Table {
        title: "What the executor adds",
        note: "The sum holds one gRPC call (to the performer) and no signature; a task makes two calls (from the \
               aggregator, to the performer), verifies one signature and makes two."
            .into(),
        rows: vec![row("p50", false), row("p99", true), echo_row],
    })
}

/// The same performer, called directly.
async fn direct(program: &std::path::Path, world: &World) -> Result<(Process, PerformerServiceClient<Channel>)> {
    let [port] = free_ports()?;
    let mut command = std::process::Command::new(program);
    let process = Process::start(command.args(["--listen", "127.0.0.1", "--port", &port.to_string()]), &world.log())?;
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        match endpoint.connect().await {
            Ok(channel) => return Ok((process, PerformerServiceClient::new(channel))),
            Err(error) if std::time::Instant::now() > deadline => return Err(error).context("the performer"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn call(mut performer: PerformerServiceClient<Channel>, task: RawSubmission) -> Result<()> {
    let request = TaskRequest { task_id: task.task_id.into_bytes(), payload: task.payload };
    performer.execute_task(request).await?;
    Ok(())
}

/// What the executor records of such a task.
async fn record(journal: Arc<dyn TaskJournal>, task: RawSubmission) -> Result<()> {
    journal.record(record_of(task)?).await?;
    Ok(())
}

/// The record of a task that was echoed.
pub(crate) fn record_of(task: RawSubmission) -> Result<TaskRecord> {
    let submission = TaskSubmission::parse(task)?;
    let domain = EcdsaDomain::new("1", &Address::new([0xd0; 20]));
    let hash = message_hash(&submission.task_id, &submission.payload);
    Ok(TaskRecord {
        task_id: submission.task_id,
        request_digest: submission.request_digest(),
        avs: submission.avs,
        operator_set_id: submission.operator_set_id,
        reference_timestamp: submission.reference_timestamp,
        certificate: Certificate::ecdsa(domain, submission.reference_timestamp, &hash),
        output: submission.payload,
        recorded_at: Timestamp::from_secs(u64::from(submission.reference_timestamp)),
    })
}
