//! Registries on their bad days: what is deployed from them fails with its reason, what served before goes on serving,
//! and a registry that is well again is all that is needed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hourglass_environment::image::Credentials;
use hourglass_environment::registry::{Fault, Part, Proxy, Registry};
use hourglass_grpc::proto::v1::{DeployArtifactRequest, DeployArtifactResponse};
use hourglass_tests::running::caller::{self, Refusal, connect, deploy_this};
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::ground::performer;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use tonic::Code;

use super::noise::{publish, unknown_performer};
use super::own::blocking;
use super::{PATIENCE, answer, published, site};

/// Within which a revision is to be ready. Everything here that can be, is sooner.
const READY_BY: Duration = Duration::from_secs(25);

/// An AVS, what is deployed for it, and what is said where that fails.
struct Case {
    avs: Avs,
    request: DeployArtifactRequest,
    says: &'static [&'static str],
}

impl Case {
    fn new(number: u8, repository: &str, digest: &str, says: &'static [&'static str]) -> Self {
        let avs = Avs::ecdsa().numbered(number).line(&format!("upgrade: {{ready_deadline: {}s}}", READY_BY.as_secs()));
        let request = caller::image(&avs, repository, digest, &[("COUNT_IN_ANSWER", "1")]);
        Self { avs, request, says }
    }
}

/// The name of an image as seen through a proxy.
fn through(proxy: &Proxy, repository: &str) -> String {
    let (_, name) = repository.split_once('/').unwrap();
    format!("{}/{name}", proxy.address())
}

