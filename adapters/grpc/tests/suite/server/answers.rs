use std::time::Duration;

use hourglass_core::Address;
use hourglass_core::ports::{AuthorityError, CallError, SignatureError};
use hourglass_core::service::TaskError;
use hourglass_core::task::{Conflict, FieldError, TaskId};
use hourglass_grpc::api::ApiError;
use hourglass_grpc::proto::v1::TaskSubmission;
use hourglass_grpc::proto::v1::executor_service_client::ExecutorServiceClient;
use prost::Message as _;
use tonic::Code;

use crate::support::{Http2, Tasks, grpc_frame, result, start, submission};

#[tokio::test]
async fn every_field_arrives_and_returns_to_the_letter() {
    let tasks = Tasks::new(Ok(result()));
    let server = start(|_| {}, Some(tasks.clone()), None).await;
    let answer = server.api().await.submit(submission()).await.unwrap();
    assert_eq!(answer, result());
    let seen = tasks.seen.lock().unwrap();
    assert_eq!(seen[0].0, submission());
    assert_eq!(seen[0].1.peer, Some([127, 0, 0, 1].into()));
    assert_eq!(seen[0].1.traceparent, None);
}

#[tokio::test]
async fn a_trace_is_passed_on_only_if_it_has_its_form() {
    let tasks = Tasks::new(Ok(result()));
    let server = start(|_| {}, Some(tasks.clone()), None).await;
    let mut client = ExecutorServiceClient::connect(format!("http://{}", server.addr())).await.unwrap();
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for text in [good, "00-nonsense"] {
        let mut request = tonic::Request::new(TaskSubmission::default());
        request.metadata_mut().insert("traceparent", text.parse().unwrap());
        client.submit_task(request).await.unwrap();
    }
    let seen = tasks.seen.lock().unwrap();
    assert_eq!(seen[0].1.traceparent, Some(good.parse().unwrap()));
    assert_eq!(seen[1].1.traceparent, None);
}

#[tokio::test]
async fn refusals_carry_code_reason_and_words() {
    let avs = Address::new([1; 20]);
    let task_id = TaskId::new([2; 32]);
    let field = FieldError { field: "task_id", problem: "expected 0x and 64 hexadecimal digits".into() };
    let cases = [
        (TaskError::Field(field), Code::InvalidArgument),
        (TaskError::WrongExecutor { claimed: avs, ours: avs }, Code::PermissionDenied),
        (TaskError::Signature(SignatureError::Mismatch), Code::Unauthenticated),
        (TaskError::PeerRationed { retry_after_secs: 3 }, Code::ResourceExhausted),
        (TaskError::Authority(AuthorityError::UnknownAvs(avs)), Code::NotFound),
        (TaskError::Conflict(Conflict { task_id }), Code::AlreadyExists),
        (TaskError::QueueFull { limit: 5 }, Code::ResourceExhausted),
        (TaskError::StillRunning, Code::DeadlineExceeded),
        (TaskError::OutputTooLarge { size: 9 }, Code::FailedPrecondition),
        (TaskError::ShuttingDown, Code::Unavailable),
        (TaskError::Call(CallError::Deadline(Duration::from_secs(1))), Code::DeadlineExceeded),
        (TaskError::Call(CallError::TooLarge { limit: 9 }), Code::FailedPrecondition),
        (TaskError::Lost, Code::Internal),
    ];
    let tasks = Tasks::new(Ok(result()));
    let server = start(|_| {}, Some(tasks.clone()), None).await;
    let api = server.api().await;
    for (error, expected) in cases {
        *tasks.answer.lock().unwrap() = Err(error.clone());
        let refused = api.submit(submission()).await.unwrap_err();
        let ApiError::Refused { code, reason, message } = refused else { panic!("{refused}") };
        assert_eq!((code, reason.as_deref(), message), (expected, Some(error.reason()), error.to_string()));
    }
}

#[tokio::test]
async fn bad_messages_are_refused_for_good_before_anybody_sees_them() {
    let tasks = Tasks::new(Ok(result()));
    let server = start(|options| options.max_message_bytes = 1000, Some(tasks.clone()), None).await;
    let path = "/eigenlayer.hourglass.v1.ExecutorService/SubmitTask";
    let large = TaskSubmission { payload: vec![0; 1000], ..Default::default() }.encode_to_vec();
    let mut not_utf8 = TaskSubmission { task_id: "aaaa".into(), ..Default::default() }.encode_to_vec();
    *not_utf8.last_mut().unwrap() = 0xff;
    let mut cut = grpc_frame(0, &[0; 100]);
    cut.truncate(50);
    for (what, body, code, reason) in [
        ("oversized", grpc_frame(0, &large), Code::OutOfRange, "MessageTooLarge"),
        ("claims 4 GiB", [&[0, 255, 255, 255, 255], &[0; 9][..]].concat(), Code::OutOfRange, "MessageTooLarge"),
        ("not protobuf", grpc_frame(0, &[0xff; 40]), Code::InvalidArgument, "MalformedMessage"),
        ("not UTF-8", grpc_frame(0, &not_utf8), Code::InvalidArgument, "MalformedMessage"),
        ("compressed", grpc_frame(1, &[1, 2, 3]), Code::InvalidArgument, "MalformedMessage"),
        ("no such flag", grpc_frame(7, &[]), Code::InvalidArgument, "MalformedMessage"),
        ("cut short", cut, Code::InvalidArgument, "MalformedMessage"),
        ("nothing", Vec::new(), Code::InvalidArgument, "MalformedMessage"),
    ] {
        let status = Http2::connect(server.addr()).await.post(path, body).await;
        assert_eq!(status["grpc-status"], (code as i32).to_string(), "{what}: {status:?}");
        assert_eq!(status["hourglass-reason"], reason, "{what}");
    }
    let unknown = Http2::connect(server.addr()).await.post("/eigenlayer.hourglass.v1.ExecutorService/X", vec![]).await;
    assert_eq!(unknown["grpc-status"], "12");
    assert_eq!(tasks.calls(), 0);
}
