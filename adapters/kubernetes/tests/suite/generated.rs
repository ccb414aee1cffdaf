//! Generated files are what the types generate. `make manifests` (`UPDATE_GENERATED=1`) writes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hourglass_kubernetes::crd;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn check(path: &str, generated: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, generated).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == generated, "{path} is out of date: run make manifests");
}

#[test]
fn generated_definitions() {
    for manifest in crd::manifests() {
        check(&format!("deploy/config/crd/bases/{}", manifest.file), &manifest.yaml);
    }
}

#[test]
fn generated_reference() {
    check("docs/api-reference.md", &crd::reference_markdown());
}

#[test]
fn definitions_are_what_kubernetes_calls_one() {
    for definition in [crd::performers(), crd::executors()] {
        let typed: CustomResourceDefinition = serde_json::from_value(definition.clone()).unwrap();
        let again = serde_json::to_value(&typed).unwrap();
        // Nothing is lost: every keyword is one that Kubernetes knows.
        let (ours, theirs) = (keywords(&definition), keywords(&again));
        assert!(ours.is_subset(&theirs), "{:?}", ours.difference(&theirs).collect::<Vec<_>>());
    }
}

fn keywords(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            found.insert(name.clone());
            found.extend(keywords(field));
        }),
        Value::Array(items) => items.iter().for_each(|item| found.extend(keywords(item))),
        _ => {}
    }
    found
}

/// `kubectl apply` keeps the whole file in an annotation, and annotations have 262,144 bytes in all.
#[test]
fn definitions_can_be_applied_by_kubectl() {
    for definition in [crd::performers(), crd::executors()] {
        let size = serde_json::to_string(&definition).unwrap().len();
        assert!(size < 200_000, "{size} bytes");
    }
}

#[test]
fn every_field_is_described_and_bounded() {
    fn walk(schema: &Value, path: &str, problems: &mut Vec<String>) {
        let kind = schema["type"].as_str().unwrap_or_default();
        let bound = |keyword: &str| schema[keyword].is_u64();
        let bounded = match kind {
            "string" => bound("maxLength") || schema["enum"].is_array() || schema["format"] == "date-time",
            "array" => bound("maxItems"),
            "object" => schema["additionalProperties"].is_null() || bound("maxProperties"),
            "" => schema["x-kubernetes-int-or-string"] == true && bound("maxLength"),
            _ => true,
        };
        if !bounded {
            problems.push(format!("{path} has no bound"));
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            if field["description"].as_str().is_none_or(|text| text.len() < 8 || text.contains("  ")) {
                problems.push(format!("{path}.{name} has no description"));
            }
            walk(field, &format!("{path}.{name}"), problems);
        }
        for keyword in ["items", "additionalProperties"] {
            if schema[keyword].is_object() {
                walk(&schema[keyword], &format!("{path}[]"), problems);
            }
        }
        for unwanted in ["$ref", "oneOf", "allOf", "title", "nullable", "const"] {
            if !schema[unwanted].is_null() {
                problems.push(format!("{path} has {unwanted}"));
            }
        }
    }
    for definition in [crd::performers(), crd::executors()] {
        let mut problems = Vec::new();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for part in ["spec", "status"] {
            walk(&schema["properties"][part], part, &mut problems);
        }
        assert!(problems.is_empty(), "{problems:#?}");
    }
}
