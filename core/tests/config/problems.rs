//! All problems at once, as a person reads them.

use crate::{load, problem, with_avs};

/// A dozen mistakes of every sort.
const WRONG: &str = "\
aggregator_endpoint: aggregator.example.com
deployment_mode: kubernets
log_levle: info
log_level: info
log_level: debug
performer_config:
  connection_timeout: 30
  max_performers: 1
server:
  listen: 9095
  tls: {cert_path: /tls/tls.crt}
authentication: {enabled: false}
management: {listen: '0.0.0.0:9096'}
storage: {retention: 1m}
operator_keys:
  ecdsa_private_key_path: /keys/ecdsa.pem
  ecdsa_private_key: 0xdeadbeef
avs_config:
  supported_avs:
    - address: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed'
      deployment_mode: docker
      performer_image: my-org/p:v1
      performer_version: v2
      default_resources:
        requests: {cpu: 3, memory: lots}
        limits: {cpu: 2}
    - name: other
      deployment_mode: kubernetes
      hardwareRequirements: {gpuTyp: nvidia-a100}
      scheduling:
        tolerations: [{operator: Exists, value: x}]
";

#[test]
fn a_dozen_problems_at_once() {
    let mut sources = crate::sources(WRONG);
    sources.env.clear();
    sources.env.insert("HOURGLASS_METRICS__PORT".into(), "http".into());
    let problems = hourglass_core::config::load(&sources).unwrap_err();
    assert!(problems.len() >= 12);
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn syntax_errors_name_line_and_column() {
    let problems = load("log_level: info\nserver:\n  listen: [\n").unwrap_err();
    let first = &problems.as_slice()[0];
    assert!(first.source.to_string().starts_with("executor.yaml:"), "{problems}");
    assert!(first.message.starts_with("this is not YAML"), "{problems}");
    assert_eq!(problems.len(), 1, "what seems to be missing may stand in the rest: {problems}");
    let (_, place, message) = problem("log_level: info\n  log_format: json\n");
    assert_eq!(place, "executor.yaml:2:13", "{message}");
}

#[test]
fn duplicates_and_two_spellings() {
    let (_, place, message) = problem("log_level: info\nlog_level: debug\n");
    assert_eq!(place, "executor.yaml:2:1");
    assert!(message.contains("a second time"));
    let (path, place, message) = problem("deployment_mode: docker\nperformer_mode: docker\n");
    assert_eq!((path.as_str(), place.as_str()), ("deployment_mode", "executor.yaml:2:1"));
    assert!(message.contains("another spelling"));
    let (path, _, message) = problem(&with_avs("hardware: {}\nhardwareRequirements: {}"));
    assert_eq!(path, "avs_config.supported_avs[0].hardware", "{message}");
}

#[test]
fn the_nearest_key_is_suggested() {
    for (text, path, remedy) in [
        ("agregator_endpoint: a:1\n".to_owned(), "agregator_endpoint", "aggregator_endpoint"),
        (with_avs("performerImage: x"), "avs_config.supported_avs[0].performerImage", "performer_image"),
        (with_avs("hardware: {gpu_typ: a}"), "avs_config.supported_avs[0].hardware.gpu_typ", "gpu_type"),
        ("server: {listn: 1}\n".to_owned(), "server.listn", "listen"),
    ] {
        let (found, _, message) = problem(&text);
        assert_eq!(found, path);
        assert!(message.contains(&format!("did you mean '{remedy}'?")), "{message}");
    }
    let (_, _, message) = problem("server: {zzzzzzzz: 1}\n");
    assert!(message.contains("the keys here are listen, reflection"), "{message}");
}

#[test]
fn no_key_at_all() {
    let problems = hourglass_core::config::load(&Default::default()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems.to_string().contains("ECDSA_PRIVATE_KEY"), "{problems}");
}
