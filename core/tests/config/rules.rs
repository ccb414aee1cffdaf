//! One rule after another: what is refused, where, and what is accepted beside it.

use hourglass_core::CurveType;
use hourglass_core::config::{KeyMaterial, LogFormat, PerformerRuntime};
use hourglass_core::performer::{EnvSource, UpgradeStrategy};
use hourglass_core::ports::PublicKey;

use crate::{problem, valid, with_avs};

#[track_caller]
fn refused(text: &str, path: &str, words: &str) {
    let (found, place, message) = problem(text);
    assert_eq!(found, path, "{message}");
    assert!(message.contains(words), "{message}");
    assert!(place.starts_with("executor.yaml:"), "{place}");
}

const AVS: &str = "avs_config.supported_avs[0]";

#[test]
fn single_values() {
    for (line, path, words) in [
        ("log_level: loud", "log_level", "'trace', 'debug', 'info', 'warn' or 'error'"),
        ("log_format: 1", "log_format", "'json' or 'text'"),
        ("aggregator_endpoint: a", "aggregator_endpoint", "host:port"),
        ("aggregator_endpoint: 'a:0'", "aggregator_endpoint", "host:port"),
        ("aggregator_endpoint: 'a b:1'", "aggregator_endpoint", "host:port"),
        ("aggregator_endpoint: '[x]:1'", "aggregator_endpoint", "host:port"),
        ("aggregator_tls_enabled: yes", "aggregator_tls_enabled", "true or false"),
        ("aggregator_timeout: 0s", "aggregator_timeout", "longer than 0"),
        ("server: {listen: 'localhost:1'}", "server.listen", "an IP address and a port"),
        ("server: {max_payload_bytes: 0}", "server.max_payload_bytes", "a number of bytes"),
        ("server: {max_payload_bytes: 1Gi}", "server.max_payload_bytes", "at most 256Mi"),
        ("server: {task_timeout: 3651d}", "server.task_timeout", "at most 3650d"),
        ("server: {max_payload_bytes: 1m}", "server.max_payload_bytes", "a number of bytes"),
        ("server: {max_concurrent_tasks: 0}", "server.max_concurrent_tasks", "from 1 to"),
        ("server: {max_concurrent_tasks: +1}", "server.max_concurrent_tasks", "from 1 to"),
        ("server: {task_timeout: 30}", "server.task_timeout", "30s"),
        ("server: {task_timeout: 0s}", "server.task_timeout", "longer than 0"),
        ("server: 1", "server", "expected a mapping, found a single value"),
        ("chains: {}", "chains", "expected a list of mappings, found a mapping"),
        ("health: {port: 65536}", "health.port", "1 to 65535"),
        ("health: {address: here}", "health.address", "not an IP address"),
        ("metrics: {path: metrics}", "metrics.path", "begins with '/'"),
        ("operator: {address: '0x0000000000000000000000000000000000000000'}", "operator.address", "zero address"),
        ("operator: {name: 'My Executor'}", "operator.name", "not a valid name"),
        ("storage: {retention: 59m}", "storage.retention", "at least 1h"),
        ("storage: {path: ''}", "storage.path", "empty"),
        ("tasks: {deadline: 0s}", "tasks.deadline", "longer than 0"),
        ("avs_config: {supported_avs: [~]}", AVS, "this entry is empty"),
        ("operator_keys: {bls_private_key: ''}", "operator_keys.bls_private_key", "empty"),
    ] {
        refused(line, path, words);
    }
}

