use std::net::Ipv4Addr;

use hourglass_core::performer::{EnvSource, EnvVar};
use hourglass_core::service::{
    AuthProof, DeployRequest, ManagementError, ManagementErrorKind as Kind, PerformerListing,
};
use hourglass_grpc::api::{ApiError, ApiOptions, ExecutorApi};
use hourglass_grpc::proto::v1::{DeployArtifactRequest, KubernetesConfig, PerformerEnv};
use tonic::Code;

use crate::support::{Management, Tasks, result, start, submission};

fn proof() -> Option<AuthProof> {
    Some(AuthProof { challenge_token: "cd".repeat(32), signature: vec![1, 2, 3] })
}

fn deploy_message() -> DeployArtifactRequest {
    DeployArtifactRequest {
        avs_address: "0xavs".into(),
        digest: "sha256:00".into(),
        registry_url: "registry/x".into(),
        env: vec![PerformerEnv { name: "HOME".into(), value_from_env: "HOME".into(), ..Default::default() }],
        kubernetes: Some(KubernetesConfig { service_account_name: "robot".into() }),
        auth: None,
    }
}

#[tokio::test]
async fn requests_and_answers_to_the_letter() {
    let listing = PerformerListing {
        performer_id: "p".into(),
        avs_address: "0xavs".into(),
        status: "InService".into(),
        artifact_registry: "r".into(),
        artifact_digest: "sha256:00".into(),
        artifact_tag: "t".into(),
        resource_healthy: true,
        application_healthy: false,
        last_health_check: "2026-01-02T03:04:05.000Z".into(),
        container_id: "c".into(),
    };
    let management = std::sync::Arc::new(Management { listing: vec![listing.clone()], ..Default::default() });
    let server = start(|_| {}, None, Some(management.clone())).await;
    let api = server.api().await;

    let deployed = api.deploy(deploy_message(), proof()).await.unwrap();
    assert!(deployed.success);
    assert_eq!(deployed.message, "Deployment completed successfully");
    assert_eq!(deployed.deployment_id, "deployment-1");
    let expected = DeployRequest {
        avs_address: "0xavs".into(),
        digest: "sha256:00".into(),
        registry_url: "registry/x".into(),
        env: vec![EnvVar { name: "HOME".into(), source: EnvSource::FromExecutor("HOME".into()) }],
        service_account: Some("robot".into()),
    };
    assert_eq!(*management.deployed.lock().unwrap(), [(expected, proof())]);

    let listed = api.list("", None).await.unwrap().remove(0);
    assert_eq!(
        (listed.performer_id, listed.avs_address, listed.status, listed.artifact_registry, listed.artifact_digest),
        (listing.performer_id, listing.avs_address, listing.status, listing.artifact_registry, listing.artifact_digest)
    );
    assert_eq!(
        (listed.resource_healthy, listed.application_healthy, listed.last_health_check, listed.container_id),
        (true, false, listing.last_health_check, listing.container_id)
    );
    assert_eq!(listed.artifact_tag, listing.artifact_tag);

    assert_eq!(api.remove("p-1", proof()).await.unwrap(), "Performer p-1 removed successfully");

    assert_eq!(api.promote("p-2", proof()).await.unwrap(), "Performer p-2 promoted successfully");
    assert_eq!(api.abort("p-3", None).await.unwrap(), "Upgrade of performer p-3 aborted successfully");
    assert_eq!(
        *management.upgraded.lock().unwrap(),
        [("promote p-2".to_owned(), proof()), ("abort p-3".to_owned(), None)]
    );

    let challenge = api.challenge("0xme").await.unwrap();
    assert_eq!((challenge.token, challenge.expires_at), ("ab".repeat(32), 1_800_000_000));
    let challenged = management.challenged.lock().unwrap();
    assert_eq!(*challenged, [("0xme".to_owned(), Some(Ipv4Addr::LOCALHOST.into()))]);
}

#[tokio::test]
async fn every_failure_has_its_code() {
    let management = std::sync::Arc::new(Management::default());
    let server = start(|_| {}, None, Some(management.clone())).await;
    let api = server.api().await;
    for (kind, expected) in [
        (Kind::InvalidArgument, Code::InvalidArgument),
        (Kind::Unauthenticated, Code::Unauthenticated),
        (Kind::PermissionDenied, Code::PermissionDenied),
        (Kind::NotFound, Code::NotFound),
        (Kind::AlreadyExists, Code::AlreadyExists),
        (Kind::FailedPrecondition, Code::FailedPrecondition),
        (Kind::Unimplemented, Code::Unimplemented),
        (Kind::ResourceExhausted, Code::ResourceExhausted),
        (Kind::DeadlineExceeded, Code::DeadlineExceeded),
        (Kind::Unavailable, Code::Unavailable),
    ] {
        let error = ManagementError { kind, message: format!("{kind:?} it is") };
        *management.fails.lock().unwrap() = Some(error);
        for refused in [
            api.deploy(deploy_message(), None).await.unwrap_err(),
            api.list("", None).await.unwrap_err(),
            api.remove("x", None).await.unwrap_err(),
            api.promote("x", None).await.unwrap_err(),
            api.abort("x", None).await.unwrap_err(),
            api.challenge("x").await.unwrap_err(),
        ] {
            let ApiError::Refused { code, message, reason } = refused else { panic!("{refused}") };
            assert_eq!((code, message, reason), (expected, format!("{kind:?} it is"), Some(format!("{kind:?}"))));
        }
    }
}

#[tokio::test]
async fn a_malformed_environment_is_refused_by_name() {
    let management = std::sync::Arc::new(Management::default());
    let server = start(|_| {}, None, Some(management.clone())).await;
    let mut message = deploy_message();
    message.env.push(PerformerEnv {
        name: "TWICE".into(),
        value: "v".into(),
        value_from_env: "HOME".into(),
        ..Default::default()
    });
    let refused = server.api().await.deploy(message, None).await.unwrap_err();
    let ApiError::Refused { code, message, .. } = refused else { panic!("{refused}") };
    assert_eq!(code, Code::InvalidArgument);
    assert!(message.starts_with("env[1] 'TWICE'"), "{message}");
    assert!(management.deployed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn management_keeps_to_its_own_listener() {
    let management_listen = Some((Ipv4Addr::LOCALHOST, 0).into());
    let tasks = Tasks::new(Ok(result()));
    let change = |options: &mut hourglass_grpc::server::ServerOptions| options.management_listen = management_listen;
    let server = start(change, Some(tasks), Some(Management::default().into())).await;
    let beside = server.api().await;
    let own = server.handle.management_addr().unwrap().to_string();
    let apart = ExecutorApi::connect(ApiOptions::new(own)).await.unwrap();
    assert!(apart.list("", None).await.is_ok());
    assert!(beside.submit(submission()).await.is_ok());
    assert!(apart.promote("p", None).await.is_ok());
    for refused in [
        beside.promote("p", None).await.unwrap_err(),
        beside.abort("p", None).await.unwrap_err(),
        apart.submit(submission()).await.unwrap_err(),
    ] {
        assert!(matches!(refused, ApiError::Refused { code: Code::Unimplemented, .. }), "{refused}");
    }
    // Known clients know one address: whoever comes to the wrong one is told.
    for refused in [beside.list("", None).await.unwrap_err(), beside.challenge("").await.unwrap_err()] {
        let ApiError::Refused { code: Code::Unimplemented, reason: Some(reason), message } = refused else {
            panic!("{refused}")
        };
        assert_eq!(reason, "ManagementElsewhere");
        assert!(message.contains("management.listen"), "{message}");
    }
}
