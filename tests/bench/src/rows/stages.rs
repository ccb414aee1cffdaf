//! Where the time of a task goes: CPU of each stage, run alone with the crates that the executor is made of.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hourglass_core::keccak256;
use hourglass_core::performer::{Endpoint, PerformerName};
use hourglass_core::ports::{PerformerClient as _, SignatureVerifier as _, Target, TaskCall, TaskJournal as _};
use hourglass_core::task::{RawSubmission, TaskRecord, TaskSubmission, auth_message, submission_message};
use hourglass_environment::ports::free_ports;
use hourglass_grpc::client::{ClientOptions, GrpcPerformerClient, NoConnectionMetrics};
use hourglass_keys::CurveVerifier;
use hourglass_runtime::{Supervisor, TokioClock};
use hourglass_store::{Options, Store};

use crate::Bench;
use crate::process::{Process, cpu_seconds};
use crate::rows::latency::record_of;
use crate::run::say;
use crate::spread::figure;
use crate::table::{Row, Table};
use crate::world::{Setup, World};

/// Writers that wait for their records at the same time, as in the measurement of throughput.
const WRITERS: usize = 64;

/// Microseconds of CPU of this process for each of `count` things.
async fn cost(count: usize, work: impl Future<Output = Result<()>>) -> Result<f64> {
    let before = cpu_seconds(std::process::id())?;
    work.await?;
    Ok((cpu_seconds(std::process::id())? - before) * 1e6 / count as f64)
}

/// `total` is the executor's CPU for a task on ECDSA and on BN254, `echo` that of a server that does nothing.
pub(crate) async fn measure(bench: &Bench, total: [f64; 2], echo: f64) -> Result<Table> {
    say("where the time goes");
    let world = World::make(&bench.programs, &bench.directory, Setup { avss: 2, failures_per_minute: 60 })?;
    let count = bench.scaled(10_000).max(2000);
    let curves = [world.submissions(0, 0..count).await?, world.submissions(1, 0..count / 4).await?];
    let ecdsa = curves[0].clone();
    let mut parse = [0.0; 2];
    let mut verify = [0.0; 2];
    let mut sign = [0.0; 2];
    for (avs, tasks) in curves.iter().enumerate() {
        parse[avs] = cost(tasks.len(), async { parsed(tasks) }).await?;
        // Verifying includes what is verified; its own part is the difference.
        verify[avs] = cost(tasks.len(), async { verified(&world, avs, tasks) }).await? - parse[avs];
        sign[avs] = cost(tasks.len(), signed(&world, avs, tasks)).await?;
    }
    let store = Store::open(world.directory.path().join("store-alone"), Options::default())?;
    let records = ecdsa.iter().cloned().map(record_of).collect::<Result<Vec<_>>>()?;
    let ids: Vec<_> = records.iter().map(|record| record.task_id).collect();
    let find = cost(ids.len(), async {
        for id in &ids {
            store.journal().find(id).await?;
        }
        Ok(())
    })
    .await?;
    let record = cost(records.len(), recorded(&store, records)).await?;
    store.close()?;
    let call = called(&bench.programs.performer, &world, &ecdsa).await?;

    let stages: [(&str, [f64; 2]); 7] = [
        ("receiving and answering a call (the tonic echo's CPU)", [echo; 2]),
        ("parsing, digests", parse),
        ("the aggregator's signature", verify),
        ("journal: looking the task up", [find; 2]),
        ("journal: its record, 64 writers at a time, with their share of the syncs", [record; 2]),
        ("calling the performer", [call; 2]),
        ("two signatures", sign),
    ];
    let known = [0, 1].map(|curve| stages.iter().map(|(_, cost)| cost[curve]).sum::<f64>());
    let rest = [total[0] - known[0], total[1] - known[1]];
    let share = |cost: f64, curve: usize| format!("{:.0} %", cost / total[curve] * 100.0);
    let line = |(what, cost): (&str, [f64; 2])| Row {
        what: what.into(),
        measured: format!("ECDSA {} µs, BN254 {} µs", figure(cost[0]), figure(cost[1])),
        baseline: format!("{} and {} of a task's CPU", share(cost[0], 0), share(cost[1], 1)),
        ..Row::default()
    };
    let mut rows: Vec<Row> = stages.into_iter().map(line).collect();
    rows.push(line(("the rest: the task's own job, queue, log line, metrics, threads that wake each other", rest)));
    rows.push(line(("a task in the executor, measured above", total)));
    Ok(Table {
        title: "Where the CPU of a task goes",
        note: format!(
            "Each stage alone, by the crates that the executor is made of, {count} times (BN254: a quarter). Alone a stage \
             finds its data in the cache and wakes fewer threads, so the parts add up to less than the whole."
        ),
        rows,
    })
}

