//! What others wrote works unchanged: performers on the published Go SDK answer tasks, and Go clients on the published
//! stubs submit, authenticate, deploy, list and remove. Their libraries, not ours, verify what we sign.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hourglass_environment::image::{Image, Pushed, push};
use hourglass_tests::binaries::Binaries;
use hourglass_tests::running::caller::{connect, serving_pid};
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::dropin::{Programs, manage, submit};
use hourglass_tests::running::executor::{Executor, PATIENCE};
use hourglass_tests::running::processes;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::docker::{ground, published, site};

/// What the squares of 7, and its cubes, look like.
const SQUARE: &str = "0x31";
const CUBE: &str = "0x0157";

/// An AVS whose performer is theirs.
fn theirs(avs: Avs) -> Avs {
    avs.image(Programs::get().unwrap().performer.display().to_string())
}

/// The flags that deploy a program.
fn artifact(avs: &Avs, program: &Path, env: &str) -> [(&'static str, String); 4] {
    let digest = format!("sha256:{}", const_hex::encode(Sha256::digest(std::fs::read(program).unwrap())));
    let registry = format!("file://{}", program.display());
    [("avs", avs.address.to_string()), ("digest", digest), ("registry", registry), ("env", env.to_owned())]
}

async fn deploy(site: &Site, flags: &[(&'static str, String)]) -> Value {
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    manage(site, "deploy", &flags).await.unwrap().unwrap()
}

fn listed(list: &Value) -> &[Value] {
    // Their stubs leave out what is empty.
    list.get("performers").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_performer_answers_and_their_libraries_verify() {
    let site = Site::new([theirs(Avs::ecdsa()), theirs(Avs::bn254())]).unwrap().set("log_level=debug");
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    for avs in &site.avs {
        let outputs = submit(&site, avs, &avs.name, "0x7", &[("count", "3")]).await.unwrap().unwrap();
        assert_eq!(outputs, [SQUARE; 3]);
        // The SDK has one code for whatever its user's code returns, and it is one that is tried again.
        let label = format!("{} invalid", avs.name);
        let refused = submit(&site, avs, &label, "seven", &[("once", "true")]).await.unwrap().unwrap_err();
        assert_eq!(refused.code, "Internal");
        assert!(refused.message.contains("task is invalid") && refused.message.contains("seven"), "{refused:?}");

        let pid = serving_pid(&site, &api, avs).await.unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        let label = format!("{} killed", avs.name);
        assert_eq!(submit(&site, avs, &label, "0x7", &[]).await.unwrap().unwrap(), [SQUARE]);
        // Its answer may overtake the list.
        let another = until_async("another process", PATIENCE, async || {
            anyhow::ensure!(serving_pid(&site, &api, avs).await? != pid, "still {pid}");
            Ok(())
        });
        another.await.unwrap();
    }
    executor.stop().await.unwrap();
    assert_eq!(processes::of(site.directory()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_shutdown_is_waited_for() {
    let site = Site::new([theirs(Avs::ecdsa())]).unwrap().set("log_level=debug");
    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(submit(&site, &site.avs[0], "one", "0x7", &[]).await.unwrap().unwrap(), [SQUARE]);
    let began = std::time::Instant::now();
    let log = site.path("executor.log");
    executor.stop().await.unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("every task has ended: goodbye"), "it was killed before it had ended:\n{log}");
    // The SDK waits until our connections are closed: a client that holds them would cost the whole grace (10 s).
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// The performer dies of SIGTERM in the middle of whatever it does, so it must be idle when it gets one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_lose_no_task_of_a_performer_that_takes_no_notice_of_signals() {
    let avs = theirs(Avs::ecdsa()).env("TASK_DELAY_MS", 40).env("SHUTDOWN", "none");
    let site = Arc::new(Site::new([avs]).unwrap());
    let executor = Executor::start(&site).await.unwrap();
    let sending = {
        let site = Arc::clone(&site);
        // Each on a connection of its own that is never closed, as the known aggregator does, and none of them twice.
        let flags = [("count", "250"), ("once", "true")];
        tokio::spawn(async move { submit(&site, &site.avs[0], "during upgrades", "0x7", &flags).await.unwrap() })
    };
    for power in ["3", "2", "3"] {
        let flags = artifact(&site.avs[0], &Programs::get().unwrap().performer, &format!("POWER={power}"));
        assert_eq!(deploy(&site, &flags).await["success"], true);
    }
    assert_eq!(submit(&site, &site.avs[0], "afterwards", "0x7", &[]).await.unwrap().unwrap(), [CUBE]);
    let outputs = sending.await.unwrap().unwrap();
    assert_eq!(outputs.len(), 250);
    assert!(outputs.iter().all(|output| output == SQUARE || output == CUBE), "{outputs:?}");
    let mut versions = outputs;
    versions.dedup();
    assert!(versions.len() >= 2, "no upgrade happened while tasks were sent: {versions:?}");
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_management_client_deploys_lists_and_removes() {
    let site = Site::new([Avs::ecdsa(), Avs::bn254()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];

    let challenge = manage(&site, "challenge", &[]).await.unwrap().unwrap();
    assert_eq!(challenge["challenge_token"].as_str().unwrap().len(), 64);
    let deployed = deploy(&site, &artifact(avs, &Programs::get().unwrap().performer, "POWER=3")).await;
    assert_eq!(
        (&deployed["success"], &deployed["message"]),
        (&true.into(), &"Deployment completed successfully".into())
    );
    assert_eq!(submit(&site, avs, "deployed", "0x7", &[]).await.unwrap().unwrap(), [CUBE]);

    // What served before is listed until it has gone.
    let settled = until_async("one of each", PATIENCE, async || {
        let list = manage(&site, "list", &[]).await?.unwrap();
        anyhow::ensure!(listed(&list).len() == 2, "{list}");
        Ok(())
    });
    settled.await.unwrap();
    let address = avs.address.checksummed();
    let list = manage(&site, "list", &[("avs", &address)]).await.unwrap().unwrap();
    let [performer] = listed(&list) else { panic!("{list}") };
    assert_eq!(performer["performer_id"], deployed["deployment_id"]);
    assert_eq!(
        (&performer["status"], &performer["avs_address"]),
        (&"InService".into(), &avs.address.to_string().into())
    );
    assert_eq!((&performer["resource_healthy"], &performer["application_healthy"]), (&true.into(), &true.into()));

    let id = deployed["deployment_id"].as_str().unwrap();
    let removed = manage(&site, "remove", &[("id", id)]).await.unwrap().unwrap();
    assert_eq!(removed["message"], format!("Performer {id} removed successfully"));
    let gone = until_async("its end", PATIENCE, async || {
        let list = manage(&site, "list", &[("avs", &address)]).await?.unwrap();
        anyhow::ensure!(listed(&list).is_empty(), "{list}");
        // Challenges are rationed.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    });
    gone.await.unwrap();
    let again = manage(&site, "remove", &[("id", id)]).await.unwrap().unwrap_err();
    assert_eq!(again.code, "NotFound");

    let stranger = site.aggregator(avs).address.to_string();
    let refused = manage(&site, "list", &[("operator", &stranger)]).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "PermissionDenied");
    let forged = site.path("aggregator-ecdsa.key").display().to_string();
    let refused = manage(&site, "list", &[("key", &forged)]).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "Unauthenticated");
    executor.stop().await.unwrap();
}

/// The known client gives an attempt ten seconds, and then repeats it with the token that it has used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_goes_on_when_their_client_has_lost_its_patience() {
    let site = Site::new([theirs(Avs::ecdsa())]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let flags = artifact(avs, &Binaries::get().unwrap().performer, "READY_AFTER_MS=11500");
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = manage(&site, "deploy", &flags).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "Unauthenticated");
    assert!(refused.message.contains("ListPerformers"), "{refused:?}");
    let deployed = until_async("the new performer's service", PATIENCE, async || {
        let list = manage(&site, "list", &[]).await?.unwrap();
        anyhow::ensure!(
            listed(&list).iter().any(|p| p["artifact_digest"] == flags[1].1 && p["status"] == "InService"),
            "{list}"
        );
        // Challenges are rationed.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    });
    deployed.await.unwrap();
    executor.stop().await.unwrap();
}

/// Most known clients send no authentication, to the port of the tasks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_authentication_is_told_what_to_configure() {
    let plain = [("unauthenticated", "true")];
    let site = Site::new([theirs(Avs::ecdsa())]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let refused = manage(&site, "list", &plain).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "Unauthenticated");
    assert!(refused.message.contains("authentication.enabled"), "{refused:?}");
    executor.stop().await.unwrap();

    let management = format!("127.0.0.1:{}", site.ports.spare);
    let site = site.set("authentication.enabled=false").set(format!("management.listen={management}"));
    let executor = Executor::start(&site).await.unwrap();
    let there = [plain[0], ("executor", management.as_str())];
    assert_eq!(listed(&manage(&site, "list", &there).await.unwrap().unwrap()).len(), 1);
    // One that does authenticate learns why it cannot.
    let refused = manage(&site, "list", &there[1..]).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "Unimplemented");
    assert!(refused.message.contains("authentication"), "{refused:?}");
    // Whoever comes to the wrong port learns the right one.
    for flags in [&plain[..], &[]] {
        let refused = manage(&site, "list", flags).await.unwrap().unwrap_err();
        assert_eq!(refused.code, "Unimplemented");
        assert!(refused.message.contains("management.listen") && refused.message.contains(&management), "{refused:?}");
    }
    executor.stop().await.unwrap();
}

/// Aggregators of the age of the pinned stubs sign the payload alone and send no version: what they sign could be
/// replayed for any task, so no option lets it in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregator_older_than_the_signed_submission_is_refused() {
    let site = Site::new([theirs(Avs::ecdsa()), theirs(Avs::bn254())]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    for avs in &site.avs {
        let refused = submit(&site, avs, "old", "0x7", &[("pinned", "true")]).await.unwrap().unwrap_err();
        // Outside development it does not come so far: see `refusals`.
        assert_eq!(refused.code, "Unauthenticated", "{refused:?}");
    }
    executor.stop().await.unwrap();
}

/// One of their programs as an image of nothing else, on the engine of the suites.
fn in_an_image(name: &str, program: &Path, exposed: Option<u16>) -> String {
    let name = format!("hourglass-tests/{name}:1");
    let image = Image::new(&name).file("/performer", std::fs::read(program).unwrap(), 0o755).entrypoint(["/performer"]);
    let image = exposed.into_iter().fold(image, Image::exposed);
    image.load(ground().host()).unwrap();
    name
}

/// The flags that deploy an image, after it was pushed to the registry of the suites.
fn pushed(avs: &Avs, image: &str) -> [(&'static str, String); 3] {
    let (registry, _) = published().repository.rsplit_once('/').unwrap();
    let (_, name) = image.rsplit_once('/').unwrap();
    let repository = format!("{registry}/{}", name.trim_end_matches(":1"));
    let Pushed { repository, digest, .. } = push(ground().host(), image, &repository, "1", None).unwrap();
    [("avs", avs.address.to_string()), ("digest", digest), ("registry", repository)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_container_their_port_is_found() {
    let programs = Programs::get().unwrap();
    // The one listens on 8080 whatever it is told, and its image says so; the other listens where it is told.
    let stubborn = in_an_image("performer-8080", &programs.performer_8080, Some(8080));
    let told = in_an_image("performer-told", &programs.performer, None);
    let site = site([Avs::ecdsa().image(&stubborn), Avs::bn254().image(&told)]);
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    for avs in &site.avs {
        let outputs = submit(&site, avs, &avs.name, "0x7", &[("count", "3")]).await.unwrap().unwrap();
        assert_eq!(outputs, [SQUARE; 3]);
        let serving = containers.serving(&site, &api, avs).await.unwrap();
        containers.kill(&serving.id, "SIGKILL").await.unwrap();
        let label = format!("{} killed", avs.name);
        assert_eq!(submit(&site, avs, &label, "0x7", &[]).await.unwrap().unwrap(), [SQUARE]);

        // Where nothing is filled in, an aggregator of the age of the stubs is told which field it lacks.
        let refused = submit(&site, avs, "old", "0x7", &[("pinned", "true")]).await.unwrap().unwrap_err();
        assert_eq!(refused.code, "InvalidArgument");
        assert!(refused.message.contains("version"), "{refused:?}");
    }
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_containers_upgrades_lose_no_task_either() {
    let programs = Programs::get().unwrap();
    let stubborn = in_an_image("performer-8080", &programs.performer_8080, Some(8080));
    let site = Arc::new(site([Avs::ecdsa().image(&stubborn).env("TASK_DELAY_MS", 40)]));
    let executor = Executor::start(&site).await.unwrap();
    let sending = {
        let site = Arc::clone(&site);
        let flags = [("count", "400"), ("once", "true")];
        tokio::spawn(async move { submit(&site, &site.avs[0], "during upgrades", "0x7", &flags).await.unwrap() })
    };
    let flags = pushed(&site.avs[0], &stubborn);
    for power in ["3", "2", "3"] {
        let flags: Vec<_> = flags.iter().cloned().chain([("env", format!("POWER={power}"))]).collect();
        assert_eq!(deploy(&site, &flags).await["success"], true);
    }
    assert_eq!(submit(&site, &site.avs[0], "afterwards", "0x7", &[]).await.unwrap().unwrap(), [CUBE]);
    let mut versions = sending.await.unwrap().unwrap();
    assert_eq!(versions.len(), 400);
    versions.dedup();
    assert!(versions.len() >= 2, "no upgrade happened while tasks were sent: {versions:?}");

    let list = manage(&site, "list", &[]).await.unwrap().unwrap();
    let [performer] = listed(&list) else { panic!("{list}") };
    assert_eq!(performer["artifact_digest"].as_str().unwrap(), flags[1].1);
    let id = performer["performer_id"].as_str().unwrap();
    assert_eq!(manage(&site, "remove", &[("id", id)]).await.unwrap().unwrap()["success"], true);
    Containers::of(&site).await.unwrap().settled(0, PATIENCE).await.unwrap();
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_does_not_say_where_it_listens_is_explained() {
    let silent = in_an_image("performer-silent", &Programs::get().unwrap().performer_8080, None);
    // The known clients wait ten seconds for an answer.
    let site = site([Avs::ecdsa().line("upgrade: {ready_deadline: 4s}")]);
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let flags = pushed(avs, &silent);
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = manage(&site, "deploy", &flags).await.unwrap().unwrap_err();
    assert!(refused.message.contains("set its port, or let its image expose 8080"), "{refused:?}");
    assert_eq!(submit(&site, avs, "still serving", "7", &[]).await.unwrap().unwrap(), ["31"], "the one before it");
    executor.stop().await.unwrap();
}
