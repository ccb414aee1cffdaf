use std::time::Duration;

use hourglass_core::Address;
use hourglass_core::lifecycle::{Intent, PerformerStatus, Phase};
use hourglass_core::performer::PerformerSpec;
use hourglass_core::ports::{PerformerView, TaskMetrics, TaskOutcome};

use super::*;

fn metrics() -> Metrics {
    Metrics::new(BuildInfo { version: "1.2.3", revision: "abc" }, &Readiness::new())
}

/// The lines of one metric, its description included.
fn lines(metrics: &Metrics, name: &str) -> String {
    let text = metrics.encode();
    let of = |line: &&str| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").starts_with(name);
    text.lines().filter(of).map(|line| format!("{line}\n")).collect()
}

fn view(name: &str, avs: u8, phase: Phase) -> PerformerView {
    let spec = PerformerSpec::new(Address::new([avs; 20]), "image:1".parse().unwrap());
    PerformerView {
        good: None,
        intent: Intent { name: name.parse().unwrap(), spec, deleted: false, promoted: None, retry: 0 },
        status: PerformerStatus { phase, ready_replicas: 1, ..PerformerStatus::default() },
        waiting: None,
        instances: Vec::new(),
        artifacts: Default::default(),
    }
}

#[test]
fn the_names_of_the_contract_to_the_letter() {
    let metrics = metrics();
    assert_eq!(
        lines(&metrics, "performer_"),
        "# HELP performer_count Number of active performers\n\
         # TYPE performer_count gauge\n\
         performer_count 0\n\
         # HELP performer_connection_errors Number of performer connection errors\n\
         # TYPE performer_connection_errors counter\n"
    );
    metrics.set_performers(&[
        view("b", 2, Phase::Running),
        view("a", 1, Phase::Upgrading),
        view("c", 3, Phase::Failed),
    ]);
    metrics.connection_error(&"b".parse().unwrap());
    metrics.connection_error(&"b".parse().unwrap());
    assert_eq!(
        lines(&metrics, "performer_"),
        "# HELP performer_count Number of active performers\n\
         # TYPE performer_count gauge\n\
         performer_count 2\n\
         # HELP performer_connection_errors Number of performer connection errors\n\
         # TYPE performer_connection_errors counter\n\
         performer_connection_errors{performer=\"a\"} 0\n\
         performer_connection_errors{performer=\"b\"} 2\n\
         performer_connection_errors{performer=\"c\"} 0\n"
    );
}

#[test]
fn the_duration_of_tasks() {
    let metrics = metrics();
    let avs = Address::new([0xab; 20]);
    metrics.finished(Some(&avs), TaskOutcome::Executed, Duration::from_millis(4));
    metrics.finished(Some(&avs), TaskOutcome::Executed, Duration::from_secs(400));
    let of = format!("avs=\"0x{}\",outcome=\"executed\"", "ab".repeat(20));
    let text = lines(&metrics, "task_processing_duration");
    for line in [
        "# HELP task_processing_duration Time taken to process tasks, in seconds".into(),
        "# TYPE task_processing_duration histogram".into(),
        format!("task_processing_duration_sum{{{of}}} 400.004"),
        format!("task_processing_duration_count{{{of}}} 2"),
        format!("task_processing_duration_bucket{{le=\"0.0025\",{of}}} 0"),
        format!("task_processing_duration_bucket{{le=\"0.005\",{of}}} 1"),
        format!("task_processing_duration_bucket{{le=\"300.0\",{of}}} 1"),
        format!("task_processing_duration_bucket{{le=\"+Inf\",{of}}} 2"),
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
    }
}

