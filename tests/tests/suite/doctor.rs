//! `doctor`: what would keep an executor from running, said before it runs.

use std::fs;
use std::net::TcpListener;

use hourglass_tests::running::command::{self, Ended};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use serde_json::Value;

async fn doctor(site: &Site, more: &[&str]) -> Ended {
    let arguments = [&["doctor", "--config", "executor.yaml"], more].concat();
    command::run(site.directory(), &arguments, "").await.unwrap()
}

/// The findings of one check: outcome and message.
async fn findings(site: &Site, check: &str) -> Vec<(String, String)> {
    let ended = doctor(site, &["-o", "json"]).await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    assert_eq!(ended.code, Some(if report["ready"] == true { 0 } else { 1 }), "{ended:?}");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let all = report["findings"].as_array().unwrap().iter().filter(|finding| text(finding, "check") == check);
    all.map(|finding| (text(finding, "outcome"), text(finding, "message"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_site_is_called_so_before_and_while_it_runs() {
    let site = Site::new([Avs::ecdsa(), Avs::bn254()]).unwrap();
    let ended = doctor(&site, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in ["✓ configuration", "✓ keys", "✓ storage", "is free (server.listen)", "can be run"] {
        assert!(ended.stdout.contains(line), "{line} is missing:\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains('✗'), "{}", ended.stdout);

    let executor = Executor::start(&site).await.unwrap();
    let ended = doctor(&site, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("✓ executor") && ended.stdout.contains("as by the executor"), "{}", ended.stdout);
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_lack_is_found_with_its_remedy() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let taken = TcpListener::bind(("127.0.0.1", site.ports.metrics)).unwrap();
    let port = findings(&site, &format!("port {}", site.ports.metrics)).await;
    assert!(matches!(port.as_slice(), [(outcome, message)] if outcome == "bad" && message.contains("another process")));
    drop(taken);

    let yaml = fs::read_to_string(site.path("executor.yaml")).unwrap();
    fs::write(site.path("executor.yaml"), format!("{yaml}\naggregator_endpoint: 127.0.0.1:{}\n", site.ports.spare))
        .unwrap();
    let aggregator = findings(&site, "aggregator").await;
    assert!(matches!(aggregator.as_slice(), [(outcome, _)] if outcome == "bad"), "{aggregator:?}");

    fs::write(site.path("executor.yaml"), format!("{yaml}\nlog_levle: debug\n")).unwrap();
    let ended = doctor(&site, &[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("✗ configuration") && ended.stdout.contains("→"), "{}", ended.stdout);
}
