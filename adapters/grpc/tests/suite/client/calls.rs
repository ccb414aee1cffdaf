use std::time::Duration;

use futures_util::StreamExt as _;
use hourglass_core::ports::{CallError, PerformerClient as _, TaskCall};
use tonic::Code;

use super::{call, client, name};
use crate::support::{Behaviour, LONG, Performer, Seen, eventually, within};

#[tokio::test]
async fn a_task_arrives_as_the_contract_says() {
    let performer = Performer::start(Behaviour::Echo);
    let client = client(|_| {});
    client.set_targets(&name(), vec![performer.target(0, true)]);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = TaskCall { traceparent: Some(trace.parse().unwrap()), deadline: Duration::from_millis(9_500), ..call() };
    assert_eq!(within("the answer", client.execute(&name(), sent)).await.unwrap(), b"0x04");
    let seen = performer.shared.seen.lock().unwrap();
    let Seen { task_id, traceparent, timeout } = &seen[0];
    assert_eq!(task_id, format!("0x{}", "ab".repeat(32)).as_bytes());
    assert_eq!(traceparent.as_deref(), Some(trace));
    let millis: u32 = timeout.as_ref().unwrap().strip_suffix('m').unwrap().parse().unwrap();
    assert!((5_000..=9_500).contains(&millis), "{millis}");
}

#[tokio::test]
async fn answers_are_checked() {
    let performer = Performer::start(Behaviour::Echo);
    let client = client(|options| options.max_answer_bytes = 100_000);
    client.set_targets(&name(), vec![performer.target(0, true)]);
    let invalid =
        |text: &'static str| move |error: CallError| matches!(error, CallError::Invalid(e) if e.contains(text));
    for (behaviour, holds) in [
        (Behaviour::OtherTask, Box::new(invalid("0xother")) as Box<dyn Fn(CallError) -> bool>),
        (Behaviour::Large(100_000), Box::new(|error| error == CallError::TooLarge { limit: 100_000 })),
        (
            Behaviour::Fail(Code::InvalidArgument),
            Box::new(|error| {
                let message = "it is what it is".into();
                error == CallError::Performer { code: "INVALID_ARGUMENT", message }
            }),
        ),
        (
            Behaviour::Fail(Code::Unavailable),
            Box::new(|error| matches!(error, CallError::Performer { code: "UNAVAILABLE", .. })),
        ),
        (Behaviour::Fail(Code::DeadlineExceeded), Box::new(|error| error == CallError::Deadline(LONG))),
    ] {
        performer.set(behaviour.clone());
        let error = within("the answer", client.execute(&name(), call())).await.unwrap_err();
        assert!(holds(error.clone()), "{behaviour:?}: {error:?}");
    }
    performer.set(Behaviour::NoTaskId);
    assert!(client.execute(&name(), call()).await.is_ok());
    performer.set(Behaviour::Large(90_000));
    assert_eq!(client.execute(&name(), call()).await.unwrap().len(), 90_000);
}

#[tokio::test]
async fn the_deadline_ends_a_call_and_its_count() {
    let performer = Performer::start(Behaviour::Hold);
    let client = client(|_| {});
    client.set_targets(&name(), vec![performer.target(0, true)]);
    let deadline = Duration::from_millis(300);
    let error = within("the deadline", client.execute(&name(), TaskCall { deadline, ..call() })).await.unwrap_err();
    assert_eq!(error, CallError::Deadline(deadline));
    assert_eq!(client.in_flight(), [0]);
    assert_eq!(performer.seen(), 1);
}

#[tokio::test]
async fn the_count_is_exact_when_calls_are_dropped() {
    let performer = Performer::start(Behaviour::Hold);
    let client = client(|_| {});
    client.set_targets(&name(), vec![performer.target(0, true)]);
    client.all_ready().await;
    let mut notices = client.watch();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.client.clone();
            tokio::spawn(async move { client.execute(&name(), call()).await })
        })
        .collect();
    eventually("all run", || performer.seen() == 20).await;
    assert_eq!(client.in_flight(), [20]);
    assert_eq!(within("a notice", notices.next()).await, Some(name()));
    for call in &calls[..15] {
        call.abort();
    }
    eventually("fifteen are gone", || client.in_flight() == [5]).await;
    performer.set(Behaviour::Echo);
    for call in calls.into_iter().skip(15) {
        within("the answer", call).await.unwrap().unwrap();
    }
    assert_eq!(client.in_flight(), [0]);
    assert_eq!(within("a notice of idleness", notices.next()).await, Some(name()));
}

#[tokio::test]
async fn many_calls_at_once_share_a_few_connections() {
    let performer = Performer::start(Behaviour::Echo);
    let client = client(|options| (options.calls_per_connection, options.connections_per_target) = (10, 2));
    client.set_targets(&name(), vec![performer.target(0, true)]);
    let name = name();
    let calls = (0..200).map(|_| client.execute(&name, call()));
    let answers = within("all answers", futures_util::future::join_all(calls)).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|output| output == b"0x04")));
}