/// All at once, each answering tasks meanwhile.
async fn deploy_all(site: &Arc<Site>, cases: &[Case], expected: &str) -> Vec<Result<DeployArtifactResponse, Refusal>> {
    let deployed = cases.iter().map(|case| {
        let (of_deploying, request) = (Arc::clone(site), case.request.clone());
        let deploying =
            tokio::spawn(
                async move { deploy_this(&of_deploying, &connect(&of_deploying).await.unwrap(), request).await },
            );
        async move {
            let mut number = 0;
            while !deploying.is_finished() {
                number += 1;
                let answer = answer(site, &case.avs, &format!("{expected} {number}")).await;
                assert!(answer == expected || deploying.is_finished() || answer == "9#run1", "{answer}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            deploying.await.unwrap()
        }
    });
    join_all(deployed).await
}

fn log_in(directory: &Path, registry: &str, account: &Credentials) {
    let auths = serde_json::json!({ registry: { "username": account.user, "password": account.password } });
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("config.json"), serde_json::json!({ "auths": auths }).to_string()).unwrap();
}

fn account(password: &str) -> Credentials {
    Credentials { user: "operator".into(), password: password.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_to_fail_is_told_apart_and_heals() {
    let (registry, guarded, unknown) = blocking(|| {
        let (registry, guarded) = (Registry::start()?, Registry::with_auth(&account("right"))?);
        let layers = ["hangs", "cut", "crawls", "corrupt"].map(|name| unknown_performer(&registry, name, 2 << 20));
        let image = performer("hourglass-tests/guarded:1")?;
        let guarded = (publish(&guarded, "guarded", &image, Some(&account("right"))), guarded);
        Ok((registry, guarded, layers))
    })
    .await
    .unwrap();
    let (private, guarded) = guarded;
    let plain = published();
    let plain_registry = plain.repository.split_once('/').unwrap().0;
    let faults = [
        (Part::All, Fault::Refuse),
        (Part::All, Fault::Status(503)),
        (Part::All, Fault::Unauthorized),
        (Part::All, Fault::TooManyRequests(Some(3))),
    ];
    let proxies: Vec<_> = faults.iter().map(|_| Proxy::before(plain_registry).unwrap()).collect();
    let blobs = [Fault::Hang, Fault::Cut(100_000), Fault::Slow(30_000)];
    let of_blobs: Vec<_> = blobs.iter().map(|_| Proxy::start(&registry).unwrap()).collect();
    let says: [&[&str]; 4] = [
        &["(ImagePullFailed)", "look at the registry"],
        &["(ImagePullFailed)", "503", "look at the registry"],
        &["(RegistryUnauthorised)", "no credentials for it", "docker login 127.0.0.1:"],
        &["(RegistryRateLimited)", "use an account"],
    ];
    let of_blobs_say: [&[&str]; 3] = [
        &["(ImagePullStalled)", "no progress within 6 s", "docker.pull_stall_timeout"],
        &["(ImagePullStalled)", "no progress within 6 s", "docker.pull_stall_timeout"],
        &["(ImagePull)", "not ready within 25 s", "MiB"],
    ];
    let mut cases = Vec::new();
    for ((proxy, (part, fault)), says) in proxies.iter().zip(faults).zip(says) {
        proxy.set(part, fault);
        cases.push(Case::new(cases.len() as u8, &through(proxy, &plain.repository), &plain.digest, says));
    }
    for (((proxy, fault), pushed), says) in of_blobs.iter().zip(blobs).zip(&unknown).zip(of_blobs_say) {
        proxy.set(Part::Blobs, fault);
        cases.push(Case::new(cases.len() as u8, &through(proxy, &pushed.repository), &pushed.digest, says));
    }
    let says = &["(RegistryUnauthorised)", "the credentials that we have do not do", "docker login"];
    cases.push(Case::new(cases.len() as u8, &private.repository, &private.digest, says));

    let directory = tempfile::tempdir().unwrap();
    log_in(directory.path(), guarded.address(), &account("wrong"));
    let site = site(cases.iter().map(|case| case.avs.clone()))
        .set(format!("docker.client_config_path={}", directory.path().display()))
        .set("docker.concurrent_pulls=16")
        .set("docker.pull_stall_timeout=6s");
    let site = Arc::new(site);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(cases.len(), PATIENCE).await.unwrap();

    for (case, deployed) in cases.iter().zip(deploy_all(&site, &cases, "9").await) {
        let refusal = deployed.unwrap_err();
        println!("{}", refusal.message);
        assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
        for words in case.says {
            assert!(refusal.message.contains(words), "'{words}' is not in: {}", refusal.message);
        }
        assert!(refusal.message.contains("what served before still does"), "{}", refusal.message);
    }
    assert_eq!(containers.settled(cases.len(), PATIENCE).await.unwrap(), before);

    proxies.iter().chain(&of_blobs).for_each(Proxy::clear);
    log_in(directory.path(), guarded.address(), &account("right"));
    for (case, deployed) in cases.iter().zip(deploy_all(&site, &cases, "9").await) {
        assert!(deployed.as_ref().is_ok_and(|deployed| deployed.success), "{}: {deployed:?}", case.avs.name);
        assert_eq!(answer(&site, &case.avs, "healed").await, "9#run1");
    }
    containers.settled(cases.len(), PATIENCE).await.unwrap();
    executor.stop().await.unwrap();
}

/// Troubles that pass while a deployment waits are not even told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_in_time_fails_nothing() {
    let names = ["limits-for-a-while", "cut-once", "slow-but-coming"];
    let (registry, pushed) = blocking(move || {
        let registry = Registry::start()?;
        let pushed = names.map(|name| unknown_performer(&registry, name, 2 << 20));
        Ok((registry, pushed))
    })
    .await
    .unwrap();
    let proxies = names.map(|_| Proxy::start(&registry).unwrap());
    proxies[0].set_times(Part::Manifests, Fault::TooManyRequests(Some(1)), 2);
    proxies[1].set_times(Part::Blobs, Fault::Cut(100_000), 1);
    proxies[2].set(Part::Blobs, Fault::Slow(1 << 20));
    let numbered = pushed.iter().zip(&proxies).zip(0..);
    let mut cases: Vec<_> = numbered
        .map(|((pushed, proxy), number)| Case::new(number, &through(proxy, &pushed.repository), &pushed.digest, &[]))
        .collect();
    // No progress for two seconds would end the slow one: it comes forth all the time.
    for case in &mut cases {
        case.avs.lines = vec!["upgrade: {ready_deadline: 120s}".to_owned()];
    }
    let site = site(cases.iter().map(|case| case.avs.clone())).set("docker.concurrent_pulls=16");
    let site = Arc::new(site);
    let executor = Executor::start(&site).await.unwrap();
    for (case, deployed) in cases.iter().zip(deploy_all(&site, &cases, "9").await) {
        assert!(deployed.as_ref().is_ok_and(|deployed| deployed.success), "{}: {deployed:?}", case.avs.name);
        assert_eq!(answer(&site, &case.avs, "in time").await, "9#run1");
    }
    assert!(executor.log().contains("RegistryRateLimited"), "otherwise this shows nothing");
    executor.stop().await.unwrap();
}

/// Containers that die are replaced from what is on the host: that takes no registry. Where each start is to ask it
/// (`Always`), that waits for the registry, and is done when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_dies_while_the_registry_is_down() {
    let plain = published();
    let proxy = Proxy::before(plain.repository.split_once('/').unwrap().0).unwrap();
    let image = format!("{}@{}", through(&proxy, &plain.repository), plain.digest);
    let always = Avs::ecdsa().numbered(2).image(&image).line("image_pull_policy: Always");
    let site = site([Avs::ecdsa().numbered(1).image(&image), always]);
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(2, PATIENCE).await.unwrap();
    proxy.set(Part::All, Fault::Refuse);
    for container in &before {
        containers.kill(&container.id, "SIGKILL").await.unwrap();
    }
    assert_eq!(answer(&site, &site.avs[0], "without registry").await, "9");
    let told = until_async("the reason", PATIENCE, async || {
        let log = executor.log();
        anyhow::ensure!(log.contains("ImagePullFailed"), "{log}");
        Ok(())
    });
    told.await.unwrap();
    assert!(containers.running(&site.avs[1]).await.unwrap().is_empty());
    proxy.clear();
    let after = containers.settled(2, PATIENCE).await.unwrap();
    assert!(after.iter().all(|container| before.iter().all(|old| old.id != container.id)), "{after:#?}");
    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "the registry is back").await, "9");
    }
    executor.stop().await.unwrap();
}
