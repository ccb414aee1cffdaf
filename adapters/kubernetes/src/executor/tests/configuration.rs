use hourglass_core::config::{Config, ConfigFile, DeploymentMode, KeyMaterial, Loaded, Password, Sources, load};
use hourglass_core::scheduling::{NodeOperator, TaintEffect, TolerationOperator};
use serde_json::{Value, json};

use super::{everything, executor, made, refused, told};
use crate::api::HourglassExecutor;

fn text(executor: &HourglassExecutor) -> String {
    made(executor).config_map.data.unwrap().remove("config.yaml").unwrap()
}

/// As the executor reads it.
fn read(executor: &HourglassExecutor) -> Loaded {
    let file = Some(ConfigFile { name: "config.yaml".into(), text: text(executor) });
    load(&Sources { file, ..Sources::default() }).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn an_executor_reads_everything_that_was_asked_for() {
    let loaded = read(&everything());
    let former = loaded.notes.iter().find(|note| note.message.contains("the key's name is"));
    assert_eq!(former, None, "every key is spelled as it should be");
    let Config { aggregator, chains, kubernetes, operator_keys, storage, .. } = &loaded.config;
    let endpoint = aggregator.endpoint.as_ref().unwrap();
    assert_eq!((endpoint.host.as_str(), endpoint.port), ("aggregator.hourglass.io", 9090));
    assert_eq!(
        (loaded.config.deployment_mode, loaded.config.log_level.as_str()),
        (DeploymentMode::Kubernetes, "debug")
    );
    assert_eq!(loaded.config.operator.name, "example");
    assert!(loaded.config.operator.address.is_some());

    let found: Vec<_> =
        chains.iter().map(|chain| (chain.name.as_str(), chain.chain_id, chain.rpc_url.expose())).collect();
    let (ethereum, base) = ("https://eth.example.com/v2/KEY".to_owned(), "http://base.example.com".to_owned());
    assert_eq!(found, [("ethereum", 1, &ethereum), ("base", 8453, &base)]);
    assert!(chains[0].contracts.contains_key("task_mailbox_address") && chains[1].contracts.is_empty());

    let ecdsa = operator_keys.ecdsa.as_ref().unwrap();
    assert!(matches!(&ecdsa.material, KeyMaterial::Path(path) if path.to_str() == Some("/keys/ecdsa")));
    let bls = operator_keys.bn254.as_ref().unwrap();
    assert!(matches!(&bls.material, KeyMaterial::Keystore(path) if path.to_str() == Some("/keys/blsKeystore")));
    assert!(matches!(&bls.password, Some(Password::Path(path)) if path.to_str() == Some("/keys/blsPassword")));
    assert!(storage.path.starts_with("/var/lib/hourglass") && storage.retention.as_secs() == 7 * 86_400);

    let kubernetes = kubernetes.as_ref().unwrap();
    assert!(kubernetes.namespace == "avs-ns" && kubernetes.cleanup_on_shutdown);
    let scheduling = &kubernetes.scheduling;
    assert_eq!(scheduling.node_selector["disk"], "ssd");
    assert_eq!(scheduling.node_selector["yes"], "on", "a label is no boolean");
    assert_eq!(scheduling.runtime_class.as_deref(), Some("gvisor"));
    let [equal, seconds, all] = scheduling.tolerations.as_slice() else { panic!("{scheduling:?}") };
    assert_eq!((equal.operator, equal.value.as_deref()), (TolerationOperator::Equal, Some("avs")));
    assert_eq!((seconds.seconds, seconds.effect), (Some(30), Some(TaintEffect::NoExecute)));
    assert_eq!((all.operator, &all.key, all.effect), (TolerationOperator::Exists, &None, None));
    let [labels, fields] = scheduling.required_nodes.as_slice() else { panic!("{scheduling:?}") };
    assert_eq!((labels.labels.len(), labels.labels[1].operator, fields.fields.len()), (2, NodeOperator::Gt, 1));
    assert_eq!((scheduling.preferred_nodes[0].weight, scheduling.preferred_nodes.len()), (50, 1));
    assert_eq!(loaded.config.avs.len(), 1);
}

#[test]
fn little_is_enough() {
    let loaded = read(&executor(json!({})));
    assert_eq!(loaded.config.deployment_mode, DeploymentMode::Kubernetes);
    assert_eq!(loaded.config.kubernetes.unwrap().namespace, "avs-ns");
    assert_eq!((loaded.config.server.listen.port(), loaded.config.health.listen.port()), (9095, 8090));
}

#[test]
fn the_file_reads_well() {
    insta::assert_snapshot!(text(&everything()));
}

/// The spec, and the field and the words of the one problem with it.
#[test]
fn problems_name_their_field() {
    let config = |config: Value| json!({ "config": config });
    let more = |more: Value| config(json!({ "additionalConfig": more }));
    let cases = [
        (config(json!({ "operatorKeyRefs": null })), "spec.config.operatorKeyRefs", "no signing key"),
        (config(json!({ "operatorKeys": { "rsa": "x" } })), "spec.config.operatorKeys.rsa", "no such key"),
        (config(json!({ "operatorKeys": { "bls": " " } })), "spec.config.operatorKeys.bls", "is empty"),
        (config(json!({ "operatorKeys": { "ecdsa": "0x1" } })), "spec.config.operatorKeyRefs.ecdsa", "too"),
        (
            config(json!({ "operatorKeyRefs": { "bls": { "name": "operator", "key": "" } } })),
            "spec.config.operatorKeyRefs.bls",
            "name or key is empty",
        ),
        (
            config(
                json!({ "operatorKeys": { "bls": "1" }, "operatorKeyRefs": { "ecdsa": { "name": "example-keys" } } }),
            ),
            "spec.config.operatorKeyRefs",
            "moved into",
        ),
        (config(json!({ "aggregatorEndpoint": "https://a" })), "spec.config.aggregatorEndpoint", "host:port"),
        (config(json!({ "logLevel": "loud" })), "spec.config.logLevel", "loud"),
        (
            config(json!({ "chains": [{ "name": "a", "rpc": "wss://a/SECRET", "chainId": 1 }] })),
            "spec.config.chains[0].rpc",
            "http",
        ),
        (
            config(json!({ "kubernetes": { "defaultScheduling": { "tolerations": [{ "value": "x" }] } } })),
            "spec.config.kubernetes.defaultScheduling.tolerations[0].key",
            "without a key",
        ),
        (more(json!({ "server": { "listne": "x" } })), "spec.config.additionalConfig.server.listne", "no such key"),
        (more(json!({ "storage": { "path": "/tmp" } })), "spec.config.additionalConfig.storage.path", "sets this"),
        (more(json!({ "server": { "listen": "0.0.0.0:0" } })), "spec.config.additionalConfig.server.listen", "port"),
        (
            more(json!({ "operator_keys": { "bls_private_key": "0xSECRET" } })),
            "spec.config.additionalConfig.operator_keys.bls_private_key",
            "ConfigMap",
        ),
        (json!({ "image": " " }), "spec.image", "no image"),
    ];
    for (spec, path, words) in cases {
        let problems = refused(&executor(spec.clone()));
        let found = problems.iter().find(|problem| problem.path == path);
        let found = found.unwrap_or_else(|| panic!("{path} in {}", told(&problems)));
        assert!(found.to_string().contains(words), "{found}");
        assert!(!told(&problems).contains("SECRET"), "{}", told(&problems));
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let executor = executor(json!({
        "image": "",
        "config": { "logLevel": "loud", "operatorKeyRefs": null, "additionalConfig": { "taskss": {} } },
    }));
    let problems = refused(&executor);
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    let expected =
        ["spec.image", "spec.config.operatorKeyRefs", "spec.config.logLevel", "spec.config.additionalConfig.taskss"];
    assert!(expected.iter().all(|path| paths.contains(path)) && paths.len() == 4, "{paths:?}");
}

#[test]
fn a_name_that_no_workload_can_have_is_a_problem() {
    for name in ["a".repeat(53), "a.b".to_owned()] {
        let mut executor = executor(json!({}));
        executor.metadata.name = Some(name);
        assert_eq!(refused(&executor)[0].path, "metadata.name");
    }
}
