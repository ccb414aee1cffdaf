//! Management over the wire: who may, in which words, and what a deployment outlives.

use std::time::Duration;

use hourglass_core::ports::ResultSigner as _;
use hourglass_core::service::AuthProof;
use hourglass_core::task::challenge_message;
use hourglass_grpc::api::{ApiOptions, ExecutorApi};
use hourglass_grpc::proto::v1::DeployArtifactRequest;
use hourglass_keys::{Bn254Signer, EcdsaSigner};
use hourglass_tests::running::caller::{
    self, Refusal, answered, artifact, connect, deploy, performers, proof, submission,
};
use hourglass_tests::running::command;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use tonic::Code;

async fn list(api: &ExecutorApi, proof: Option<AuthProof>) -> Result<usize, Refusal> {
    match api.list("", proof).await {
        Ok(performers) => Ok(performers.len()),
        Err(error) => Err(caller::refusal(error).unwrap()),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Code {
    result.unwrap_err().code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_operator_and_only_once() {
    let site = Site::new([Avs::ecdsa()]).unwrap().set("authentication.challenge_ttl=2s");
    let _executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();

    let refusal = list(&api, None).await.unwrap_err();
    assert_eq!(refusal.code, Code::Unauthenticated);
    assert!(refusal.message.contains("GetChallengeToken") && refusal.message.contains("authentication.enabled"));

    // Every call, not only this one; and what it asks for is not even looked at.
    let deploy_unproven = api.deploy(DeployArtifactRequest::default(), None).await.unwrap_err();
    assert_eq!(caller::refusal(deploy_unproven).unwrap().code, Code::Unauthenticated);
    let remove_unproven = api.remove("", None).await.unwrap_err();
    assert_eq!(caller::refusal(remove_unproven).unwrap().code, Code::Unauthenticated);

    let good = proof(&site, &api).await.unwrap();
    assert_eq!(list(&api, Some(good.clone())).await, Ok(1));
    assert_eq!(code(list(&api, Some(good)).await), Code::Unauthenticated, "a token is used once");

    let invented = "ab".repeat(32);
    let signature = EcdsaSigner::new(site.operator_ecdsa.clone())
        .sign_message(challenge_message(&invented).as_bytes())
        .await
        .unwrap();
    let invented = AuthProof { challenge_token: invented, signature };
    assert_eq!(code(list(&api, Some(invented)).await), Code::Unauthenticated, "a token that was never issued");

    // A wrong signature, on either curve, uses the token up.
    let fresh = proof(&site, &api).await.unwrap();
    let message = challenge_message(&fresh.challenge_token);
    let stranger = EcdsaSigner::new(site.aggregator_ecdsa.clone()).sign_message(message.as_bytes()).await.unwrap();
    let forged = AuthProof { signature: stranger, ..fresh.clone() };
    assert_eq!(code(list(&api, Some(forged)).await), Code::Unauthenticated);
    assert_eq!(code(list(&api, Some(fresh)).await), Code::Unauthenticated, "guessing is allowed once");
    let fresh = proof(&site, &api).await.unwrap();
    let message = challenge_message(&fresh.challenge_token);
    let bn254 = Bn254Signer::new(site.operator_bn254.clone()).sign_message(message.as_bytes()).await.unwrap();
    let wrong_curve = AuthProof { signature: bn254, ..fresh };
    assert_eq!(code(list(&api, Some(wrong_curve)).await), Code::Unauthenticated, "it has an ECDSA key");

    let late = proof(&site, &api).await.unwrap();
    let issued = std::time::Instant::now();
    let expired = until_async("the token's end", Duration::from_secs(10), async || {
        anyhow::ensure!(issued.elapsed() > Duration::from_millis(2100), "not yet");
        Ok(())
    });
    expired.await.unwrap();
    assert_eq!(code(list(&api, Some(late)).await), Code::Unauthenticated, "too late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_the_letter() {
    let site = Site::new([Avs::ecdsa().line("task: {deadline: 1s}")]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    let avs = &site.avs[0];

    // GetChallengeToken, in this order.
    let empty = caller::refusal(api.challenge("").await.unwrap_err()).unwrap();
    assert_eq!(empty.code, Code::InvalidArgument);
    let other =
        caller::refusal(api.challenge("0x7777777777777777777777777777777777777777").await.unwrap_err()).unwrap();
    assert_eq!(other.code, Code::PermissionDenied);
    let before = i64::from(caller::now());
    let challenge = api.challenge(site.operator().to_string()).await.unwrap();
    assert_eq!(challenge.token.len(), 64);
    assert!(challenge.token.bytes().all(|b| b.is_ascii_hexdigit()), "{}", challenge.token);
    assert!((before + 295..=before + 330).contains(&challenge.expires_at), "five minutes: {}", challenge.expires_at);

    let wanted = artifact(avs, &[]).unwrap();
    for (request, code, message) in [
        (
            DeployArtifactRequest { avs_address: String::new(), ..wanted.clone() },
            Code::InvalidArgument,
            "AVS address is required",
        ),
        (
            DeployArtifactRequest { digest: String::new(), ..wanted.clone() },
            Code::InvalidArgument,
            "Artifact digest is required",
        ),
        (
            DeployArtifactRequest { registry_url: String::new(), ..wanted.clone() },
            Code::InvalidArgument,
            "Registry URL is required",
        ),
    ] {
        let proof = proof(&site, &api).await.unwrap();
        let refusal = caller::refusal(api.deploy(request, Some(proof)).await.unwrap_err()).unwrap();
        assert_eq!((refusal.code, refusal.message.as_str()), (code, message));
    }
    let unsigned = proof(&site, &api).await.unwrap();
    let refusal = caller::refusal(api.remove("", Some(unsigned)).await.unwrap_err()).unwrap();
    assert_eq!((refusal.code, refusal.message.as_str()), (Code::InvalidArgument, "performer ID is required"));
    let unknown = proof(&site, &api).await.unwrap();
    let refusal = caller::refusal(api.remove("nobody", Some(unknown)).await.unwrap_err()).unwrap();
    assert_eq!(refusal.code, Code::NotFound);

    // One deployment at a time.
    let slow = artifact(avs, &[("READY_AFTER_MS", "3000")]).unwrap();
    let first = {
        let (api, proof, request) = (api.clone(), proof(&site, &api).await.unwrap(), slow.clone());
        tokio::spawn(async move { api.deploy(request, Some(proof)).await })
    };
    let staged = until_async("the staged revision", Duration::from_secs(20), async || {
        let all = performers(&site, &api).await?;
        anyhow::ensure!(all.len() == 2, "{all:?}");
        Ok(all)
    });
    let statuses: Vec<_> = staged.await.unwrap().into_iter().map(|performer| performer.status).collect();
    assert_eq!(statuses, ["InService", "Staged"]);
    let second = api.deploy(wanted, Some(proof(&site, &api).await.unwrap())).await;
    let refusal = caller::refusal(second.unwrap_err()).unwrap();
    assert_eq!((refusal.code, refusal.message.as_str()), (Code::AlreadyExists, "deployment already in progress"));
    let deployed = first.await.unwrap().unwrap();
    assert!(deployed.success && !deployed.deployment_id.is_empty());
    assert_eq!(deployed.message, "Deployment completed successfully");

    let listed = until_async("one revision", Duration::from_secs(20), async || {
        let all = performers(&site, &api).await?;
        anyhow::ensure!(all.len() == 1, "{all:?}");
        Ok(all)
    });
    let serving = listed.await.unwrap().remove(0);
    assert_eq!(serving.performer_id, deployed.deployment_id);
    assert_eq!((serving.status.as_str(), &serving.avs_address), ("InService", &avs.address.to_string()));
    assert_eq!(serving.artifact_digest, slow.digest);
    assert!(serving.resource_healthy && serving.application_healthy && !serving.last_health_check.is_empty());

    let removed = api.remove(&serving.performer_id, Some(proof(&site, &api).await.unwrap())).await.unwrap();
    assert_eq!(removed, format!("Performer {} removed successfully", serving.performer_id));
    let gone = until_async("an empty list", Duration::from_secs(30), async || {
        let all = performers(&site, &api).await?;
        anyhow::ensure!(all.is_empty(), "{all:?}");
        Ok(())
    });
    gone.await.unwrap();
    // A task now fails with a code that is retried: somebody may deploy again.
    let task = submission(&site, avs, "removed", b"3").await.unwrap();
    assert_eq!(caller::refused(&api, task).await.unwrap().code, Code::Unavailable);
    executor.stop().await.unwrap();
}

/// What the performer answers to 3.
async fn answer(site: &Site, label: &str) -> Vec<u8> {
    let avs = &site.avs[0];
    answered(site, avs, &submission(site, avs, label, b"3").await.unwrap()).await.unwrap().output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_holds_until_the_configuration_changes() {
    let mut site = Site::new([Avs::ecdsa()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(answer(&site, "configured").await, b"9");
    let api = connect(&site).await.unwrap();
    let avs = site.avs[0].clone();
    assert!(deploy(&site, &api, &avs, &[("COUNT_IN_ANSWER", "1")]).await.unwrap().success);
    assert_eq!(answer(&site, "deployed").await, b"9#run1");

    executor.stop().await.unwrap();
    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(answer(&site, "after a restart").await, b"9#run1");
    executor.kill().unwrap();
    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(answer(&site, "after a kill").await, b"9#run1");

    // A change of something else does not count as one.
    executor.stop().await.unwrap();
    site.avs[0] = avs.clone().line("task: {deadline: 20s}");
    site.write().unwrap();
    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(answer(&site, "after a change of something else").await, b"9#run1");

    executor.stop().await.unwrap();
    site.avs[0] = avs.env("COLOUR", "blue");
    site.write().unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let switched = until_async("the configuration's artifact", Duration::from_secs(30), async || {
        let label = format!("after a change {:?}", std::time::Instant::now());
        let output = answer(&site, &label).await;
        anyhow::ensure!(output == b"9", "{output:?}");
        Ok(())
    });
    switched.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_performer_stays_removed() {
    let site = Site::new([Avs::ecdsa(), Avs::bn254()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    let name = site.avs[0].name.clone();
    api.remove(&name, Some(proof(&site, &api).await.unwrap())).await.unwrap();
    executor.kill().unwrap();
    let mut executor = Executor::spawn(&site).unwrap();
    executor.serving().await.unwrap();
    let api = connect(&site).await.unwrap();
    let left = until_async("its end", Duration::from_secs(30), async || {
        let all = performers(&site, &api).await?;
        anyhow::ensure!(all.len() == 1, "{all:?}");
        Ok(all)
    });
    assert_eq!(left.await.unwrap()[0].avs_address, site.avs[1].address.to_string());
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_authentication_on_loopback_only() {
    let site = Site::new([Avs::ecdsa()]).unwrap().set("authentication.enabled=false");
    let listen = format!("127.0.0.1:{}", site.ports.spare);
    let site = site.set(format!("management.listen={listen}"));
    let _executor = Executor::start(&site).await.unwrap();

    let beside_tasks = connect(&site).await.unwrap();
    assert_eq!(code(list(&beside_tasks, None).await), Code::Unimplemented, "where strangers come, there is none");
    let api = ExecutorApi::connect(ApiOptions::new(listen)).await.unwrap();
    assert_eq!(list(&api, None).await, Ok(1));
    let challenge = |address: String| {
        let api = api.clone();
        async move { caller::refusal(api.challenge(address).await.unwrap_err()).unwrap().code }
    };
    assert_eq!(challenge(String::new()).await, Code::InvalidArgument);
    assert_eq!(challenge("0x7777777777777777777777777777777777777777".into()).await, Code::PermissionDenied);
    assert_eq!(challenge(site.operator().to_string()).await, Code::Unimplemented);

    // Any other address is a mistake, and said before anything starts.
    let config = site.config().display().to_string();
    let arguments = [
        "run",
        "--config",
        &config,
        "--set",
        "authentication.enabled=false",
        "--set",
        "management.listen=0.0.0.0:9096",
    ];
    let ended = command::run(site.directory(), &arguments, "").await.unwrap();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("management.listen"), "{}", ended.stderr);
}
