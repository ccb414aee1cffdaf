//! Starts, ends and what is told of them.

use hourglass_core::lifecycle::{ExitCause, InstanceState};

use serde_json::Value;

use crate::fixture::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_serves_and_is_published_on_loopback_only() {
    let executor = Executor::new(&owner()).await;
    let started = request("serves", 1, spec(OBEYS, &[]));
    let instance = executor.run(&started).await;
    let endpoint = instance.endpoint.unwrap();
    let found = inspect(host(), &instance.platform_id.unwrap()).await;
    assert_eq!(found["NetworkSettings"]["Ports"]["7070/tcp"][0]["HostIp"], "127.0.0.1");
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

#[tokio::test(flavor = "multi_thread")]
async fn causes_of_death_are_told_apart() {
    let executor = Executor::new(&owner()).await;
    let cause = |suffix: u32, spec: hourglass_core::performer::PerformerSpec| {
        let executor = &executor;
        async move {
            let started = request("death", suffix, spec);
            executor.start(&started).await;
            let ended = executor.until_ended(&started.name).await;
            let InstanceState::Exited { cause, .. } = ended.state else { panic!("{:?}", ended.state) };
            executor.remove(&started.name).await;
            cause
        }
    };
    let mut hungry = spec(OBEYS, &["eat"]);
    hungry.resources.limits.insert("memory".into(), "32Mi".parse().unwrap());
    assert_eq!(cause(1, hungry).await, ExitCause::OutOfMemory);
    let refused = |cause: ExitCause| match cause {
        ExitCause::Refused { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    let mut data = spec(OBEYS, &[]);
    data.command = vec!["/data".into()];
    assert_eq!(refused(cause(2, data).await), "CommandNotExecutable");
    let mut small = spec(OBEYS, &[]);
    small.resources.limits.insert("memory".into(), "1Mi".parse().unwrap());
    assert_eq!(refused(cause(3, small).await), "LimitsRefused");
    let mut classed = spec(OBEYS, &[]);
    classed.scheduling.runtime_class = Some("no-such-runtime".into());
    assert_eq!(refused(cause(4, classed).await), "RuntimeClassNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_is_seen_at_once_and_only_told_once_removed_by_hand() {
    let executor = Executor::new(&owner()).await;
    let started = request("killed", 1, spec(OBEYS, &[]));
    let id = executor.run(&started).await.platform_id.unwrap();
    api(host(), "POST", format!("/containers/{id}/kill"), Value::Null).await;
    let ended = executor.until_ended(&started.name).await;
    assert!(matches!(ended.state, InstanceState::Exited { cause: ExitCause::Signal(9), .. }), "{:?}", ended.state);
    // Somebody tidies up.
    api(host(), "DELETE", format!("/containers/{id}"), Value::Null).await;
    executor.until_gone(&started.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_hardening_hold_inside() {
    let executor = Executor::new(&owner()).await;
    let mut limited = spec(OBEYS, &[]);
    limited.resources.limits.insert("memory".into(), "48Mi".parse().unwrap());
    limited.resources.limits.insert("cpu".into(), "500m".parse().unwrap());
    let started = request("hardened", 1, limited);
    let instance = executor.run(&started).await;
    let endpoint = instance.endpoint.unwrap();
    let status = ask(&endpoint, "read /proc/self/status").await;
    let field = |name: &str| {
        let line = status.split(';').find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().unwrap_or_default().to_owned()
    };
    assert_eq!((field("Uid:").as_str(), field("Gid:").as_str()), ("65532", "65532"));
    assert_eq!(u64::from_str_radix(&field("CapEff:"), 16), Ok(0));
    assert_eq!(u64::from_str_radix(&field("CapBnd:"), 16), Ok(0));
    assert_eq!(field("NoNewPrivs:"), "1");
    assert!(ask(&endpoint, "write /x").await.contains("ead-only"));
    assert_eq!(ask(&endpoint, "write /tmp/x").await, "written");
    let mounts = ask(&endpoint, "read /proc/self/mounts").await;
    let tmp = mounts.split(';').find(|line| line.contains(" /tmp ")).unwrap_or_default();
    assert!(["noexec", "nosuid", "nodev"].iter().all(|word| tmp.contains(word)), "{tmp}");

    let found = inspect(host(), &instance.platform_id.unwrap()).await;
    assert_eq!(found["HostConfig"]["Memory"], 48 << 20);
    let usage = executor.runtime.usage(&started.name).await.unwrap();
    assert!(usage.memory_bytes > 0 && usage.memory_bytes < 48 << 20, "{usage:?}");
    let address =
        found["NetworkSettings"]["Networks"].as_object().unwrap().values().next().unwrap()["IPAddress"].clone();
    assert!(executor.runtime.is_performer(address.as_str().unwrap().parse().unwrap()));
    assert!(!executor.runtime.is_performer("127.0.0.1".parse().unwrap()));
    executor.remove(&started.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn performers_do_not_reach_each_other() {
    let executor = Executor::new(&owner()).await;
    let (one, two) = (request("one", 1, spec(OBEYS, &[])), request("two", 1, spec(OBEYS, &[])));
    let first = executor.run(&one).await.endpoint.unwrap();
    let id = executor.run(&two).await.platform_id.unwrap();
    let found = inspect(host(), &id).await;
    let address =
        found["NetworkSettings"]["Networks"].as_object().unwrap().values().next().unwrap()["IPAddress"].clone();
    let said = ask(&first, &format!("connect {}:7070", address.as_str().unwrap())).await;
    assert_ne!(said, "connected");
    for started in [one, two] {
        executor.remove(&started.name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_and_not_started_is_started_by_the_next_executor() {
    let owner = owner();
    let started = request("between", 1, spec(OBEYS, &[]));
    let first = Executor::new(&owner).await;
    let id = first.run(&started).await.platform_id.unwrap();
    let made = inspect(host(), &id).await;
    first.remove(&started.name).await;
    drop(first);
    // As the executor made it, killed before it came to start it.
    let name = format!("hourglass-{}-{}", owner.short(), started.name);
    let mut body = made["Config"].clone();
    body["HostConfig"] = made["HostConfig"].clone();
    api(host(), "POST", format!("/containers/create?name={name}"), body).await;
    let second = Executor::new(&owner).await;
    let instance = second.until_running(&started.name).await;
    assert_eq!(ask(&instance.endpoint.unwrap(), "hello").await, "guest");
    assert_eq!(
        instance.image,
        Some(started.spec.image.clone()),
        "what it was made from is known from the container alone"
    );
    second.remove(&started.name).await;
}
