//! What refusing a forged task costs, the cheapest attack first.

use anyhow::{Result, ensure};
use hourglass_core::task::{RawSubmission, TaskId};
use hourglass_core::{Address, keccak256};
use tokio::task::JoinSet;

use crate::Bench;
use crate::echo;
use crate::load::Client;
use crate::process::{Process, cpu_seconds};
use crate::run::say;
use crate::spread::{Spread, figure};
use crate::table::{Row, Table};
use crate::world::{Setup, World, connect, message};

/// Calls that run at the same time on the one connection.
const IN_FLIGHT: usize = 16;
/// Requests in a round: many, since the system counts CPU in steps of 10 ms.
const CHEAP: u32 = 12_000;
/// The same for those that cost a pairing each.
const PAIRINGS: u32 = 1000;

/// An attack: its name, the reason it is refused with, how often it is sent in a round, and what is sent.
struct Attack {
    what: &'static str,
    reason: &'static str,
    times: u32,
    submission: RawSubmission,
    cpu: Vec<f64>,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    say("refusing forged tasks");
    let generous = Setup { avss: 2, failures_per_minute: 1_000_000 };
    let world = World::make(&bench.programs, &bench.directory, generous)?;
    let executor = world.serve(None).await?;
    let client = world.client().await?;
    let mut attacks = attacks(bench, &world).await?;

    let rationed = World::make(&bench.programs, &bench.directory, Setup { avss: 1, failures_per_minute: 1 })?;
    let rationing = rationed.serve(None).await?;
    let rationed_client = rationed.client().await?;
    let mut ration = Attack {
        what: "wrong ECDSA signature of a peer that has used up its ration",
        reason: "PeerRationed",
        times: bench.scaled(CHEAP),
        submission: forged(&rationed, 0).await?,
        cpu: Vec::new(),
    };
    // Uses it up.
    for _ in 0..3 {
        let _refused = rationed_client.clone().submit_task(message(&ration.submission)).await.is_err();
    }

    let (echo, port) = echo::start(&world, None)?;
    let echo_client = connect(port).await?;
    let genuine = world.submissions(0, 1 << 20..(1 << 20) + 1).await?.remove(0);
    let (mut echo_cpu, mut replay_cpu) = (Vec::new(), Vec::new());
    let rounds = bench.rounds(3);
    for _ in 0..rounds {
        let times = bench.scaled(CHEAP);
        echo_cpu.push(burst(&echo_client, &echo, &genuine, times, None).await?);
        replay_cpu.push(burst(&client, &executor, &genuine, times, None).await?);
        for attack in &mut attacks {
            let (times, reason) = (attack.times, Some(attack.reason));
            attack.cpu.push(burst(&client, &executor, &attack.submission, times, reason).await?);
        }
        let (times, reason) = (ration.times, Some(ration.reason));
        ration.cpu.push(burst(&rationed_client, &rationing, &ration.submission, times, reason).await?);
    }

    let echo = Spread::of(echo_cpu);
    attacks.push(ration);
    attacks
        .sort_by(|a, b| Spread::of(a.cpu.iter().copied()).median.total_cmp(&Spread::of(b.cpu.iter().copied()).median));
    let mut rows: Vec<Row> = attacks.iter().map(|attack| row(attack, echo, rounds)).collect();
    rows.push(Row {
        what: "for comparison: a genuine task that is known, answered from the journal".into(),
        measured: format!("{} µs", Spread::of(replay_cpu)),
        baseline: format!("tonic echo {echo} µs"),
        sample: format!("{rounds} rounds × {}", bench.scaled(CHEAP)),
        ..Row::default()
    });
    Ok(Table {
        title: "Refusing a forged task: CPU per request",
        note: format!(
            "One connection, {IN_FLIGHT} calls at a time; the executor's CPU, its log lines included. A peer's wrong signatures are rationed \
             (`server.failures_per_minute_per_peer`, 60 by default); the ration is out of the way here, except in its own row. No attack \
             reaches the journal, a performer or a key."
        ),
        rows,
    })
}

