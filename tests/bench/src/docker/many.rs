//! What a hundred containers cost the executor, and what it asks of the engine while nothing happens.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::docker::Bench;
use crate::docker::counting::Counting;
use crate::docker::deploy::summary;
use crate::docker::site::Site;
use crate::load;
use crate::process::{cpu_seconds, resident_mib};
use crate::rows::restart::idle;
use crate::run::say;
use crate::spread::{figure, millis, percentile};
use crate::table::{Row, Table, aim};

const MANY: usize = 100;
const FEW: usize = 1;
const RATE: u32 = 200;

/// What a site of so many performers gave.
struct Seen {
    /// In percent of one core and in MiB.
    idle: (f64, f64),
    /// What was asked of the engine meanwhile.
    calls: Vec<String>,
    busy: (f64, f64),
    /// Of a task, in milliseconds: p50 and p99.
    latency: (f64, f64),
    tasks: usize,
    /// From the executor's start until all were served.
    started: Duration,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    say(&format!("{MANY} performers, idle and under {RATE} tasks/s"));
    let few = site(bench, FEW).await?;
    let many = site(bench, MANY).await?;
    let time = idle_time(bench).as_secs();
    let row = |what: &str, measured: String, baseline: String, aim: String, sample: String| Row {
        what: what.into(),
        measured,
        baseline: format!("with {FEW} performer: {baseline}"),
        aim,
        sample,
    };
    let idle = format!("{time} s");
    let busy = format!("{} tasks in {} s", many.tasks, busy_time(bench).as_secs());
    let cpu = |(cpu, _): (f64, f64)| format!("{} % of one core", figure(cpu));
    let memory = |(_, memory): (f64, f64)| format!("{} MiB", figure(memory));
    let rate = |seen: &Seen| {
        format!("{} /min ({})", figure(seen.calls.len() as f64 * 60.0 / time as f64), summary(seen.calls.clone()))
    };
    let latency = |seen: &Seen| format!("{} ms; {} ms", figure(seen.latency.0), figure(seen.latency.1));
    Ok(Table {
        title: "A hundred performers",
        note: format!(
            "Calls are counted by a socket in front of the engine; the stream of events is one call that goes on. Every ten \
             minutes the executor lists its containers and looks at each, whatever the events say; such a listing falls into \
             these {time} s only by chance. Under load: {RATE} tasks/s, taking turns over all AVSs. All {MANY} containers served \
             {:.0} s after the start of an executor that had none.",
            many.started.as_secs_f64()
        ),
        rows: vec![
            row(
                &format!("idle with {MANY} performers: calls of the engine"),
                rate(&many),
                rate(&few),
                aim("only the stream of events", many.calls.is_empty()),
                idle.clone(),
            ),
            row("idle: CPU", cpu(many.idle), cpu(few.idle), String::new(), idle.clone()),
            row("idle: resident memory", memory(many.idle), memory(few.idle), String::new(), idle),
            row(&format!("under {RATE} tasks/s: CPU"), cpu(many.busy), cpu(few.busy), String::new(), busy.clone()),
            row("under load: resident memory", memory(many.busy), memory(few.busy), String::new(), busy.clone()),
            row("under load: p50; p99 of a task", latency(&many), latency(&few), String::new(), busy),
        ],
    })
}

fn idle_time(bench: &Bench) -> Duration {
    Duration::from_secs(bench.or_quick(60, 6).into())
}

fn busy_time(bench: &Bench) -> Duration {
    Duration::from_secs(bench.or_quick(20, 4).into())
}

async fn site(bench: &Bench, performers: usize) -> Result<Seen> {
    let counting = Counting::start(&bench.ground.host)?;
    let site = Site::through(bench, &counting.host(), performers, &[])?;
    let world = &site.world;
    let began = Instant::now();
    let executor = world.serve(None).await?;
    let started = began.elapsed();
    site.settled(performers).await?;
    // What the start left to do is done first.
    tokio::time::sleep(Duration::from_secs(5)).await;
    counting.take();
    let idle = idle(&executor, idle_time(bench)).await?;
    let calls = counting.take();

    let (rate, time) = (RATE, busy_time(bench));
    let each = u32::try_from(u64::from(rate) * time.as_secs() / performers as u64)?;
    let mut queues = Vec::new();
    for avs in 0..performers {
        queues.push(world.submissions(avs, 0..each).await?);
    }
    let client = world.client().await?;
    let mut tasks = Vec::new();
    for number in 0..usize::try_from(each)? {
        tasks.extend(queues.iter().filter_map(|queue| queue.get(number).cloned()));
    }
    let (before, began) = (cpu_seconds(executor.id())?, Instant::now());
    let answers = load::steady(rate, tasks.into_iter().map(|task| load::submit(client.clone(), task))).await?;
    let cpu = (cpu_seconds(executor.id())? - before) / began.elapsed().as_secs_f64() * 100.0;
    let busy = (cpu, resident_mib(executor.id())?);
    let mut times: Vec<Duration> = answers.iter().map(|(took, _)| *took).collect();
    let latency = (millis(percentile(&mut times, 50)), millis(percentile(&mut times, 99)));
    Ok(Seen { idle, calls, busy, latency, tasks: answers.len(), started })
}
