//! Which source wins, and what is said about it.

use hourglass_core::config::{self, DeploymentMode, Source};

use crate::{KEY, env, sources, valid, with_avs};

#[test]
fn defaults_then_file_then_chart_then_ours_then_flags() {
    let mut sources = sources("");
    let level = |sources: &config::Sources| {
        let loaded = config::load(sources).unwrap();
        (loaded.config.log_level.clone(), loaded.provenance("log_level").to_string())
    };
    assert_eq!(level(&sources), ("info".into(), "default".into()));
    sources.file.as_mut().unwrap().text = "# a comment\nlog_level: warn\n".into();
    assert_eq!(level(&sources), ("warn".into(), "executor.yaml:2:12".into()));
    sources.env.insert("LOG_LEVEL".into(), "error".into());
    assert_eq!(level(&sources), ("error".into(), "variable LOG_LEVEL".into()));
    sources.env.insert("HOURGLASS_LOG_LEVEL".into(), "debug".into());
    assert_eq!(level(&sources), ("debug".into(), "variable HOURGLASS_LOG_LEVEL".into()));
    sources.flags = vec![("log_level".into(), "trace".into()), ("log_level".into(), "info".into())];
    assert_eq!(level(&sources), ("info".into(), "flag log_level".into()));
}

#[test]
fn the_charts_variables() {
    let mut sources = sources("avs_config: {supported_avs: []}\n");
    sources.env = env(&[
        ("DEPLOYMENT_MODE", "kubernetes"),
        ("KUBERNETES_NAMESPACE", "ns"),
        ("AGGREGATOR_ENDPOINT", "a.example:9090"),
        ("AGGREGATOR_TLS_ENABLED", "true"),
        ("LOG_LEVEL", ""),
        ("LOG_FORMAT", "json"),
        ("CONFIG_PATH", "/etc/x.yaml"),
        ("HOURGLASS_LOG_FORMAT", ""),
        ("BLS_PRIVATE_KEY", "0x01"),
        ("HEALTH_CHECK_PORT", "1234"),
        ("METRICS_PORT", "4321"),
        ("HOURGLASS_OPERATOR__ADDRESS", "0x1234567890abcdef1234567890abcdef12345678"),
    ]);
    let config = config::load(&sources).unwrap().config;
    assert_eq!(config.deployment_mode, DeploymentMode::Kubernetes);
    assert_eq!(config.kubernetes.unwrap().namespace, "ns");
    assert!(config.aggregator.tls);
    assert_eq!(config.log_level, "info", "an empty variable is unset");
    assert_eq!(config.health.listen.port(), 1234);
    assert_eq!(config.metrics.listen.port(), 4321);
    assert!(config.operator_keys.bn254.is_some() && config.operator_keys.ecdsa.is_none());
}

#[test]
fn one_item_of_a_list_and_whole_lists() {
    let mut sources = sources(&with_avs("args: [a, b]"));
    sources.env.insert("HOURGLASS_AVS_CONFIG__SUPPORTED_AVS__0__PERFORMER_IMAGE".into(), "org/q:v2".into());
    let loaded = config::load(&sources).unwrap();
    let avs = &loaded.config.avs[0];
    assert_eq!((avs.image.as_str(), avs.args.len()), ("org/q:v2", 2));
    assert_eq!(loaded.provenance("avs_config.supported_avs[0].address").to_string(), "executor.yaml:3:16");
    sources.flags = vec![("avs_config.supported_avs[0].args".into(), "[c]".into())];
    assert_eq!(config::load(&sources).unwrap().config.avs[0].args, ["c"], "a whole list replaces");
    sources.flags = vec![("avs_config.supported_avs".into(), "[]".into())];
    assert!(config::load(&sources).unwrap().config.avs.is_empty());
    sources.flags = vec![("avs_config.supported_avs.5.name".into(), "x".into())];
    let problems = config::load(&sources).unwrap_err();
    assert!(problems.to_string().contains("avs_config.supported_avs"), "{problems}");
}