#[test]
fn tasks_by_outcome_and_reason() {
    let metrics = metrics();
    let avs = Address::new([1; 20]);
    let of = format!("avs=\"{avs}\"");
    metrics.finished(Some(&avs), TaskOutcome::Refused("TaskConflict"), Duration::ZERO);
    metrics.finished(None, TaskOutcome::Refused("UnknownAvs"), Duration::ZERO);
    metrics.finished(Some(&avs), TaskOutcome::Replayed, Duration::ZERO);
    metrics.in_flight(&avs, 3);
    metrics.in_flight(&avs, 2);
    assert_eq!(
        lines(&metrics, "hourglass_tasks_total"),
        format!(
            "# HELP hourglass_tasks_total Submissions by how they ended\n\
             # TYPE hourglass_tasks_total counter\n\
             hourglass_tasks_total{{avs=\"\",outcome=\"refused\",reason=\"UnknownAvs\"}} 1\n\
             hourglass_tasks_total{{{of},outcome=\"refused\",reason=\"TaskConflict\"}} 1\n\
             hourglass_tasks_total{{{of},outcome=\"replayed\",reason=\"\"}} 1\n"
        )
    );
    assert!(lines(&metrics, "hourglass_tasks_in_flight").ends_with(&format!("{{{of}}} 2\n")));
    assert!(!lines(&metrics, "task_processing_duration").contains("avs=\"\""), "a stranger's refusal was timed");
}

#[test]
fn labels_are_bounded() {
    let metrics = metrics();
    for number in 0..(LABEL_SETS as u64 + 500) {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        metrics.finished(Some(&Address::new(bytes)), TaskOutcome::Executed, Duration::ZERO);
    }
    let text = lines(&metrics, "hourglass_tasks_total");
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), LABEL_SETS + 1);
    assert!(text.contains("{avs=\"other\",outcome=\"other\",reason=\"other\"} 500\n"), "{text}");
    let text = lines(&metrics, "task_processing_duration_count");
    assert!(text.contains("{avs=\"other\",outcome=\"other\"} 500\n"), "{text}");
}

#[test]
fn usage_is_replaced_by_the_next_sample() {
    let metrics = metrics();
    let usage = |name: &str| Usage { instance: name.parse().unwrap(), cpu_seconds: 1.5, memory_bytes: 4096 };
    metrics.set_usage(&[usage("p-0123456789-1")]);
    metrics.set_usage(&[usage("p-0123456789-2")]);
    let of = "{performer=\"p\",instance=\"p-0123456789-2\"}";
    assert_eq!(
        lines(&metrics, "hourglass_performer_cpu"),
        format!(
            "# HELP hourglass_performer_cpu_seconds_total CPU time used by an instance\n\
             # TYPE hourglass_performer_cpu_seconds_total counter\n\
             hourglass_performer_cpu_seconds_total{of} 1.5\n"
        )
    );
    assert!(lines(&metrics, "hourglass_performer_memory").ends_with(&format!("{of} 4096\n")));
}

#[test]
fn the_journal_the_build_and_what_others_add() {
    let metrics = metrics();
    metrics.journal_commit(Duration::from_millis(2), Some(7));
    metrics.journal_commit(Duration::from_secs(1), None);
    assert!(lines(&metrics, "hourglass_journal_records_total").ends_with("hourglass_journal_records_total 7\n"));
    let commits = lines(&metrics, "hourglass_journal_commit_seconds_count");
    assert!(commits.contains("{outcome=\"committed\"} 1\n") && commits.contains("{outcome=\"failed\"} 1\n"));
    assert!(lines(&metrics, "hourglass_build_info").ends_with("{version=\"1.2.3\",revision=\"abc\"} 1\n"));
    metrics.sampled("hourglass_panics_total", "Panics", SampleKind::Counter, || 5.0);
    assert_eq!(
        lines(&metrics, "hourglass_panics_total"),
        "# HELP hourglass_panics_total Panics\n# TYPE hourglass_panics_total counter\nhourglass_panics_total 5\n"
    );
    let uptime = lines(&metrics, "hourglass_uptime_seconds");
    let seconds: f64 = uptime.lines().last().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((0.0..600.0).contains(&seconds), "{uptime}");
}

#[test]
fn the_engine_has_no_sample_where_there_is_none() {
    let metrics = metrics();
    let samples = |metrics: &Metrics| -> Vec<String> {
        lines(metrics, "hourglass_engine").lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    assert!(samples(&metrics).is_empty());
    metrics.set_engine(Some(("20.10.24", "1.41")));
    let info = "hourglass_engine_info{version=\"20.10.24\",api_version=\"1.41\"} 1";
    assert_eq!(samples(&metrics), ["hourglass_engine_up 1", info]);
    metrics.set_engine(Some(("28.0.1", "1.48")));
    assert_eq!(samples(&metrics).len(), 2, "only the one that answers");
    metrics.set_engine(None);
    assert_eq!(samples(&metrics), ["hourglass_engine_up 0"]);
}
