//! An upgrade of the configuration that waits: promoted and called off from the command line.

use std::time::Duration;

use hourglass_grpc::proto::v1::Performer;
use hourglass_tests::running::caller::{answered, connect, performers, submission};
use hourglass_tests::running::command::{self, Ended};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use rustix::process::Signal;

async fn run(site: &Site, line: &str) -> Ended {
    let line = format!("performers {line} --config executor.yaml");
    let arguments: Vec<&str> = line.split_whitespace().collect();
    command::run(site.directory(), &arguments, "").await.unwrap()
}

async fn answer(site: &Site, label: &str) -> Vec<u8> {
    let avs = &site.avs[0];
    answered(site, avs, &submission(site, avs, label, b"3").await.unwrap()).await.unwrap().output
}

/// Waits for the list to be so; every entry must name its artifact, whatever becomes of it.
async fn listed(site: &Site, statuses: &[&str]) -> Vec<Performer> {
    let api = connect(site).await.unwrap();
    let seen = until_async("the list", Duration::from_secs(40), async || {
        let all = performers(site, &api).await?;
        assert!(all.iter().all(|performer| !performer.artifact_registry.is_empty()), "{all:?}");
        anyhow::ensure!(all.iter().map(|performer| performer.status.as_str()).eq(statuses.iter().copied()), "{all:?}");
        anyhow::ensure!(all.iter().all(|performer| performer.application_healthy), "{all:?}");
        Ok(all)
    });
    seen.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promoted_and_called_off() {
    let first = Avs::ecdsa().line("upgrade: {strategy: BlueGreen, drain_deadline: 5s}");
    let mut site = Site::new([first.clone()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let configure = |site: &mut Site, avs: Avs| {
        site.avs[0] = avs;
        site.write().unwrap();
        executor.signal(Signal::HUP).unwrap();
    };
    let name = first.name.clone();
    let nothing = run(&site, &format!("promote {name}")).await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(nothing.stderr.contains("no upgrade of performer") && nothing.stderr.contains("FailedPrecondition"));

    configure(&mut site, first.clone().env("COUNT_IN_ANSWER", "1"));
    let both = listed(&site, &["InService", "Staged"]).await;
    assert_eq!(answer(&site, "still the first").await, b"9");
    let wrong = run(&site, &format!("promote {}", both[0].performer_id)).await;
    assert!(wrong.code == Some(1) && wrong.stderr.contains("is not what waits to take over"), "{wrong:?}");
    let staged = &both[1].performer_id;
    let promoted = run(&site, &format!("promote {staged}")).await;
    assert_eq!((promoted.code, promoted.stdout), (Some(0), format!("Performer {staged} promoted successfully\n")));
    assert_eq!(answer(&site, "the second").await, b"9#run1", "at once");
    let one = listed(&site, &["InService"]).await;
    assert_eq!(one[0].performer_id, *staged);

    // Called off, by its name; neither the same configuration nor a restart brings it back.
    configure(&mut site, first.clone());
    let both = listed(&site, &["InService", "Staged"]).await;
    let aborted = run(&site, &format!("abort {name}")).await;
    assert_eq!(
        (aborted.code, aborted.stdout),
        (Some(0), format!("Upgrade of performer {name} aborted successfully\n"))
    );
    assert_ne!(both[1].performer_id, one[0].performer_id);
    assert_eq!(listed(&site, &["InService"]).await[0].performer_id, one[0].performer_id);
    executor.stop().await.unwrap();
    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(listed(&site, &["InService"]).await[0].performer_id, one[0].performer_id);
    let again = run(&site, &format!("abort {name}")).await;
    assert!(again.code == Some(1) && again.stderr.contains("is under way"), "{again:?}");
    executor.stop().await.unwrap();
}
