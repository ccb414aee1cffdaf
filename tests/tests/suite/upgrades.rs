//! Upgrades while tasks keep coming: nobody notices.

use std::time::{Duration, Instant};

use hourglass_grpc::api::ExecutorApi;
use hourglass_tests::running::caller::{self, connect, deploy, submission};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// `HOURGLASS_UPGRADES` and `HOURGLASS_UPGRADE_RATE` make it longer and harder, or easier for a slow machine.
fn variable(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")))
}

/// What one sender saw.
#[derive(Default)]
struct Sent {
    answered: usize,
    failed: Vec<String>,
    longest: Duration,
}

/// Sends a task of the AVS at every tick, each once, over its own connection, until told to stop.
async fn send(
    api: ExecutorApi,
    site: &Site,
    avs: &Avs,
    sender: u32,
    period: Duration,
    mut stop: watch::Receiver<bool>,
) -> Sent {
    let (mut sent, mut running, mut number) = (Sent::default(), JoinSet::new(), 0_u32);
    let mut tick = tokio::time::interval(period);
    let note = |sent: &mut Sent, done: Result<(Duration, Result<(), String>), tokio::task::JoinError>| {
        let (took, result) = done.unwrap();
        sent.longest = sent.longest.max(took);
        match result {
            Ok(()) => sent.answered += 1,
            Err(error) => sent.failed.push(error),
        }
    };
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(done) = running.join_next(), if !running.is_empty() => note(&mut sent, done),
            _ = tick.tick() => {
                number += 1;
                let task = submission(site, avs, &format!("upgrade {sender} {number}"), b"7").await.unwrap();
                let api = api.clone();
                running.spawn(async move {
                    let began = Instant::now();
                    let result = api.submit(task).await;
                    let checked = match result {
                        Ok(result) if result.output == b"31" => Ok(()),
                        Ok(result) => Err(format!("{:?}", result.output)),
                        Err(error) => Err(error.to_string()),
                    };
                    (began.elapsed(), checked)
                });
            }
        }
    }
    while let Some(done) = running.join_next().await {
        note(&mut sent, done);
    }
    sent
}

/// Every answer is verified elsewhere; here it is counted that there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_in_a_row_and_no_task_fails() {
    let upgrades = variable("HOURGLASS_UPGRADES", 20);
    let rate = variable("HOURGLASS_UPGRADE_RATE", 500);
    let mut site = Site::new([Avs::ecdsa().env("TASK_DELAY_MS", 5)]).unwrap();
    // Challenges are rationed to twenty at once; each upgrade takes one.
    site.set.push("log_level=warn".into());
    let site = std::sync::Arc::new(site);
    let executor = Executor::start(&site).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let senders = 4;
    let mut sending = JoinSet::new();
    for sender in 0..senders {
        let (site, stopped, api) = (site.clone(), stopped.clone(), connect(&site).await.unwrap());
        let period = Duration::from_secs(1) * senders / rate;
        sending.spawn(async move { send(api, &site, &site.avs[0], sender, period, stopped).await });
    }
    let api = connect(&site).await.unwrap();
    let began = Instant::now();
    let mut revisions = std::collections::BTreeSet::new();
    for upgrade in 0..upgrades {
        let deployed = deploy(&site, &api, &site.avs[0], &[("REVISION", &upgrade.to_string())]).await.unwrap();
        assert!(deployed.success, "{deployed:?}");
        revisions.insert(deployed.deployment_id);
    }
    let took = began.elapsed();
    stop.send(true).unwrap();
    let mut all = Sent::default();
    while let Some(sent) = sending.join_next().await {
        let sent = sent.unwrap();
        all.answered += sent.answered;
        all.failed.extend(sent.failed);
        all.longest = all.longest.max(sent.longest);
    }
    let per_second = all.answered as f64 / took.as_secs_f64();
    println!(
        "{upgrades} upgrades in {took:.1?}: {} tasks answered, {per_second:.0} a second of {rate} offered, longest {:.0?}, failed {}",
        all.answered,
        all.longest,
        all.failed.len()
    );
    assert_eq!(revisions.len(), upgrades as usize, "each upgrade is another revision");
    assert!(all.failed.is_empty(), "{} failed: {:?}", all.failed.len(), all.failed.first());
    // Otherwise hardly anything was offered while revisions changed.
    assert!(all.answered > upgrades as usize * 20, "{}", all.answered);
    let (api, task) =
        (connect(&site).await.unwrap(), submission(&site, &site.avs[0], "afterwards", b"7").await.unwrap());
    caller::verified(&site, &site.avs[0], &task, &api.submit(task.clone()).await.unwrap()).unwrap();
    executor.stop().await.unwrap();
}
