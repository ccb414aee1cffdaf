//! Performers that hang, crash, flood, lie and refuse: what becomes of tasks, and of the executor.

use std::time::Duration;

use hourglass_core::Address;
use hourglass_executor::aggregator::send;
use hourglass_tests::running::caller::{self, answered, artifact, connect, proof, refused, submission};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::running::{hanging, processes, web};
use hourglass_tests::waiting::until_async;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tonic::Code;

fn performer_processes(site: &Site) -> Vec<i32> {
    let all = processes::of(site.directory());
    all.iter().filter(|process| process.performer).map(|process| process.pid).collect()
}

/// One of two replicas is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_one_is_out_of_rotation_within_three_seconds() {
    let site = Site::new([hanging::two_replicas()]).unwrap().set(hanging::RARE_CHECKS);
    let mut executor = Executor::start(&site).await.unwrap();
    hanging::both_serve(&site, Duration::from_secs(30)).await.unwrap();
    let replicas = performer_processes(&site);
    assert_eq!(replicas.len(), 2);
    let stop = async || Ok(kill_process(Pid::from_raw(replicas[0]).unwrap(), Signal::STOP)?);
    hanging::leaves_rotation(&site, &site.avs[0], stop).await.unwrap();
    executor.serving().await.unwrap();
}

