use std::time::Duration;

use hourglass_core::ports::{CallError, PerformerClient as _, TaskCall};

use super::{call, client, name};
use crate::support::{Behaviour, Performer, eventually, within};

#[tokio::test]
async fn tasks_spread_over_the_replicas() {
    let performers = [(); 3].map(|()| Performer::start(Behaviour::Hold));
    let client = client(|_| {});
    let targets = performers.iter().zip(0..).map(|(performer, suffix)| performer.target(suffix, true)).collect();
    client.set_targets(&name(), targets);
    client.all_ready().await;
    let calls: Vec<_> = (0..9)
        .map(|_| {
            let client = client.client.clone();
            tokio::spawn(async move { client.execute(&name(), call()).await })
        })
        .collect();
    eventually("all run", || performers.iter().map(Performer::seen).sum::<usize>() == 9).await;
    assert_eq!(client.in_flight(), [3, 3, 3]);
    // One of them becomes idle: the next tasks are its.
    performers[1].set(Behaviour::Echo);
    eventually("it is idle", || client.in_flight() == [3, 0, 3]).await;
    for _ in 0..3 {
        within("the answer", client.execute(&name(), call())).await.unwrap();
    }
    assert_eq!(performers[1].seen(), 6);
    for performer in &performers {
        performer.set(Behaviour::Echo);
    }
    for call in calls {
        within("the answer", call).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn idle_replicas_take_turns() {
    let performers = [(); 3].map(|()| Performer::start(Behaviour::Echo));
    let client = client(|_| {});
    let targets = performers.iter().zip(0..).map(|(performer, suffix)| performer.target(suffix, true)).collect();
    client.set_targets(&name(), targets);
    client.all_ready().await;
    for _ in 0..6 {
        within("the answer", client.execute(&name(), call())).await.unwrap();
    }
    assert_eq!(performers.each_ref().map(Performer::seen), [2, 2, 2]);
}

#[tokio::test]
async fn only_routed_targets_get_tasks_and_routing_changes_without_a_gap() {
    let (old, new) = (Performer::start(Behaviour::Echo), Performer::start(Behaviour::Echo));
    let client = client(|_| {});
    client.set_targets(&name(), vec![old.target(0, true), new.target(1, false)]);
    client.all_ready().await;
    within("the answer", client.execute(&name(), call())).await.unwrap();
    assert_eq!((old.seen(), new.seen()), (1, 0));
    client.set_targets(&name(), vec![old.target(0, false), new.target(1, true)]);
    within("the answer", client.execute(&name(), call())).await.unwrap();
    assert_eq!((old.seen(), new.seen()), (1, 1));
    assert_eq!(client.targets(&name()).iter().map(|target| target.routed).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_target_that_drains_or_is_gone_keeps_its_calls() {
    let performer = Performer::start(Behaviour::Hold);
    let client = client(|_| {});
    client.set_targets(&name(), vec![performer.target(0, true)]);
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let client = client.client.clone();
            tokio::spawn(async move { client.execute(&name(), call()).await })
        })
        .collect();
    eventually("all run", || performer.seen() == 3).await;
    client.set_targets(&name(), vec![performer.target(0, false)]);
    assert_eq!(client.in_flight(), [3]);
    let short = TaskCall { deadline: Duration::from_millis(50), ..call() };
    let refused = within("the refusal", client.execute(&name(), short)).await.unwrap_err();
    assert!(matches!(refused, CallError::NotReady { .. }), "{refused}");
    client.set_targets(&name(), Vec::new());
    assert_eq!(client.targets(&name()), []);
    performer.set(Behaviour::Echo);
    for call in calls {
        assert_eq!(within("the answer", call).await.unwrap().unwrap(), b"0x04");
    }
}

#[tokio::test]
async fn a_call_waits_for_a_target_that_comes_later() {
    let performer = Performer::start(Behaviour::Echo);
    let client = client(|_| {});
    let waiting = tokio::spawn({
        let client = client.client.clone();
        async move { client.execute(&name(), call()).await }
    });
    client.set_targets(&name(), vec![performer.target(0, true)]);
    assert_eq!(within("the answer", waiting).await.unwrap().unwrap(), b"0x04");
}
