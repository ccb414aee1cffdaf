//! Upgrades in a row while tasks keep coming.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::docker::Bench;
use crate::docker::deploy::request;
use crate::docker::site::Site;
use crate::docker::traffic::{Sent, Traffic, longest_gap};
use crate::run::say;
use crate::spread::{Spread, figure, millis, percentile};
use crate::table::{Row, Table, aim};

/// One of so many results is verified with its signatures.
const SAMPLE: usize = 20;

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    let (upgrades, rate) = (bench.or_quick(20, 3), bench.or_quick(500, 200));
    say(&format!("{upgrades} upgrades in a row under {rate} tasks/s"));
    let site = Site::make(bench, 1, &[])?;
    let _executor = site.world.serve(None).await?;
    let api = site.world.api().await?;

    // The same without upgrades, before and after: the machine is the same.
    let quiet_time = Duration::from_secs(bench.or_quick(10, 3).into());
    let mut quiet = quiet_traffic(&site, 0, rate, quiet_time).await?;
    let traffic = Traffic::start(&site.world, 0, 1 << 24, rate).await?;
    let mut took = Vec::new();
    for number in 0..upgrades {
        let began = Instant::now();
        let deployed = api.deploy(request(bench, &site, &format!("upgrade {number}")), None).await?;
        ensure!(deployed.success, "{deployed:?}");
        took.push(began.elapsed());
    }
    site.settled(1).await?;
    let busy = traffic.finish().await?;
    quiet.extend(quiet_traffic(&site, 2 << 24, rate, quiet_time).await?);

    let failed: Vec<_> = busy.iter().filter_map(|sent| sent.outcome.as_ref().err()).collect();
    for (number, sent) in busy.iter().enumerate() {
        if let Ok((task, result)) = &sent.outcome {
            ensure!(result.output == task.payload, "task {number} was answered wrongly");
            if number % SAMPLE == 0 {
                site.world.verify(0, task, result.clone())?;
            }
        }
    }
    let failed_quietly = quiet.iter().filter(|sent| sent.outcome.is_err()).count();
    let sample = format!("{upgrades} upgrades, {} tasks", busy.len());
    let latency = |all: &[Sent], percent| {
        let mut times: Vec<Duration> = all.iter().map(|sent| sent.took).collect();
        figure(millis(percentile(&mut times, percent)))
    };
    let both = |all: &[Sent]| {
        format!("p50 {} ms, p99 {} ms, longest {} ms", latency(all, 50), latency(all, 99), latency(all, 100))
    };
    let row = |what: &str, measured: String, baseline: String, aim: String| Row {
        what: what.into(),
        measured,
        baseline,
        aim,
        sample: sample.clone(),
    };
    let first = failed.first().map(|error| format!(", the first: {error}")).unwrap_or_default();
    Ok(Table {
        title: "Upgrading under load",
        note: format!(
            "Each task is sent once, {rate} a second over 4 connections, and its time begins when it is due; a payload that \
             does not come back unchanged ends the measurement, and one answer of {SAMPLE} is verified with its signatures. \
             The next upgrade begins when the one before serves, while its predecessor is still being stopped. Without \
             upgrades: the same tasks for {} s before and for as long after.",
            quiet_time.as_secs()
        ),
        rows: vec![
            row(
                &format!("tasks failed or lost, {rate} tasks/s"),
                format!("{} of {}{first}", failed.len(), busy.len()),
                format!("without upgrades: {failed_quietly} of {}", quiet.len()),
                aim("0", failed.is_empty()),
            ),
            row("time of a task", both(&busy), format!("without upgrades: {}", both(&quiet)), String::new()),
            row(
                "the longest time between two answers",
                format!("{} ms", figure(millis(longest_gap(&busy)))),
                // Before and after are apart from each other: their own gap is none of the traffic's.
                format!("without upgrades: {} ms", figure(quiet_gap(&quiet, quiet_time)?)),
                String::new(),
            ),
            row(
                "one upgrade, call to answer",
                format!("{} ms", Spread::of(took.into_iter().map(millis))),
                "see Deploying".to_owned(),
                String::new(),
            ),
        ],
    })
}

async fn quiet_traffic(site: &Site, first: u32, rate: u32, time: Duration) -> Result<Vec<Sent>> {
    let traffic = Traffic::start(&site.world, 0, first, rate).await?;
    tokio::time::sleep(time).await;
    traffic.finish().await
}

fn quiet_gap(quiet: &[Sent], time: Duration) -> Result<f64> {
    let start = quiet.first().context("no tasks")?.due;
    let middle = quiet.partition_point(|sent| sent.due.duration_since(start) <= time + time / 2);
    let (before, after) = quiet.split_at(middle);
    Ok(millis(longest_gap(before).max(longest_gap(after))))
}
