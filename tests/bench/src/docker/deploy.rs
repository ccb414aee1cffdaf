//! From the call that deploys to the first answered health check, beside a container that is made by hand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use hourglass_environment::api::Api;
use hourglass_grpc::api::ExecutorApi;
use hourglass_grpc::proto::v1::{DeployArtifactRequest, PerformerEnv};
use serde_json::Value;

use crate::docker::Bench;
use crate::docker::bare::Recipe;
use crate::docker::counting::Counting;
use crate::docker::site::Site;
use crate::run::say;
use crate::spread::{Spread, figure, millis, percentile};
use crate::table::{Row, Table, aim};

/// At most so many times what the bare container takes.
const AIM: f64 = 1.15;

pub(crate) async fn measure(bench: &Bench) -> Result<Table> {
    let rounds = bench.or_quick(50, 4);
    say(&format!("Deploying {rounds} times, beside as many bare containers"));
    let calls = calls(bench).await?;
    let site = Site::make(bench, 1, &[])?;
    let _executor = site.world.serve(None).await?;
    let serving = site.settled(1).await?.remove(0);
    let recipe = Recipe::like(&bench.ground.api, &serving.id)?;
    let api = site.world.api().await?;
    // The first of each fills caches, and counts for neither.
    one(&site, &api, request(bench, &site, "first")).await?;
    recipe.remove(recipe.serve().await?).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut phases, mut bare_phases) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for first in [true, false] {
            let since = SystemTime::now();
            if first == round.is_multiple_of(2) {
                ours.push(one(&site, &api, request(bench, &site, &round.to_string())).await?);
                phases.extend(Phases::seen(&bench.ground.api, since, ours.last())?);
            } else {
                let began = Instant::now();
                let made = recipe.serve().await?;
                bare.push(began.elapsed());
                bare_phases.extend(Phases::seen(&bench.ground.api, since, bare.last())?);
                recipe.remove(made).await?;
            }
        }
    }
    let sample = format!("{rounds} of each, taking turns");
    let spread = |all: &[Duration]| Spread::of(all.iter().copied().map(millis));
    let row = |percent: usize, ours: &mut [Duration], bare: &mut [Duration]| {
        let (mine, theirs) = (millis(percentile(ours, percent)), millis(percentile(bare, percent)));
        let ratio = mine / theirs;
        Row {
            what: format!("DeployArtifact of another revision → it serves: p{percent}"),
            measured: format!("{} ms ({:.2} times)", figure(mine), ratio),
            baseline: format!("bare create, start, health loop: {} ms", figure(theirs)),
            aim: aim(&format!("≤ {AIM} times"), ratio <= AIM),
            sample: sample.clone(),
        }
    };
    Ok(Table {
        title: "Deploying",
        note: format!(
            "From the call to its answer, which comes when the new container has answered its health check and tasks go \
             to it: later than the first answered check. The bare container's time ends with that check. Over all \
             samples ours took {} ms, bare {} ms. By the engine's own events: {} ; bare {}. Calls of the engine for one \
             deployment, the end of the container before included: {calls}.",
            spread(&ours),
            spread(&bare),
            Phases::describe(&phases),
            Phases::describe(&bare_phases),
        ),
        rows: vec![row(50, &mut ours, &mut bare), row(95, &mut ours, &mut bare)],
    })
}

/// Deploys the image that serves already, with a variable of this value: another revision.
pub(crate) fn request(bench: &Bench, site: &Site, revision: &str) -> DeployArtifactRequest {
    let variable = PerformerEnv { name: "REVISION".into(), value: revision.to_owned(), ..PerformerEnv::default() };
    DeployArtifactRequest {
        avs_address: site.world.avss.first().map(|avs| avs.aggregator.avs.to_string()).unwrap_or_default(),
        registry_url: bench.ground.repository.clone(),
        digest: bench.ground.digest.clone(),
        env: vec![variable],
        ..DeployArtifactRequest::default()
    }
}

/// One deployment; returns when the container before is gone, too, with the time until the answer.
async fn one(site: &Site, api: &ExecutorApi, request: DeployArtifactRequest) -> Result<Duration> {
    let began = Instant::now();
    let deployed = api.deploy(request, None).await?;
    let took = began.elapsed();
    ensure!(deployed.success, "{deployed:?}");
    site.settled(1).await?;
    Ok(took)
}

/// What the executor asks of the engine for one deployment.
async fn calls(bench: &Bench) -> Result<String> {
    let counting = Counting::start(&bench.ground.host)?;
    let site = Site::through(bench, &counting.host(), 1, &[])?;
    let _executor = site.world.serve(None).await?;
    site.settled(1).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    counting.take();
    one(&site, &site.world.api().await?, request(bench, &site, "counted")).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(summary(counting.take()))
}

/// Each call with how often it was made, in the order in which it first was.
pub(crate) fn summary(calls: Vec<String>) -> String {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (place, call) in calls.iter().enumerate() {
        counts.entry(call).or_insert((place, 0)).1 += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(call, (place, count))| (place, count, call)).collect();
    counts.sort_unstable();
    let each: Vec<_> = counts.into_iter().map(|(_, count, call)| format!("{count} × `{call}`")).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}

/// Where the time of one goes, by when the engine says that it had made and started the container; milliseconds.
struct Phases {
    until_created: f64,
    until_started: f64,
    rest: f64,
}

impl Phases {
    /// `None` where the engine has forgotten.
    fn seen(api: &Api, since: SystemTime, took: Option<&Duration>) -> Result<Option<Self>> {
        let since = since.duration_since(SystemTime::UNIX_EPOCH)?;
        let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let stamp = |at: Duration| format!("{}.{:09}", at.as_secs(), at.subsec_nanos());
        let filters = "%7B%22event%22%3A%5B%22create%22%2C%22start%22%5D%2C%22type%22%3A%5B%22container%22%5D%7D";
        let path = format!("/events?since={}&until={}&filters={filters}", stamp(since), stamp(until));
        let answer = api.request("GET", &path, &[], &[])?.success()?;
        let events = serde_json::Deserializer::from_slice(&answer).into_iter::<Value>();
        let events: Vec<Value> = events.collect::<Result<_, _>>().context("events")?;
        let after = |action: &str| {
            let event = events.iter().find(|event| event.get("Action").and_then(Value::as_str) == Some(action))?;
            let at = Duration::from_nanos(event.get("timeNano")?.as_u64()?);
            Some(millis(at.saturating_sub(since)))
        };
        let phases = || {
            let (created, started) = (after("create")?, after("start")?);
            Some(Self { until_created: created, until_started: started - created, rest: millis(*took?) - started })
        };
        Ok(phases())
    }

    fn describe(all: &[Self]) -> String {
        let of = |part: fn(&Self) -> f64| figure(Spread::of(all.iter().map(part)).median);
        format!(
            "made after {} ms, started {} ms later, answered {} ms after that (medians)",
            of(|phases| phases.until_created),
            of(|phases| phases.until_started),
            of(|phases| phases.rest)
        )
    }
}