fn row(attack: &Attack, echo: Spread, rounds: u32) -> Row {
    let cpu = Spread::of(attack.cpu.iter().copied());
    Row {
        what: format!("{} (`{}`)", attack.what, attack.reason),
        measured: format!("{cpu} µs"),
        baseline: format!("tonic echo {echo} µs: {} times", figure(cpu.median / echo.median)),
        aim: String::new(),
        sample: format!("{rounds} rounds × {}", attack.times),
    }
}

async fn attacks(bench: &Bench, world: &World) -> Result<Vec<Attack>> {
    let (ecdsa, bn254) = (genuine(world, 0).await?, genuine(world, 1).await?);
    let nobody = Address::new([0x99; 20]).to_string();
    let changed = |base: &RawSubmission, change: &dyn Fn(&mut RawSubmission)| {
        let mut submission = base.clone();
        change(&mut submission);
        submission
    };
    let cheap = bench.scaled(CHEAP);
    let attack = |what, reason, times, submission| Attack { what, reason, times, submission, cpu: Vec::new() };
    Ok(vec![
        attack("malformed field", "MalformedField", cheap, changed(&ecdsa, &|s| s.task_id = "0x12".into())),
        attack(
            "for another executor",
            "WrongExecutor",
            cheap,
            changed(&ecdsa, &|s| s.executor_address.clone_from(&nobody)),
        ),
        attack("unknown AVS", "UnknownAvs", cheap, changed(&ecdsa, &|s| s.avs_address.clone_from(&nobody))),
        attack(
            "unknown aggregator",
            "NotAnAggregator",
            cheap,
            changed(&ecdsa, &|s| s.aggregator_address.clone_from(&nobody)),
        ),
        attack(
            "malformed ECDSA signature",
            "SignatureMalformed",
            cheap,
            changed(&ecdsa, &|s| s.signature = vec![0xff; 65]),
        ),
        attack("wrong ECDSA signature", "SignatureMismatch", cheap, forged(world, 0).await?),
        attack(
            "BN254 point off the curve",
            "SignatureMalformed",
            cheap,
            changed(&bn254, &|s| s.signature = vec![7; 64]),
        ),
        attack(
            "well-formed BN254 signature of another message",
            "SignatureMismatch",
            bench.scaled(PAIRINGS),
            forged(world, 1).await?,
        ),
    ])
}

async fn genuine(world: &World, avs: usize) -> Result<RawSubmission> {
    Ok(world.submissions(avs, 0..1).await?.remove(0))
}

/// Signed well, for another task.
async fn forged(world: &World, avs: usize) -> Result<RawSubmission> {
    let task_id = TaskId::new(*keccak256(b"another task").as_bytes()).to_string();
    Ok(RawSubmission { task_id, ..genuine(world, avs).await? })
}

/// Sends the same again and again; microseconds of the server's CPU for each.
async fn burst(
    client: &Client,
    server: &Process,
    submission: &RawSubmission,
    times: u32,
    refused: Option<&'static str>,
) -> Result<f64> {
    let before = cpu_seconds(server.id())?;
    let mut senders = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (mut client, request) = (client.clone(), message(submission));
        let own = times.div_ceil(u32::try_from(IN_FLIGHT)?);
        senders.spawn(async move {
            for _ in 0..own {
                match (client.submit_task(request.clone()).await, refused) {
                    (Ok(_), None) => {}
                    (Err(status), Some(reason)) => {
                        let given = status.metadata().get(hourglass_grpc::server::REASON_KEY);
                        let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
                        ensure!(given == reason, "refused with {given} instead of {reason}: {}", status.message());
                    }
                    (Ok(_), Some(reason)) => anyhow::bail!("answered instead of refused with {reason}"),
                    (Err(status), None) => anyhow::bail!("refused: {status}"),
                }
            }
            Ok(())
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended??;
    }
    let sent = times.div_ceil(u32::try_from(IN_FLIGHT)?) * u32::try_from(IN_FLIGHT)?;
    Ok((cpu_seconds(server.id())? - before) * 1e6 / f64::from(sent))
}
