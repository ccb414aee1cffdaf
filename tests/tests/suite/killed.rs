//! The executor killed with SIGKILL at any moment of a task: one task has one signed result, for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use hourglass_core::service::SignedResult;
use hourglass_core::task::RawSubmission;
use hourglass_executor::aggregator::send;
use hourglass_tests::running::caller::{self, answered, submission};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use tokio::task::JoinSet;

/// How long the performer works on a task.
const TASK: u64 = 250;

/// Both AVSs, with performers that never answer twice the same, and slowly.
fn site() -> Site {
    let unsteady = |avs: Avs| avs.env("TASK_DELAY_MS", TASK).env("ANSWER_DIFFERENTLY", 1);
    Site::new([unsteady(Avs::ecdsa()), unsteady(Avs::bn254())]).unwrap()
}

/// Every signed result that anybody ever saw, by task.
#[derive(Default)]
struct Seen(BTreeMap<String, SignedResult>);

impl Seen {
    fn note(&mut self, moment: &str, result: SignedResult) {
        let first = self.0.entry(result.task_id.clone()).or_insert_with(|| result.clone());
        assert_eq!(*first, result, "{moment}: two different signed results of one task");
    }
}

/// Sends a task to each AVS at once; what comes back until the executor dies.
fn send_all(site: &Site, submissions: &[RawSubmission]) -> JoinSet<Option<SignedResult>> {
    let mut sent = JoinSet::new();
    for task in submissions {
        let (endpoint, task) = (site.endpoint(), task.clone());
        sent.spawn(async move { send(&endpoint, &task, 1).await.ok() });
    }
    sent
}

async fn one_for_each_avs(site: &Site, label: &str) -> Vec<RawSubmission> {
    let mut submissions = Vec::new();
    for avs in &site.avs {
        submissions.push(submission(site, avs, &format!("{label} {}", avs.name), b"7").await.unwrap());
    }
    submissions
}

