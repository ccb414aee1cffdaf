//! A container that dies, beside a bare one that is made anew.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::docker::Bench;
use crate::docker::bare::Recipe;
use crate::docker::site::Site;
use crate::rows::restart::answer;
use crate::run::say;
use crate::spread::{Spread, figure, millis, percentile};
use crate::table::{Row, Table};

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    // One AVS for each: of one that fails again and again the next try comes later and later.
    let rounds = bench.or_quick(20, 3);
    say(&format!("Killing {rounds} containers, beside as many bare ones"));
    let site = Site::make(bench, usize::try_from(rounds)?, &[])?;
    let world = &site.world;
    let mut executor = world.serve(None).await?;
    let before = site.settled(world.avss.len()).await?;
    let recipe = Recipe::like(&bench.ground.api, &before.first().context("no container")?.id)?;
    let client = world.client().await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let avs = usize::try_from(round)?;
        for first in [true, false] {
            if first == round.is_multiple_of(2) {
                let name = format!("avs-{avs}");
                let victim = before.iter().find(|seen| seen.performer == name).context(name)?;
                let task = world.submissions(avs, 0..1).await?.remove(0);
                let (api, id) = (bench.ground.api.clone(), victim.id.clone());
                let began = Instant::now();
                tokio::task::spawn_blocking(move || {
                    api.post(&format!("/containers/{id}/kill"), &serde_json::Value::Null)
                })
                .await??;
                let result = answer(client.clone(), &task, began).await?;
                ours.push(began.elapsed());
                world.verify(avs, &task, result)?;
                world.ready(&mut executor).await?;
                let after = site.settled(world.avss.len()).await?;
                ensure!(!after.contains(victim), "what was killed answered");
            } else {
                let made = recipe.serve().await?;
                let began = Instant::now();
                recipe.kill(&made).await?;
                let again = recipe.serve().await?;
                bare.push(began.elapsed());
                recipe.remove(made).await?;
                recipe.remove(again).await?;
            }
        }
    }
    let spread = |all: &[Duration]| Spread::of(all.iter().copied().map(millis));
    let row = |percent: usize, ours: &mut [Duration], bare: &mut [Duration]| {
        let (mine, theirs) = (millis(percentile(ours, percent)), millis(percentile(bare, percent)));
        Row {
            what: format!("SIGKILL of a container → its AVS answers a task: p{percent}"),
            measured: format!("{} ms ({:.2} times)", figure(mine), mine / theirs),
            baseline: format!("bare kill, wait, create, start, health loop: {} ms", figure(theirs)),
            aim: String::new(),
            sample: format!("{rounds} of each, taking turns"),
        }
    };
    Ok(Table {
        title: "A container dies",
        note: format!(
            "Both from before the call that kills. Ours ends with the verified answer of a task that is submitted from then on, \
             every 2 ms as long as it is refused; the bare one with an answered health check. Over all samples ours took {} ms, \
             bare {} ms. The bare one leaves its remains where they are; ours removes them.",
            spread(&ours),
            spread(&bare)
        ),
        rows: vec![row(50, &mut ours, &mut bare), row(95, &mut ours, &mut bare)],
    })
}
