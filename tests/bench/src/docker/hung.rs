//! One of two replicas hangs: it keeps its connections and answers nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::docker::Bench;
use crate::docker::site::Site;
use crate::docker::traffic::Traffic;
use crate::run::say;
use crate::spread::{Spread, millis, percentile};
use crate::table::{Row, Table, aim};

const RATE: u32 = 100;
/// A task that takes longer has met the one that hangs.
const SLOW: Duration = Duration::from_millis(900);
/// Seconds until it must be out of rotation.
const AIM: f64 = 3.0;

/// What one round gave.
struct Round {
    /// From the pause to when the last task was due that met the one that hangs.
    out_after: f64,
    met: usize,
    sent: usize,
    /// What tasks took before.
    before: Duration,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    let mut rounds = Vec::new();
    for number in 0..bench.or_quick(5, 1) {
        say(&format!("One of two replicas hangs under {RATE} tasks/s ({})", number + 1));
        rounds.push(round(bench).await?);
    }
    let out = Spread::of(rounds.iter().map(|round| round.out_after));
    let met = Spread::of(rounds.iter().map(|round| round.met as f64));
    let sent = rounds.first().map(|round| round.sent).unwrap_or_default();
    let before = Spread::of(rounds.iter().map(|round| millis(round.before)));
    Ok(Table {
        title: "A container hangs",
        note: format!(
            "`pause` of one of two replicas; every option as by default except the deadline of a task, 5 s. A task that fails or \
             takes longer than {} s has met it; the row is the time from the pause to when the last such task was due. Whoever \
             meets it waits for its deadline, since a task that may have run is not run again.",
            SLOW.as_secs_f64()
        ),
        rows: vec![Row {
            what: format!("one of two replicas hangs under {RATE} tasks/s → no task is sent to it"),
            measured: format!("{out} s; {met} tasks met it"),
            baseline: format!("before, a task takes {before} ms (p99), and every second one goes to that replica"),
            aim: aim(&format!("< {AIM} s, the longest"), out.most < AIM),
            sample: format!("{} rounds × {sent} tasks", rounds.len()),
        }],
    })
}

async fn round(bench: &Bench) -> Result<Round> {
    let site = Site::make(bench, 1, &["replicas: 2", "task: {deadline: 5s}"])?;
    let _executor = site.world.serve(None).await?;
    let victim = site.settled(2).await?.remove(0);
    both_serve(&site).await?;
    let traffic = Traffic::start(&site.world, 0, 1 << 24, RATE).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (api, id) = (bench.ground.api.clone(), victim.id);
    let asked = Instant::now();
    tokio::task::spawn_blocking(move || api.post(&format!("/containers/{id}/pause"), &Value::Null)).await??;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let sent = traffic.finish().await?;
    let met = |due: Instant, took: Duration, failed: bool| due + took >= asked && (failed || took > SLOW);
    let mut last = Duration::ZERO;
    let mut count = 0;
    for each in sent.iter().filter(|each| met(each.due, each.took, each.outcome.is_err())) {
        count += 1;
        last = last.max(each.due.saturating_duration_since(asked));
    }
    ensure!(count > 0, "no task met the one that hangs");
    let mut before: Vec<Duration> = sent.iter().filter(|each| each.due < asked).map(|each| each.took).collect();
    ensure!(!before.is_empty(), "no task before");
    let early = sent.iter().filter(|each| each.due + each.took < asked).find_map(|each| each.outcome.as_ref().err());
    ensure!(early.is_none(), "a task failed before anything hung: {early:?}");
    Ok(Round { out_after: last.as_secs_f64(), met: count, sent: sent.len(), before: percentile(&mut before, 99) })
}

/// Waits until tasks go to both replicas.
async fn both_serve(site: &Site) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while site.world.ready_replicas()? < 2 {
        ensure!(Instant::now() < deadline, "two replicas do not serve");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