#[test]
fn addresses_have_checksums() {
    let wrong =
        with_avs("").replace("1234567890abcdef1234567890abcdef12345678", "5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed");
    refused(&wrong, &format!("{AVS}.address"), "write it as 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
}

#[test]
fn the_section_of_kubernetes_mode() {
    refused(&format!("deployment_mode: kubernetes\n{}", with_avs("")), "kubernetes", "required in kubernetes mode");
    refused("deployment_mode: kubernetes\nkubernetes: {cleanup_timeout: 1s}\n", "kubernetes.namespace", "required");
    refused("deployment_mode: kubernetes\nkubernetes: {namespace: A}\n", "kubernetes.namespace", "not a valid name");
    for key in ["group", "version", "kind"] {
        let text = format!("deployment_mode: kubernetes\nkubernetes: {{namespace: a, performer_crd_{key}: other}}\n");
        refused(&text, &format!("kubernetes.performer_crd_{key}"), "only '");
    }
    let docker = valid("kubernetes: {namespace: a}\n");
    assert!(docker.notes.iter().any(|n| n.message.contains("unused in docker mode")), "{:?}", docker.notes);
}

#[test]
fn service_patterns() {
    for (pattern, words) in [
        ("performer-{nam}:{port}", "only {name}"),
        ("performer:{port}", "the same address"),
        ("performer-{name}", "port is missing"),
        ("performer-{name", "only {name}"),
    ] {
        refused(
            &format!("performer_config: {{service_pattern: '{pattern}'}}\n"),
            "performer_config.service_pattern",
            words,
        );
    }
    let config = valid("performer_config: {service_pattern: 'x-{name}.{namespace}:{port}'}\n").config;
    let endpoint = config.performer.service_endpoint("a", &Default::default(), "ns", 1);
    assert_eq!(endpoint.as_deref(), Some("x-a.ns:1"));
}

#[test]
fn images_and_versions() {
    let image =
        |image: &str, version: &str| with_avs(&format!("performer_version: {version}")).replace("org/p:v1", image);
    for (name, version, result) in [
        ("p", "v1", "p:v1"),
        ("p:v1", "v1", "p:v1"),
        ("p@sha256:ab", "~", "p@sha256:ab"),
        ("h:5000/p", "2", "h:5000/p:2"),
    ] {
        assert_eq!(valid(&image(name, version)).config.avs[0].image.as_str(), result);
    }
    refused(&image("p:v1", "v2"), &format!("{AVS}.performer_version"), "already carries 'v1'");
    refused(&image("'a b'", "~"), &format!("{AVS}.performer_image"), "white space");
    refused(&image("/bin/p", "~"), &format!("{AVS}.performer_image"), "development.performers");
    let missing = with_avs("").replace("      performer_image: org/p:v1\n", "");
    refused(&missing, &format!("{AVS}.performer_image"), "required");
}

#[test]
fn processes_need_development() {
    let process = |rest: &str, image: &str| {
        format!("development: {{performers: process{rest}}}\n{}", with_avs("performer_version: v9"))
            .replace("org/p:v1", image)
    };
    refused(&process("", "/bin/p"), "development.performers", "development.enabled");
    refused(&process(", enabled: true", "bin/p"), &format!("{AVS}.performer_image"), "absolute path");
    for image in ["/bin/p", "file:///bin/p"] {
        let config = valid(&process(", enabled: true, mock_services: true", image)).config;
        assert_eq!(config.development.performers, PerformerRuntime::Process);
        assert_eq!(config.avs[0].image.as_str(), "/bin/p");
    }
}

#[test]
fn names_and_addresses_are_unique() {
    let two = |a: &str, b: &str| {
        format!(
            "{}    - {{address: '0x{}', performer_image: q, name: '{b}'}}\n",
            with_avs(&format!("name: '{a}'")),
            "2".repeat(40)
        )
    };
    refused(&two("a", "a"), "avs_config.supported_avs[1].name", "avs_config.supported_avs[0] has this name");
    let same = two("a", "b").replace(&"2".repeat(40), "1234567890ABCDEF1234567890ABCDEF12345678");
    refused(&same, "avs_config.supported_avs[1].address", "has this address too");
    let config = valid(&two("My AVS", "my-avs")).config;
    let names: Vec<&str> = config.avs.iter().map(|avs| avs.performer_name().as_str()).collect();
    assert_eq!(names, ["my-avs", "my-avs-22222222"], "one name is never two performers");
    let nameless = valid(&two("…", "x")).config;
    assert_eq!(nameless.avs[0].performer_name().as_str(), "avs-12345678");
    let many = format!("performer_config: {{max_performers: 1}}\n{}", two("a", "b"));
    refused(&many, "avs_config.supported_avs", "max_performers is 1");
}

#[test]
fn keys_have_one_source() {
    for (keys, path, words) in [
        ("ecdsa_private_key_path: /a, ecdsa_keystore_path: /b", "ecdsa_keystore_path", "already says"),
        ("ecdsa_private_key_path: /a", "ecdsa_private_key", "already says"),
        ("bls_password: x", "bls_password", "no key that this password opens"),
        ("ecdsa_password: x, ecdsa_password_path: /p", "ecdsa_password_path", "already gives"),
        ("bls_fd: 1", "bls_fd", "from 3 to"),
    ] {
        let problems = crate::load(&format!("operator_keys: {{{keys}}}\n")).unwrap_err();
        let problem = &problems.as_slice()[0];
        assert_eq!(problem.path, format!("operator_keys.{path}"), "{problems}");
        assert!(problem.message.contains(words), "{problems}");
    }
    let config = valid("operator_keys: {bls_keystore_path: /b, bls_password_path: /p}\n").config;
    assert!(matches!(config.operator_keys.ecdsa.unwrap().material, KeyMaterial::Inline(_)));
    assert!(matches!(config.operator_keys.bn254.unwrap().material, KeyMaterial::Keystore(_)));
    let mut sources = crate::sources("operator_keys: {bls_fd: 5}\n");
    sources.env.clear();
    let problems = hourglass_core::config::load(&sources).unwrap_err();
    assert_eq!(problems.as_slice()[0].path, "operator.address", "{problems}");
}

#[test]
fn management_without_authentication_stays_on_loopback() {
    assert_eq!(valid("").config.management.listen, None, "it shares the server's port");
    let open = "authentication: {enabled: false}\n";
    assert_eq!(valid(open).config.management.listen, Some("127.0.0.1:9096".parse().unwrap()));
    refused(&format!("{open}management: {{listen: '0.0.0.0:9096'}}\n"), "management.listen", "loopback only");
    valid(&format!("{open}management: {{listen: '[::1]:9096'}}\n"));
    valid("management: {listen: '0.0.0.0:9096'}\n");
}

#[test]
fn listeners_do_not_collide() {
    refused("metrics: {port: 9095}\n", "metrics.port", "collides with server.listen");
    refused("management: {listen: '127.0.0.1:9095'}\n", "management.listen", "collides with server.listen");
    valid("health: {port: 8080}\nmetrics: {enabled: false}\n");
    valid("server: {listen: '127.0.0.1:8080'}\nmetrics: {address: 127.0.0.2}\n");
}

#[test]
fn tls_is_whole() {
    refused("server: {tls: {cert_path: /c}}\n", "server.tls.key_path", "certificate and its key");
    let tls = valid("server: {tls: {cert_path: /c, key_path: /k, client_ca_path: /ca}}\n").config.server.tls.unwrap();
    assert!(tls.client_ca_path.is_some());
}

#[test]
fn trust() {
    let key = "ab".repeat(128);
    let address = "0x3333333333333333333333333333333333333333";
    let config = valid(&with_avs(&format!(
        "aggregators: [{{address: '{address}'}}, {{address: '0x{}', bn254_public_key: '0x{key}'}}]\noperator_sets: [{{id: 1, curve: ecdsa, verifier_address: '{address}', domain_version: v1.8.0}}]",
        "4".repeat(40)
    )))
    .config;
    let avs = &config.avs[0];
    assert_eq!(avs.aggregators[0].key, PublicKey::Ecdsa(address.parse().unwrap()));
    assert_eq!(avs.aggregators[1].key.curve(), CurveType::Bn254);
    assert_eq!(avs.operator_sets[0].mandate.curve(), CurveType::Ecdsa);
    for (lines, path, words) in [
        (
            format!("aggregators: [{{address: '{address}', ecdsa_address: '{address}', bn254_public_key: '0x{key}'}}]"),
            "aggregators[0].bn254_public_key",
            "one curve",
        ),
        (
            format!("aggregators: [{{address: '{address}'}}, {{address: '{address}'}}]"),
            "aggregators[1].address",
            "twice",
        ),
        ("aggregators: [{ecdsa_address: '0x1'}]".into(), "aggregators[0].ecdsa_address", "40 hexadecimal"),
        ("operator_sets: [{id: 1, curve: bn254}]".into(), "operator_sets[0].curve", "no key of this curve"),
        (
            format!("operator_sets: [{{id: 1, curve: ecdsa, verifier_address: '{address}'}}]"),
            "operator_sets[0].domain_version",
            "required",
        ),
        ("operator_sets: [{id: -1, curve: bn254}]".into(), "operator_sets[0].id", "whole number"),
        ("operator_sets: [{id: 1, curve: p256}]".into(), "operator_sets[0].curve", "'ecdsa' or 'bn254'"),
    ] {
        let problems = crate::load(&with_avs(&lines)).unwrap_err();
        let found = problems.as_slice().iter().find(|p| p.path == format!("{AVS}.{path}"));
        assert!(found.is_some_and(|p| format!("{p}").contains(words)), "{problems}");
    }
}

#[test]
fn everything_else_of_an_avs() {
    let text = format!(
        "tasks: {{deadline: 7s, max_queued: 9}}\nlog_format: json\n{}",
        with_avs(
            "replicas: 2\nupgrade: {strategy: BlueGreen, drain_deadline: 1m30s}\ntask: {max_queued: 3, idempotent: true}\nenv: [{name: A, value: ''}, {name: B, value_from_env: C}]\ncommand: [/run, 1]\nport: 7000\nimage_pull_policy: Never\nsecurity: {run_as_user: 0, read_only_root: false, add_capabilities: [NET_BIND_SERVICE]}"
        )
    );
    let config = valid(&text).config;
    assert_eq!(config.log_format, LogFormat::Json);
    let avs = &config.avs[0];
    assert_eq!((avs.task.deadline.as_secs(), avs.task.max_queued, avs.task.idempotent), (7, 3, true));
    assert_eq!(avs.upgrade.strategy, UpgradeStrategy::BlueGreen);
    assert_eq!(avs.upgrade.drain_deadline.as_secs(), 90);
    let spec = avs.performer_spec(&config);
    assert_eq!(spec.replicas, 2);
    assert_eq!(spec.env[1].source, EnvSource::FromExecutor("C".into()));
    assert_eq!(spec.command, ["/run", "1"]);
    assert_eq!(spec.security.run_as_user, Some(0));
    for (line, path, words) in [
        ("env: [{name: A}]", "env[0].value", "no value"),
        ("env: [{name: A, value: x, value_from_env: B}]", "env[0].value_from_env", "'value' is given too"),
        ("env: [{name: A, value: x}, {name: A, value: y}]", "env[1].name", "twice"),
        ("env: [{name: 'A=B', value: x}]", "env[0].name", "no '='"),
        ("replicas: 0", "replicas", "from 1 to 100"),
        ("task: {deadline: 0s}", "task.deadline", "longer than 0"),
        (
            "default_resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}",
            "default_resources.requests.cpu",
            "greater than the limit",
        ),
        ("default_resources: {limits: {cpu: [1]}}", "default_resources.limits.cpu", "expected a quantity"),
        ("default_resources: {limits: {nvidia.com/gpu: 1, cpu: 1}}\nhardware: {gpu_count: 2}", "hardware", "is 1"),
        ("hardware: {gpu: {required: true, count: 1}, gpu_count: 2}", "hardware.gpu.count", "differ"),
        ("hardware: {gpu: {required: false, count: 1}}", "hardware.gpu.required", "not required"),
        ("hardware: {gpu_type: nvidia-t4, gpu_count: 0}", "hardware.gpu_count", "count is 0"),
        ("scheduling: {node_selector: {a: }}", "scheduling.node_selector.a", "'' for an empty one"),
        ("hardware: {tee: {required: true}}", "hardware", "not of which type"),
        ("hardware: {custom_labels: {a: b}}", "hardware", "docker mode"),
        (
            "scheduling: {tolerations: [{operator: Exists, key: a, value: b}]}",
            "scheduling.tolerations[0].value",
            "compares no value",
        ),
        ("scheduling: {tolerations: [{value: b}]}", "scheduling.tolerations[0].key", "must be 'Exists'"),
        (
            "scheduling: {node_affinity: {required: {node_selector_terms: [{}]}}}",
            "scheduling.node_affinity.required_during_scheduling_ignored_during_execution.node_selector_terms[0]",
            "matches no node",
        ),
        (
            "scheduling: {node_affinity: {required: {node_selector_terms: []}}}",
            "scheduling.node_affinity.required_during_scheduling_ignored_during_execution.node_selector_terms",
            "no node would ever do",
        ),
    ] {
        refused(&with_avs(line), &format!("{AVS}.{path}"), words);
    }
}

#[test]
fn gpus_without_a_count_are_those_of_the_resources() {
    for hardware in ["{gpu: {required: true}}", "{gpu_type: nvidia-t4}", "{gpu: {required: true, type: nvidia-t4}}"] {
        for (resources, count) in [("{}", 1), ("{nvidia.com/gpu: 4}", 4)] {
            let text = with_avs(&format!("default_resources: {{limits: {resources}}}\nhardware: {hardware}"));
            let avs = valid(&text).config.avs.remove(0);
            let devices = hourglass_core::hardware::devices(&avs.hardware, &avs.resources).unwrap();
            let [hourglass_core::hardware::DeviceRequest::Gpus { count: found, .. }] = devices[..] else {
                panic!("{devices:?}")
            };
            assert_eq!(found, count, "{hardware} {resources}");
        }
    }
    let none = valid(&with_avs("hardware: {gpu: {required: false, type: nvidia-t4}}")).config.avs.remove(0);
    assert_eq!(none.hardware, Default::default());
}

#[test]
fn processes_are_given_no_hardware() {
    let text = format!("development: {{enabled: true, performers: process}}\n{}", with_avs("hardware: {gpu_count: 1}"));
    refused(&text.replace("org/p:v1", "/bin/p"), &format!("{AVS}.hardware"), "plain processes");
}

#[test]
fn a_key_in_the_wrong_place_is_not_shown() {
    let key = "ab".repeat(32);
    for text in [
        format!("operator: {{address: '0x{key}'}}\n"),
        format!("operator_keys: {{bls_private_key_path: '{key}'}}\n"),
        format!("server: {{listen: '{key}'}}\n"),
    ] {
        let (_, _, message) = problem(&text);
        assert!(!message.contains(&key), "{message}");
    }
}

#[test]
fn node_affinity_in_both_spellings() {
    let camel = "scheduling:\n  priorityClassName: high\n  nodeAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n      nodeSelectorTerms:\n        - matchExpressions: [{key: zone, operator: In, values: [a, b]}]\n    preferredDuringSchedulingIgnoredDuringExecution:\n      - {weight: 5, preference: {matchExpressions: [{key: disk, operator: Exists}]}}";
    let snake = "scheduling:\n  priority_class: high\n  node_affinity:\n    required:\n      node_selector_terms:\n        - match_expressions: [{key: zone, operator: In, values: [a, b]}]\n    preferred:\n      - {weight: 5, preference: {match_expressions: [{key: disk, operator: Exists}]}}";
    let (camel, snake) = (valid(&with_avs(camel)).config.avs.remove(0), valid(&with_avs(snake)).config.avs.remove(0));
    assert_eq!(camel.scheduling, snake.scheduling);
    assert_eq!(camel.scheduling.required_nodes[0].labels[0].values, ["a", "b"]);
    assert_eq!(camel.scheduling.preferred_nodes[0].weight, 5);
    assert_eq!(camel.scheduling.priority_class.as_deref(), Some("high"));
}

#[test]
fn chains_are_kept() {
    let chain =
        |more: &str| format!("chains:\n  - {{name: ethereum, chain_id: 1, rpc_url: 'https://e.example'{more}}}\n");
    let loaded = valid(&chain(", gas_limit: 5, gas_price_multiplier: 1.2, retry_backoff: 2s"));
    assert_eq!(loaded.notes.iter().filter(|n| n.message.contains("sends no transactions")).count(), 2);
    assert_eq!(loaded.config.chains[0].retry_backoff.as_secs(), 2);
    refused(&chain(", ws_url: 'https://e.example'"), "chains[0].ws_url", "'ws://' or 'wss://'");
    let twice = format!("{}  - {{name: base, chain_id: 1, rpc_url: 'https://e.example'}}\n", chain(""));
    refused(&twice, "chains[1].chain_id", "chains[0] has the same");
}
