//! From a configuration or a call to a container that answers, and away again.

use hourglass_tests::running::caller::{connect, deploy_this, performers, proof, submission};
use hourglass_tests::running::command;
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::Avs;
use hourglass_tests::running::web;
use hourglass_tests::waiting::until_async;
use tonic::Code;

use super::{PATIENCE, answer, artifact, published, site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_configuration_on_both_curves_and_removed_again() {
    let site = site([Avs::ecdsa().env("GREETING", "secret-greeting"), Avs::bn254()]);
    let executor = Executor::start(&site).await.unwrap();
    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "configured").await, "9");
    }

    let api = connect(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let all = containers.settled(2, PATIENCE).await.unwrap();
    let listed = performers(&site, &api).await.unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    for avs in &site.avs {
        let container = containers.serving(&site, &api, avs).await.unwrap();
        let owner = containers.owner().unwrap();
        assert_eq!(container.name, format!("hourglass-{}-{}", &owner[..8], container.instance));
        assert_eq!(container.performer, avs.name);
        let inspected = containers.inspect(&container.id).await.unwrap();
        let told = serde_json::to_string(&inspected.config.as_ref().unwrap().labels).unwrap();
        assert!(!told.contains("secret-greeting"), "environment in labels: {told}");
        assert!(told.contains(&avs.address.to_string()), "{told}");
        // Reachable from this host only.
        let ports = inspected.network_settings.unwrap().ports.unwrap_or_default();
        for binding in ports.values().flatten().flatten() {
            assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"), "{ports:?}");
        }
    }
    assert!(listed.iter().all(|p| p.status == "InService" && p.application_healthy && p.resource_healthy));

    let metrics = web::get(site.ports.metrics, "/metrics").unwrap().body;
    assert!(metrics.contains("hourglass_engine_up 1\n"), "{metrics}");
    assert!(metrics.contains("hourglass_condition{condition=\"engine\"} 1\n"), "{metrics}");

    // One is removed: it is gone from the engine, and the other does not notice.
    let id = listed.iter().find(|p| p.avs_address == site.avs[0].address.to_string()).unwrap().performer_id.clone();
    api.remove(&id, Some(proof(&site, &api).await.unwrap())).await.unwrap();
    let left = containers.settled(1, PATIENCE).await.unwrap();
    assert_eq!(left[0].performer, site.avs[1].name);
    assert!(all.contains(&left[0]), "the other one is the same container");
    assert_eq!(answer(&site, &site.avs[1], "after the other was removed").await, "9");

    // The executor goes, what is wanted stays.
    executor.stop().await.unwrap();
    assert_eq!(containers.all().await.unwrap(), left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_digest_and_back_to_the_one_before() {
    let site = site([Avs::ecdsa()]);
    let _executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    let avs = &site.avs[0];
    let first = artifact(avs, &[]);
    let deployed = deploy_this(&site, &api, first.clone()).await.unwrap();
    assert!(deployed.success, "{deployed:?}");
    assert_eq!(answer(&site, avs, "deployed").await, "9");
    let listed = performers(&site, &api).await.unwrap();
    let serving = listed.iter().find(|p| p.performer_id == deployed.deployment_id).unwrap();
    assert_eq!((&serving.artifact_registry, &serving.artifact_digest), (&published().repository, &published().digest));

    let second = deploy_this(&site, &api, artifact(avs, &[("COUNT_IN_ANSWER", "1")])).await.unwrap();
    assert_ne!(second.deployment_id, deployed.deployment_id);
    assert_eq!(answer(&site, avs, "second").await, "9#run1");

    // The same as before is the same revision again, not a third.
    let back = deploy_this(&site, &api, first).await.unwrap();
    assert_eq!(back.deployment_id, deployed.deployment_id);
    assert_eq!(answer(&site, avs, "back").await, "9");
    let containers = Containers::of(&site).await.unwrap();
    let left = containers.settled(1, PATIENCE).await.unwrap();
    assert_eq!(left[0].image, format!("{}@{}", published().repository, published().digest));
}

/// What cannot serve is given up with its cause and its last words, and what serves goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_upgrade_keeps_serving() {
    let site = site([Avs::ecdsa().line("upgrade: {ready_deadline: 10s}")]);
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    let avs = &site.avs[0];
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.serving(&site, &api, avs).await.unwrap();
    for (env, causes) in [
        (&[("CRASH_AT_START", "1"), ("CRASH_EXIT_CODE", "42")][..], &["42", "crashing at start, as told"][..]),
        (&[("REFUSE_HEALTH", "1")], &["NOT_SERVING"]),
    ] {
        let deploying = {
            let (api, request) = (api.clone(), artifact(avs, env));
            let proof = proof(&site, &api).await.unwrap();
            tokio::spawn(async move { api.deploy(request, Some(proof)).await })
        };
        let mut served = 0;
        while !deploying.is_finished() {
            let task = submission(&site, avs, &format!("{causes:?} {served}"), b"3").await.unwrap();
            assert_eq!(api.submit(task).await.unwrap().output, b"9");
            served += 1;
        }
        let refusal = hourglass_tests::running::caller::refusal(deploying.await.unwrap().unwrap_err()).unwrap();
        assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
        for cause in causes {
            assert!(refusal.message.contains(cause), "'{cause}' is not in: {}", refusal.message);
        }
        assert!(served > 3, "{served}");
        let settled = containers.settled(1, PATIENCE).await.unwrap();
        assert_eq!(settled, std::slice::from_ref(&before));
    }
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_is_not_there_is_said_and_the_rest_serves() {
    let missing = Avs::ecdsa().image("hourglass-tests/no-such-image:1").line("image_pull_policy: Never");
    let site = site([missing, Avs::bn254()]);
    let mut executor = Executor::spawn(&site).unwrap();
    let served = until_async("the one that can serve", PATIENCE, async || {
        let page = web::get(site.ports.health, "/ready")?;
        anyhow::ensure!(page.status == 200 && page.body.contains("not serving: squares-ecdsa"), "{}", page.body);
        Ok(())
    });
    served.await.unwrap();
    assert_eq!(answer(&site, &site.avs[1], "beside one without image").await, "9");
    let told = until_async("the cause in the log", PATIENCE, async || {
        let log = executor.log();
        anyhow::ensure!(log.contains("hourglass-tests/no-such-image:1") && log.contains("(ImageNotPresent)"), "{log}");
        Ok(())
    });
    told.await.unwrap();
    executor.signal(rustix::process::Signal::TERM).unwrap();
    assert!(executor.ended(PATIENCE).await.unwrap().success());
}

/// The commands of the binary, as somebody types them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_command_line() {
    let site = site([Avs::ecdsa()]);
    let _executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let config = site.config().display().to_string();
    let address = avs.address.to_string();
    let run = async |arguments: &[&str]| {
        let all = [&["performers"], arguments, &["--config", &config]].concat();
        command::run(site.directory(), &all, "").await.unwrap()
    };
    let deploy = ["deploy", "--avs", &address, "--registry", &published().repository, "--digest", &published().digest];
    let deployed = run(&[&deploy[..], &["--env", "COUNT_IN_ANSWER=1"]].concat()).await;
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    assert_eq!(answer(&site, avs, "from the command line").await, "9#run1");
    let listed = run(&["list"]).await;
    assert!(listed.stdout.contains("InService") && listed.stdout.contains(&published().digest[..19]), "{listed:?}");
    let unknown = format!("sha256:{}", "00".repeat(32));
    let refused =
        run(&["deploy", "--avs", &address, "--registry", &published().repository, "--digest", &unknown]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("was given up"), "{refused:?}");
    assert_eq!(answer(&site, avs, "after a digest that nobody has").await, "9#run1");
}
