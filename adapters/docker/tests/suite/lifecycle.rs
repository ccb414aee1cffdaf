//! Starts, ends and what is told of them.

use hourglass_core::lifecycle::{ExitCause, InstanceState};

use crate::fixture::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_serves_on_loopback() {
    let executor = Executor::new(&owner()).await;
    let started = request("serves", 1, spec(OBEYS, &[]));
    let instance = executor.run(&started).await;
    let endpoint = instance.endpoint.unwrap();
    assert_eq!(endpoint.host, "127.0.0.1");
    assert_eq!(ask(&endpoint, "hello").await, "guest");
    assert_eq!(ask(&endpoint, "env GRPC_PORT").await, "7070", "the only port that the image exposes");
    assert_eq!(ask(&endpoint, "env AVS_ADDRESS").await, "0x1111111111111111111111111111111111111111");
    executor.remove(&started.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_are_told() {
    let executor = Executor::new(&owner()).await;
    let started = request("words", 1, spec(OBEYS, &["exit", "7", "first", "cannot open the model"]));
    executor.start(&started).await;
    let ended = executor.until_ended(&started.name).await;
    let InstanceState::Exited { cause, output, .. } = ended.state else { panic!("{ended:?}") };
    assert_eq!((cause, output.as_deref()), (ExitCause::Code(7), Some("first\ncannot open the model")));
    executor.remove(&started.name).await;
}
