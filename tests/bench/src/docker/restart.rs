//! SIGKILL of the executor while fifty containers run.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hourglass_environment::api::Api;

use crate::docker::Bench;
use crate::docker::site::Site;
use crate::rows::restart::answers;
use crate::run::say;
use crate::spread::{Spread, millis};
use crate::table::{Row, Table, aim};

const CONTAINERS: usize = 50;
const FEW: usize = 1;
/// From exec, in milliseconds.
const AIM: f64 = 300.0;
/// As many at once as the executor asks.
const AT_ONCE: usize = 16;

/// What a site of so many containers gave.
#[derive(Default)]
struct Seen {
    first: Vec<f64>,
    all: Vec<f64>,
    /// The engine alone: a listing and an inspection of each.
    looked: Vec<f64>,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    say(&format!("SIGKILL of the executor beside {CONTAINERS} containers"));
    let many = site(bench, CONTAINERS).await?;
    let few = site(bench, FEW).await?;
    let sample = format!("{} kills", many.all.len());
    let of = |all: &[f64]| Spread::of(all.iter().copied());
    let worst = of(&many.all);
    let row = |what: &str, ours: &[f64], beside: &[f64], aim: String| Row {
        what: what.into(),
        measured: format!("{} ms", of(ours)),
        baseline: format!(
            "the engine alone, a listing and {CONTAINERS} inspections: {} ms; the executor with {FEW} container: {} ms",
            of(&many.looked),
            of(beside)
        ),
        aim,
        sample: sample.clone(),
    };
    Ok(Table {
        title: "The executor killed",
        note: format!(
            "From the start of the new process, loading the program included, to a verified answer, tasks of all AVSs being \
             submitted from the first moment on. After each kill every container is the same as before and was started at the \
             same time: {CONTAINERS} of {CONTAINERS} were found again, and none was restarted. The aim is taken at the median."
        ),
        rows: vec![
            row(
                &format!("SIGKILL with {CONTAINERS} running containers → all AVSs answer again"),
                &many.all,
                &few.all,
                aim(&format!("≤ {AIM:.0} ms"), worst.median <= AIM),
            ),
            row("→ the first of them answers again", &many.first, &few.first, String::new()),
        ],
    })
}

async fn site(bench: &Bench, containers: usize) -> Result<Seen> {
    let site = Site::make(bench, containers, &[])?;
    let world = &site.world;
    let mut executor = world.serve(None).await?;
    site.settled(containers).await?;
    let before = site.starts()?;
    let mut seen = Seen::default();
    for round in 1..=bench.or_quick(10, 2) {
        seen.looked.push(millis(look(&bench.ground.api, &before)?));
        executor.kill()?;
        let began = Instant::now();
        executor = world.start(None)?;
        let answered = answers(world, round, began).await?;
        seen.first.push(answered.iter().copied().fold(f64::INFINITY, f64::min));
        seen.all.push(answered.iter().copied().fold(0.0, f64::max));
        world.ready(&mut executor).await?;
        ensure!(site.starts()? == before, "a container was restarted");
    }
    Ok(seen)
}

fn look(api: &Api, containers: &[(String, String)]) -> Result<Duration> {
    let began = Instant::now();
    api.get("/containers/json?all=1")?;
    std::thread::scope(|scope| {
        let chunks = containers.chunks(containers.len().div_ceil(AT_ONCE).max(1));
        let threads = chunks.map(|some| {
            scope
                .spawn(move || some.iter().try_for_each(|(id, _)| api.get(&format!("/containers/{id}/json")).map(drop)))
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked")))
    })?;
    Ok(began.elapsed())
}
