use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::{Management, Running, Tasks, result, start, within};

const TASKS: &str = "eigenlayer.hourglass.v1.ExecutorService";
const MANAGEMENT: &str = "eigenlayer.hourglass.v1.ExecutorManagementService";

async fn channel(server: &Running) -> Channel {
    Channel::from_shared(format!("http://{}", server.addr())).unwrap().connect().await.unwrap()
}

async fn both() -> Running {
    start(|_| {}, Some(Tasks::new(Ok(result()))), Some(Management::default().into())).await
}

#[tokio::test]
async fn every_served_name_says_whether_it_is_ready() {
    let server = both().await;
    let mut client = HealthClient::new(channel(&server).await);
    for (ready, status) in [(true, 1), (false, 2), (true, 1)] {
        server.handle.set_ready(ready);
        for name in ["", TASKS, MANAGEMENT] {
            let answer = client.check(HealthCheckRequest { service: name.into() }).await.unwrap();
            assert_eq!(answer.into_inner().status, status, "{name}");
        }
    }
    let unknown = client.check(HealthCheckRequest { service: "x.Y".into() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn watching_tells_each_change() {
    let server = both().await;
    let mut client = HealthClient::new(channel(&server).await);
    let mut watch = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    for (ready, status) in [(true, 1), (false, 2), (true, 1)] {
        server.handle.set_ready(ready);
        assert_eq!(within("a change", watch.next()).await.unwrap().unwrap().status, status);
    }
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_nothing_else() {
    let server = both().await;
    let channel = channel(&server).await;
    let expected = [
        MANAGEMENT,
        TASKS,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "hourglass.admin.v1.PerformerUpgradeService",
    ];
    let list = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::iter([list])).await.unwrap().into_inner();
    let answer = within("the list", answers.next()).await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(listed) = answer else {
        panic!("{answer:?}")
    };
    let mut names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, expected);

    let describe = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(TASKS.into())),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::iter([describe])).await.unwrap().into_inner();
    let answer = within("the file", answers.next()).await.unwrap().unwrap().message_response.unwrap();
    assert!(
        matches!(&answer, v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_)),
        "{answer:?}"
    );
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let server = start(|options| options.reflection = false, Some(Tasks::new(Ok(result()))), None).await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel(&server).await);
    let refused = client.server_reflection_info(tokio_stream::iter([])).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