/// The queue of one AVS full of tasks that hang, and another AVS that notices nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_avs_never_slows_another() {
    let hanging = Avs::ecdsa().env("HANG_TASKS", 1).line("upgrade: {drain_deadline: 1s, stop_grace: 1s}");
    let site = Site::new([hanging, Avs::bn254()]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let (hangs, works) = (&site.avs[0], &site.avs[1]);
    // More than run at once, so that some wait.
    let mut stuck = JoinSet::new();
    for number in 0..60 {
        let task = submission(&site, hangs, &format!("stuck {number}"), b"3").await.unwrap();
        let endpoint = site.endpoint();
        stuck.spawn(async move { send(&endpoint, &task, 1).await });
    }
    let full = until_async("everything that can run hangs", Duration::from_secs(30), async || {
        anyhow::ensure!(site.runs(hangs).len() == 32, "{}", site.runs(hangs).len());
        Ok(())
    });
    full.await.unwrap();
    for number in 0..30 {
        let task = submission(&site, works, &format!("free {number}"), b"3").await.unwrap();
        assert_eq!(answered(&site, works, &task).await.unwrap().output, b"9");
    }
    // None of those that hang has ended meanwhile: it is not their going away that made room.
    assert!(stuck.try_join_next().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_crashes_on_a_task_is_started_again_and_nothing_is_sent_twice() {
    let site = Site::new([Avs::ecdsa().env("CRASH_ON_TASK", 2)]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let (one, two) =
        (submission(&site, avs, "one", b"3").await.unwrap(), submission(&site, avs, "two", b"4").await.unwrap());
    assert_eq!(answered(&site, avs, &one).await.unwrap().output, b"9");
    let refusal = refused(&connect(&site).await.unwrap(), two.clone()).await.unwrap();
    // The aggregator comes again with that code; the executor itself does not.
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Unavailable, "PerformerConnectionBroken"),
        "{refusal:?}"
    );
    assert_eq!(site.runs(avs).len(), 2);
    let result = send(&site.endpoint(), &two, 30).await.unwrap();
    assert_eq!(result.output, b"10");
    assert_eq!(site.runs(avs), [one.task_id, two.task_id.clone(), two.task_id]);
}

/// What a deployment that cannot go well is told, and that what serves goes on serving.
async fn given_up(site: &Site, env: &[(&str, &str)], cause: &str) {
    let avs = &site.avs[0];
    let api = connect(site).await.unwrap();
    let deployment = {
        let (api, proof, request) = (api.clone(), proof(site, &api).await.unwrap(), artifact(avs, env).unwrap());
        tokio::spawn(async move { api.deploy(request, Some(proof)).await })
    };
    let mut served = 0;
    while !deployment.is_finished() {
        let task = submission(site, avs, &format!("{cause} {served}"), b"3").await.unwrap();
        assert_eq!(api.submit(task).await.unwrap().output, b"9");
        served += 1;
    }
    let refusal = caller::refusal(deployment.await.unwrap().unwrap_err()).unwrap();
    assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
    assert!(refusal.message.contains("was given up") && refusal.message.contains(cause), "{refusal:?}");
    assert!(served > 3, "{served}");
    assert_eq!(
        answered(site, avs, &submission(site, avs, &format!("after {cause}"), b"3").await.unwrap())
            .await
            .unwrap()
            .output,
        b"9"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_crash_loops_or_refuses_health_or_hangs_is_given_up() {
    let site = Site::new([Avs::ecdsa().line("upgrade: {ready_deadline: 5s}")]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    given_up(&site, &[("CRASH_AT_START", "1"), ("CRASH_EXIT_CODE", "42")], "42").await;
    given_up(&site, &[("REFUSE_HEALTH", "1")], "NOT_SERVING").await;
    given_up(&site, &[("HANG_HEALTH", "1")], "not ready within 5 s").await;
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_was_healthy_is_no_reason_to_be_ready() {
    let site = Site::new([Avs::ecdsa().env("REFUSE_HEALTH", 1).line("task: {deadline: 500ms}")]).unwrap();
    let _executor = Executor::spawn(&site).unwrap();
    let page = until_async("a start that is over", Duration::from_secs(30), async || {
        anyhow::ensure!(web::get(site.ports.health, "/startup")?.status == 200, "starting");
        let page = web::get(site.ports.health, "/ready")?;
        anyhow::ensure!(page.body.contains("none of 1 serves yet"), "{}", page.body);
        Ok(page)
    });
    assert_eq!(page.await.unwrap().status, 503);
    assert_eq!(web::get(site.ports.health, "/health").unwrap().status, 200, "killing it would help nobody");
    let task = submission(&site, &site.avs[0], "unhealthy", b"3").await.unwrap();
    let refusal = refused(&connect(&site).await.unwrap(), task).await.unwrap();
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unavailable, "PerformerNotReady"), "{refusal:?}");
}

/// Memory that the process holds, in MiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn avs_number(number: u8, env: &[(&str, &str)]) -> Avs {
    let mut avs = Avs { name: format!("avs-{number}"), address: Address::new([number; 20]), ..Avs::ecdsa() };
    avs.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    avs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_and_lies() {
    const MOST: usize = 1_572_864;
    let site = Site::new([
        avs_number(1, &[("FLOOD_OUTPUT_BYTES", "20000000")]),
        avs_number(2, &[("FLOOD_ANSWER_BYTES", &(MOST - 1).to_string())]),
        avs_number(3, &[("FLOOD_ANSWER_BYTES", &MOST.to_string())]),
        avs_number(4, &[("FLOOD_ANSWER_BYTES", "100000000"), ("MAX_MESSAGE_BYTES", "200000000")]),
        avs_number(5, &[("ANSWER_GARBAGE", "task-id")]),
        avs_number(6, &[("ANSWER_GARBAGE", "empty")]),
        avs_number(7, &[("ANSWER_GARBAGE", "status")]),
        avs_number(8, &[("ANSWER_GARBAGE", "bytes")]),
    ])
    .unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    let task = |number: usize| {
        let site = &site;
        async move { submission(site, &site.avs[number - 1], &format!("flood {number}"), b"3").await.unwrap() }
    };
    let answer = |number: usize| {
        let site = &site;
        async move { answered(site, &site.avs[number - 1], &task(number).await).await.unwrap().output }
    };
    assert_eq!(answer(1).await, b"9", "what it prints is its own business");
    assert_eq!(answer(2).await.len(), MOST - 1, "the largest answer that aggregators take");
    for (number, code, reason) in [
        (3, Code::FailedPrecondition, "OutputTooLarge"),
        (4, Code::FailedPrecondition, "OutputTooLarge"),
        (5, Code::Internal, "PerformerAnswerInvalid"),
        (7, Code::Internal, "PerformerError"),
    ] {
        let refusal = refused(&api, task(number).await).await.unwrap();
        assert_eq!((refusal.code, refusal.reason.as_str()), (code, reason), "{number}: {refusal:?}");
    }
    assert_eq!(answer(6).await, b"", "performers may leave the id out, and an answer may be empty");
    assert_eq!(answer(8).await, [0xff, 0x00, 0xfe, 0x80], "what the bytes mean is the AVS's business");
    let metrics = web::get(site.ports.metrics, "/metrics").unwrap().body;
    assert!(metrics.contains("\nhourglass_journal_records_total 4\n"), "only what was answered is recorded");
    let most = resident(executor.id());
    assert!(most < 256, "the executor held {most} MiB");
    executor.stop().await.unwrap();
}
