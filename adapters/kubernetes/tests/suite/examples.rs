//! Files that people begin with, and the YAML of the specification.

use std::collections::BTreeMap;

use hourglass_core::config::{self, ConfigFile, Sources};
use hourglass_core::hardware::HardwareTables;
use hourglass_kubernetes::api::HourglassExecutor;
use hourglass_kubernetes::executor::{Warning, children};
use hourglass_kubernetes::validate::{Validator, check};

use super::generated::root;
use super::old_objects::documents;

#[test]
fn examples_and_the_specification_are_valid() {
    let validator = Validator::new(HardwareTables::default()).unwrap();
    let mut resources = BTreeMap::new();
    for folder in ["deploy/examples", "deploy/templates/examples", "adapters/kubernetes/tests/spec"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // Configurations of executors without Kubernetes, and what is wrong on purpose.
            if ["executor-docker.yaml", "executor-compose.yaml", "executor-development.yaml", "old-objects.yaml"]
                .contains(&name.as_str())
            {
                continue;
            }
            let checked = check(&validator, &name, &std::fs::read_to_string(&path).unwrap());
            assert!(checked.findings.is_empty(), "{:#?}", checked.findings);
            assert!(checked.resources > 0, "{name}");
            resources.insert(format!("{folder}/{name}"), checked.resources);
        }
    }
    assert!(resources.len() >= 14, "{resources:?}");
}

/// What executors of the examples are configured with besides, as the executor itself reads it.
#[test]
fn additional_configuration_is_what_executors_read() {
    let mut count = 0;
    for folder in ["deploy/examples", "deploy/templates/examples"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            for document in documents(&std::fs::read_to_string(&path).unwrap()) {
                if document["kind"] != "HourglassExecutor" {
                    continue;
                }
                let executor: HourglassExecutor = serde_json::from_value(document).unwrap();
                let more = executor.spec.config.unwrap().additional_config.unwrap();
                let mut whole = serde_json::Map::from_iter([
                    ("deployment_mode".to_owned(), "kubernetes".into()),
                    ("kubernetes".to_owned(), serde_json::json!({ "namespace": "my-avs-project" })),
                    ("operator_keys".to_owned(), serde_json::json!({ "ecdsa_private_key_path": "/keys/ecdsa" })),
                ]);
                whole.extend(more);
                let text = serde_json::to_string(&whole).unwrap();
                let name = path.display().to_string();
                let file = Some(ConfigFile { name, text });
                config::load(&Sources { file, ..Sources::default() }).unwrap_or_else(|problems| panic!("{problems}"));
                count += 1;
            }
        }
    }
    assert!(count >= 6, "{count}");
}

/// The specification's, with its keys as text and two replicas, too.
#[test]
fn executors_of_the_examples_can_be_run() {
    let mut warnings = BTreeMap::new();
    for folder in ["deploy/examples", "deploy/templates/examples", "adapters/kubernetes/tests/spec"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            for document in documents(&std::fs::read_to_string(&path).unwrap()) {
                if document["kind"] != "HourglassExecutor" || path.ends_with("old-objects.yaml") {
                    continue;
                }
                let mut executor: HourglassExecutor = serde_json::from_value(document).unwrap();
                executor.metadata.namespace.get_or_insert_with(|| "my-avs-project".to_owned());
                let name = format!("{folder}/{}", path.file_name().unwrap().display());
                let made = children(&executor, None).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
                let reasons: Vec<_> = made.warnings.iter().map(Warning::reason).collect();
                warnings.insert(name, reasons);
            }
        }
    }
    let specified = warnings.remove("adapters/kubernetes/tests/spec/executor.yaml").unwrap();
    assert_eq!(specified, ["LiteralKeys", "JournalNotShared"]);
    let ours: Vec<_> = warnings.iter().filter(|(name, _)| name.starts_with("deploy/")).collect();
    assert!(ours.len() >= 6 && ours.iter().all(|(_, reasons)| reasons.is_empty()), "{warnings:?}");
}