/// The answers of the executor that runs now, verified, the first of each AVS's task.
async fn answers(site: &Site, submissions: &[RawSubmission], seen: &mut Seen, moment: &str) {
    for (avs, task) in site.avs.iter().zip(submissions) {
        seen.note(moment, answered(site, avs, task).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_moment_of_a_task() {
    let site = site();
    let mut seen = Seen::default();
    let mut executor = Executor::start(&site).await.unwrap();
    // From before the task is read until after its answer is sent; densest where the performer has just answered:
    // there the record is written, made durable, signed and sent.
    let moments = [0, 3, 20, 120, TASK - 5, TASK, TASK + 3, TASK + 6, TASK + 10, TASK + 15, TASK + 25, TASK + 150];
    let mut returned = 0;
    let mut all = Vec::new();
    for millis in moments {
        let moment = format!("killed after {millis} ms");
        let submissions = one_for_each_avs(&site, &moment).await;
        let mut sent = send_all(&site, &submissions);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        executor.kill().unwrap();
        while let Some(result) = sent.join_next().await {
            if let Some(result) = result.unwrap() {
                returned += 1;
                seen.note(&moment, result);
            }
        }
        executor = Executor::start(&site).await.unwrap();
        answers(&site, &submissions, &mut seen, &moment).await;
        answers(&site, &submissions, &mut seen, &format!("{moment}, asked again")).await;
        all.extend(submissions.into_iter().enumerate().map(|(avs, task)| (millis, avs, task)));
    }
    assert_eq!(seen.0.len(), moments.len() * site.avs.len());
    // Otherwise every kill came too early, and nothing was shown.
    assert!(returned > 0, "no answer was returned before a kill");

    // Once more from the journal alone, by an executor that has run none of them.
    executor.kill().unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    for (number, avs, task) in all {
        seen.note("from the journal", answered(&site, &site.avs[avs], &task).await.unwrap());
        let runs = site.runs(&site.avs[avs]);
        let ran = runs.iter().filter(|run| **run == task.task_id).count();
        assert!((1..=2).contains(&ran), "moment {number}: once, and once more where nobody could know: {ran}");
    }
}

/// The kill comes as soon as some of many answers have arrived: each of those must be durable already, and of the rest
/// nobody knows how far they came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_moment_an_answer_arrives() {
    let unsteady = |avs: Avs| avs.env("ANSWER_DIFFERENTLY", 1);
    let site = Site::new([unsteady(Avs::ecdsa()), unsteady(Avs::bn254())]).unwrap();
    let mut seen = Seen::default();
    let mut executor = Executor::start(&site).await.unwrap();
    for (round, answers) in [1, 1, 2, 3, 5, 8, 13, 20].into_iter().enumerate() {
        let mut submissions = Vec::new();
        for number in 0..12 {
            submissions.extend(one_for_each_avs(&site, &format!("round {round}, task {number}")).await);
        }
        let mut sent = send_all(&site, &submissions);
        let mut executor_running = Some(executor);
        let mut arrived = 0;
        while let Some(result) = sent.join_next().await {
            let Some(result) = result.unwrap() else { continue };
            seen.note("as it arrived", result);
            arrived += 1;
            if let Some(running) = executor_running.take_if(|_| arrived == answers) {
                running.kill().unwrap();
            }
        }
        assert!(executor_running.is_none(), "it was never killed: {arrived} answers");
        executor = Executor::start(&site).await.unwrap();
        for pair in submissions.chunks(site.avs.len()) {
            self::answers(&site, pair, &mut seen, &format!("after {arrived} answers")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_times_during_one_task() {
    let site = site();
    let submissions = one_for_each_avs(&site, "killed again and again").await;
    let mut seen = Seen::default();
    for round in 0..3 {
        let executor = Executor::start(&site).await.unwrap();
        let mut sent = send_all(&site, &submissions);
        // It runs: the kill comes in the middle of it.
        for avs in &site.avs {
            let began = until_async("the run", Duration::from_secs(20), async || {
                anyhow::ensure!(site.runs(avs).len() > round, "{:?}", site.runs(avs));
                Ok(())
            });
            began.await.unwrap();
        }
        executor.kill().unwrap();
        while let Some(result) = sent.join_next().await {
            assert_eq!(result.unwrap(), None, "answered before its performer could");
        }
    }
    let executor = Executor::start(&site).await.unwrap();
    answers(&site, &submissions, &mut seen, "at last").await;
    executor.kill().unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    answers(&site, &submissions, &mut seen, "from the journal").await;
    for avs in &site.avs {
        assert_eq!(site.runs(avs).len(), 4, "three runs that nobody answered for, and the one that counts");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_and_nothing_is_lost() {
    let site =
        Site::new([Avs::ecdsa().env("ANSWER_DIFFERENTLY", 1), Avs::bn254().env("ANSWER_DIFFERENTLY", 1)]).unwrap();
    let mut executor = Executor::start(&site).await.unwrap();
    let mut submissions = Vec::new();
    for number in 0..120 {
        let avs = &site.avs[number % 2];
        submissions.push(submission(&site, avs, &format!("load {number}"), b"7").await.unwrap());
    }
    let mut sent = JoinSet::new();
    for (number, task) in submissions.iter().cloned().enumerate() {
        let endpoint = site.endpoint();
        sent.spawn(async move {
            tokio::time::sleep(Duration::from_millis(25 * number as u64)).await;
            (number, send(&endpoint, &task, 60).await)
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        executor.kill().unwrap();
        executor = Executor::start(&site).await.unwrap();
    }
    let mut seen = Seen::default();
    while let Some(done) = sent.join_next().await {
        let (number, result) = done.unwrap();
        let (avs, result) = (&site.avs[number % 2], result.unwrap());
        caller::verified(&site, avs, &submissions[number], &result).unwrap();
        seen.note("under load", result);
    }
    assert_eq!(seen.0.len(), submissions.len());
    executor.kill().unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    for (number, task) in submissions.iter().enumerate().step_by(5) {
        seen.note("afterwards", answered(&site, &site.avs[number % 2], task).await.unwrap());
    }
}
