//! What the executor shows of itself: metrics, health, reflection.

use std::time::Duration;

use hourglass_tests::running::caller::{answered, submission};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::running::web;
use hourglass_tests::waiting::until_async;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_and_health() {
    let site = Site::new([Avs::ecdsa(), Avs::bn254()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let task = submission(&site, avs, "measured", b"3").await.unwrap();
    answered(&site, avs, &task).await.unwrap();
    answered(&site, avs, &task).await.unwrap();

    let page = web::get(site.ports.metrics, "/metrics").unwrap();
    assert_eq!(page.status, 200);
    assert!(page.head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{}", page.head);
    // The names of the contract, exactly.
    for line in [
        "# TYPE performer_count gauge",
        "performer_count 2",
        "# TYPE task_processing_duration histogram",
        "# TYPE performer_connection_errors counter",
        r#"performer_connection_errors{performer="squares-ecdsa"} 0"#,
        "hourglass_journal_records_total 1",
    ] {
        assert!(page.body.lines().any(|each| each == line), "{line}:\n{}", page.body);
    }
    for (outcome, count) in [("executed", 1), ("replayed", 1)] {
        let labels = format!("{{avs=\"{}\",outcome=\"{outcome}\"}} {count}", avs.address);
        let line = format!("task_processing_duration_count{labels}");
        assert!(page.body.contains(&line), "{line}:\n{}", page.body);
    }
    for path in ["/health", "/ready", "/startup"] {
        let page = web::get(site.ports.health, path).unwrap();
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let _json: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    }
    assert_eq!(web::get(site.ports.metrics, "/").unwrap().status, 404);
    assert_eq!(web::get(site.ports.health, "/elsewhere").unwrap().status, 404);

    // One id from the request to the performer, in every line about the task; and no key anywhere.
    let log = executor.log();
    let lines: Vec<serde_json::Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.iter().any(|line| line.to_string().contains(&task.task_id)), "{log}");
    let secret = const_hex::encode(site.operator_ecdsa.to_bytes().expose());
    assert!(!log.contains(&secret));
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_and_grpc_health() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let channel =
        Endpoint::from_shared(format!("http://127.0.0.1:{}", site.ports.tasks)).unwrap().connect().await.unwrap();
    let ask = |request| ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let questions = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("eigenlayer.hourglass.v1.ExecutorService".into())),
    ];
    let mut reflection = ServerReflectionClient::new(channel.clone());
    let mut answers = reflection.server_reflection_info(tokio_stream::iter(questions)).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services")
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "eigenlayer.hourglass.v1.ExecutorManagementService",
            "eigenlayer.hourglass.v1.ExecutorService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "hourglass.admin.v1.PerformerUpgradeService",
        ]
    );
    let described = answers.message().await.unwrap().unwrap().message_response;
    assert!(matches!(described, Some(MessageResponse::FileDescriptorResponse(_))), "{described:?}");

    let mut health = HealthClient::new(channel);
    for service in ["", "eigenlayer.hourglass.v1.ExecutorService"] {
        // It follows readiness, some milliseconds later.
        let serving = until_async("health", Duration::from_secs(10), async || {
            let request = HealthCheckRequest { service: service.into() };
            let status = health.check(request).await?.into_inner().status();
            anyhow::ensure!(status == ServingStatus::Serving, "'{service}': {status:?}");
            Ok(())
        });
        serving.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_where_the_configuration_says() {
    let site = Site::new([]).unwrap().set("metrics.path=/internal/{metrics}");
    let _executor = Executor::start(&site).await.unwrap();
    let page = web::get(site.ports.metrics, "/internal/{metrics}").unwrap();
    assert!(page.status == 200 && page.body.contains("\nperformer_count 0\n"), "{page:?}");
    let elsewhere = web::get(site.ports.metrics, "/metrics").unwrap();
    assert!(elsewhere.status == 404 && elsewhere.body.contains("/internal/{metrics}"), "{elsewhere:?}");
}
