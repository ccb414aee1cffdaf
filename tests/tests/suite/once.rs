//! A task runs once, however often it is submitted and whatever becomes of its callers.

use std::time::Duration;

use hourglass_core::task::RawSubmission;
use hourglass_tests::running::caller::{self, answered, connect, submission};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use tokio::task::JoinSet;
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_duplicates_at_once() {
    let slow = |avs: Avs| avs.env("TASK_DELAY_MS", 300).env("ANSWER_DIFFERENTLY", 1);
    let site = Site::new([slow(Avs::ecdsa()), slow(Avs::bn254())]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    for avs in &site.avs {
        let task = submission(&site, avs, &format!("fifty {}", avs.name), b"7").await.unwrap();
        let mut sent = JoinSet::new();
        for _ in 0..50 {
            // As the known aggregator does: each over a connection of its own.
            let (endpoint, task) = (site.endpoint(), task.clone());
            sent.spawn(async move { hourglass_executor::aggregator::send(&endpoint, &task, 1).await });
        }
        let mut results = Vec::new();
        while let Some(result) = sent.join_next().await {
            results.push(result.unwrap().unwrap());
        }
        caller::verified(&site, avs, &task, &results[0]).unwrap();
        assert_eq!(results.len(), 50);
        assert!(results.iter().all(|result| *result == results[0]));
        assert_eq!(site.runs(avs), [task.task_id], "exactly one run");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_task_in_other_letters_and_another_task_under_its_id() {
    let site = Site::new([Avs::ecdsa().env("ANSWER_DIFFERENTLY", 1)]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let task = submission(&site, avs, "letters", b"7").await.unwrap();
    let first = answered(&site, avs, &task).await.unwrap();

    // Upper case here, mixed case there: the same 32 bytes, the same signatures, and the id as this request wrote it.
    let shout = format!("0x{}", task.task_id[2..].to_uppercase());
    let mixed: String = task
        .task_id
        .char_indices()
        .map(|(i, c)| if i > 1 && i % 2 == 0 { c.to_ascii_uppercase() } else { c })
        .collect();
    for task_id in [shout, mixed] {
        let again = RawSubmission { task_id: task_id.clone(), ..task.clone() };
        let result = answered(&site, avs, &again).await.unwrap();
        assert_eq!(result.task_id, task_id);
        assert_eq!((&result.output, &result.result_signature), (&first.output, &first.result_signature));
        assert_eq!(result.auth_signature, first.auth_signature);
    }
    assert_eq!(site.runs(avs).len(), 1);

    let api = connect(&site).await.unwrap();
    let aggregator = site.aggregator(avs);
    let id = caller::task_id("letters");
    for (what, other) in [
        ("payload", aggregator.submission(id, b"8".to_vec(), task.reference_timestamp, 0)),
        ("timestamp", aggregator.submission(id, b"7".to_vec(), task.reference_timestamp + 1, 0)),
        ("block", aggregator.submission(id, b"7".to_vec(), task.reference_timestamp, 5)),
    ] {
        let refusal = caller::refused(&api, other.await.unwrap()).await.unwrap();
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::AlreadyExists, "TaskConflict"),
            "{what}: {refusal:?}"
        );
    }
    // Over a restart too, and the first answer still stands.
    executor.kill().unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let other = aggregator.submission(id, b"8".to_vec(), task.reference_timestamp, 0).await.unwrap();
    let api = connect(&site).await.unwrap();
    assert_eq!(caller::refused(&api, other).await.unwrap().code, Code::AlreadyExists);
    assert_eq!(answered(&site, avs, &task).await.unwrap(), first);
    assert_eq!(site.runs(avs).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_content_while_it_runs() {
    let site = Site::new([Avs::ecdsa().env("TASK_DELAY_MS", 1500)]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let task = submission(&site, avs, "running", b"7").await.unwrap();
    let running = {
        let (endpoint, task) = (site.endpoint(), task.clone());
        tokio::spawn(async move { hourglass_executor::aggregator::send(&endpoint, &task, 1).await })
    };
    began(&site, avs).await;
    let aggregator = site.aggregator(avs);
    let other = aggregator.submission(caller::task_id("running"), b"8".to_vec(), task.reference_timestamp, 0);
    let api = connect(&site).await.unwrap();
    let refusal = caller::refused(&api, other.await.unwrap()).await.unwrap();
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::AlreadyExists, "TaskConflict"));
    assert_eq!(running.await.unwrap().unwrap().output, b"31");
}

async fn began(site: &Site, avs: &Avs) {
    let began = until_async("the run", Duration::from_secs(20), async || {
        anyhow::ensure!(!site.runs(avs).is_empty(), "nothing runs");
        Ok(())
    });
    began.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_finds_its_task() {
    let site = Site::new([Avs::ecdsa().env("TASK_DELAY_MS", 700).env("COUNT_IN_ANSWER", 1)]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let task = submission(&site, avs, "hung up", b"7").await.unwrap();
    for _ in 0..3 {
        let (endpoint, task) = (site.endpoint(), task.clone());
        let call = tokio::spawn(async move { hourglass_executor::aggregator::send(&endpoint, &task, 1).await });
        began(&site, avs).await;
        // Its connection closes with it.
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    let result = answered(&site, avs, &task).await.unwrap();
    assert_eq!(result.output, b"31#run1");
    assert_eq!(site.runs(avs), [task.task_id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_too_long_is_told_to_come_back() {
    let site = Site::new([Avs::ecdsa().env("TASK_DELAY_MS", 1200)]).unwrap().set("server.task_timeout=200ms");
    let _executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let task = submission(&site, avs, "slow", b"7").await.unwrap();
    let api = connect(&site).await.unwrap();
    let refusal = caller::refused(&api, task.clone()).await.unwrap();
    // One of the codes that the known aggregator retries.
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::DeadlineExceeded, "TaskStillRunning"));
    let result = hourglass_executor::aggregator::send(&site.endpoint(), &task, 60).await.unwrap();
    caller::verified(&site, avs, &task, &result).unwrap();
    assert_eq!(site.runs(avs), [task.task_id]);
}