fn parsed(tasks: &[RawSubmission]) -> Result<()> {
    for task in tasks {
        let executor = task.executor_address.parse()?;
        let submission = TaskSubmission::parse(task.clone())?;
        std::hint::black_box((submission.request_digest(), keccak256(submission_message(&submission, &executor))));
    }
    Ok(())
}

fn verified(world: &World, avs: usize, tasks: &[RawSubmission]) -> Result<()> {
    let signer = world.avss[avs].aggregator.signer.as_ref().context("it signs")?;
    let (key, verifier) = (signer.public_key(), CurveVerifier::new());
    for task in tasks {
        let executor = task.executor_address.parse()?;
        let submission = TaskSubmission::parse(task.clone())?;
        std::hint::black_box(submission.request_digest());
        verifier.verify(&key, &keccak256(submission_message(&submission, &executor)), &submission.signature)?;
    }
    Ok(())
}

async fn signed(world: &World, avs: usize, tasks: &[RawSubmission]) -> Result<()> {
    let signer = world.avss[avs].aggregator.signer.as_ref().context("it signs")?;
    let record = record_of(tasks[0].clone())?;
    let certificate = match signer.public_key() {
        hourglass_core::ports::PublicKey::Ecdsa(_) => record.certificate,
        hourglass_core::ports::PublicKey::Bn254(_) => {
            hourglass_core::task::Certificate::bn254(record.reference_timestamp, &record.request_digest)
        }
    };
    for _ in tasks {
        let signature = signer.sign_certificate(&certificate).await?;
        let message = auth_message(&record.task_id, &record.avs, &record.avs, 1, &signature);
        std::hint::black_box(signer.sign_message(&message).await?);
    }
    Ok(())
}

async fn recorded(store: &Store, records: Vec<TaskRecord>) -> Result<()> {
    let mut writers = tokio::task::JoinSet::new();
    for part in records.chunks(records.len().div_ceil(WRITERS)) {
        let (journal, part) = (store.journal(), part.to_vec());
        writers.spawn(async move {
            for record in part {
                journal.record(record).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}

/// The client of performers, with as many calls at once as there are writers.
async fn called(program: &Path, world: &World, tasks: &[RawSubmission]) -> Result<f64> {
    let [port] = free_ports()?;
    let mut command = Command::new(program);
    let _performer =
        Process::start(command.args(["--listen", "127.0.0.1", "--port", &port.to_string()]), &world.log())?;
    let (clock, spawner) = (Arc::new(TokioClock), Arc::new(Supervisor::current()));
    let client = GrpcPerformerClient::new(ClientOptions::default(), clock, spawner, Arc::new(NoConnectionMetrics));
    let client = Arc::new(client);
    let name: PerformerName = "echo".parse()?;
    let endpoint = Endpoint { host: "127.0.0.1".into(), port };
    client.set_targets(&name, vec![Target { instance: "echo-0123456789-1".parse()?, endpoint, routed: true }]);
    let call = |task: &RawSubmission| -> Result<TaskCall> {
        Ok(TaskCall {
            task_id: task.task_id.parse()?,
            payload: task.payload.clone(),
            deadline: Duration::from_secs(30),
            idempotent: false,
            traceparent: None,
        })
    };
    // Waits until the performer is there.
    client.execute(&name, call(&tasks[0])?).await?;
    let calls = tasks.iter().map(call).collect::<Result<Vec<_>>>()?;
    let count = calls.len();
    let run = async {
        let mut callers = tokio::task::JoinSet::new();
        for part in calls.chunks(count.div_ceil(WRITERS)) {
            let (client, name, part) = (client.clone(), name.clone(), part.to_vec());
            callers.spawn(async move {
                for call in part {
                    client.execute(&name, call).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended??;
        }
        Ok(())
    };
    cost(count, run).await
}