#[test]
fn unknown_variables_are_errors_but_service_links_are_not() {
    let mut sources = sources("");
    sources.env.extend(env(&[
        ("HOURGLASS_EXECUTOR_SERVICE_HOST", "10.0.0.1"),
        ("HOURGLASS_EXECUTOR_SERVICE_PORT_GRPC", "9095"),
        ("HOURGLASS_EXECUTOR_PORT", "tcp://10.0.0.1:9095"),
        ("HOURGLASS_EXECUTOR_PORT_9095_TCP", "tcp://10.0.0.1:9095"),
        ("HOURGLASS_EXECUTOR_PORT_9095_TCP_ADDR", "10.0.0.1"),
        ("HOURGLASS_CONFIG", "/etc/x.yaml"),
        ("HOURGLASS_ENDPOINT", "127.0.0.1:9095"),
        ("HOURGLASS_CACHE", "/var/cache/hourglass"),
        ("METRICS_PORT", "tcp://10.0.0.1:8080"),
        ("UNRELATED", "x"),
    ]));
    config::load(&sources).unwrap();
    sources.env.insert("HOURGLASS_LOG_LEVLE".into(), "debug".into());
    let problems = config::load(&sources).unwrap_err();
    assert_eq!(problems.as_slice()[0].source, Source::Variable("HOURGLASS_LOG_LEVLE".into()));
    assert_eq!(problems.as_slice()[0].remedy, "did you mean 'log_level'?");
}

#[test]
fn wrong_values_name_their_variable_or_flag() {
    let mut sources = sources("");
    sources.env.insert("METRICS_PORT".into(), "eighty".into());
    sources.flags.push(("server.listen".into(), "everywhere".into()));
    let problems = config::load(&sources).unwrap_err();
    let places: Vec<String> = problems.as_slice().iter().map(|p| format!("{} {}", p.path, p.source)).collect();
    assert_eq!(places, ["metrics.port variable METRICS_PORT", "server.listen flag server.listen"]);
}

#[test]
fn aliases_are_noted() {
    let text =
        "performer_mode: kubernetes\nkubernetes:\n  namespace: ns\n  default_scheduling: {runtimeClass: gvisor}\n";
    let loaded = valid(&format!("{text}{}", with_avs("")));
    assert_eq!(loaded.config.avs[0].scheduling.runtime_class.as_deref(), Some("gvisor"));
    let notes: Vec<String> = loaded.notes.iter().map(|n| format!("{} {}", n.source, n.message)).collect();
    assert!(notes[0].contains("executor.yaml:1:1 'performer_mode' is accepted"), "{notes:?}");
    assert!(notes[1].contains("executor.yaml:4:3 'default_scheduling' is accepted"), "{notes:?}");
}

#[test]
fn secrets_are_masked_everywhere() {
    let text = format!(
        "operator_keys: {{ecdsa_private_key: SECRET1, ecdsa_password: SECRET2}}\nchains:\n  - {{name: a, chain_id: 1, rpc_url: 'https://user:SECRET3@host.example/v2/SECRET4'}}\n{}",
        with_avs("env: [{name: A, value: SECRET5}]")
    );
    let mut sources = sources(&text);
    sources.env.clear();
    let loaded = config::load(&sources).unwrap();
    let shown = format!("{loaded:?} {}", serde_json::to_string(&loaded.effective()).unwrap());
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("https://host.example/[secret]"), "{shown}");
    // Problems do not show them either, nor does a missing space make a secret a key that is shown whole.
    sources.env = env(&[KEY]);
    for (from, to) in [("https://user", "ftp://user"), ("{name: A, value: SECRET5}", "{name: A, value: [SECRET5]}")] {
        let file = sources.file.as_mut().unwrap();
        file.text = text.replace(from, to);
        let report = config::load(&sources).unwrap_err().to_string();
        assert!(!report.contains("SECRET"), "{report}");
    }
}

#[test]
fn effective_values_name_who_set_them() {
    let loaded = valid(&with_avs("task: {deadline: 5s}"));
    let effective = loaded.effective();
    let row = |path: &str| {
        let value = effective.iter().find(|value| value.path == path).unwrap_or_else(|| panic!("{path}"));
        format!("{} ({})", value.value, value.source)
    };
    assert_eq!(row("server.listen"), "0.0.0.0:9095 (default)");
    assert_eq!(row("operator_keys.ecdsa_private_key"), "[secret] (variable ECDSA_PRIVATE_KEY)");
    assert_eq!(row("avs_config.supported_avs[0].task.deadline"), "5s (executor.yaml:5:24)");
    assert_eq!(row("avs_config.supported_avs[0].replicas"), "1 (default)");
    assert!(!effective.iter().any(|v| v.path == "avs_config.supported_avs[0].task.max_queued"), "inherited");
}
