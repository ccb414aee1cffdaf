use cargo_metadata::{Metadata, Package};
use hourglass_tests::architecture::{Violation, metadata, violations};
use serde_json::{Value, json};

fn manifest(package: &Package) -> String {
    std::fs::read_to_string(&package.manifest_path).unwrap()
}

#[test]
fn the_workspace_keeps_the_rules() {
    let found = violations(&metadata().unwrap(), manifest);
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "docs/architecture.md forbids:\n{}", lines.join("\n"));
}

/// The real metadata, changed: whatever this test breaks on purpose must be seen.
fn mutated(change: impl FnOnce(&mut Value)) -> Vec<Violation> {
    let mut json = serde_json::to_value(metadata().unwrap()).unwrap();
    change(&mut json);
    let changed: Metadata = serde_json::from_value(json).unwrap();
    // A manifest that was moved is not there to be read; its lints are not what is tested.
    violations(&changed, |_| "[lints]\nworkspace = true\n".into())
}

fn package<'a>(json: &'a mut Value, name: &str) -> &'a mut Value {
    json["packages"].as_array_mut().unwrap().iter_mut().find(|package| package["name"] == name).unwrap()
}

/// Gives one package another's entry in its manifest.
fn depend(json: &mut Value, name: &str, on: &str, from: &str) {
    let entry = package(json, from)["dependencies"].as_array().unwrap().iter().find(|d| d["name"] == on).unwrap();
    let entry = entry.clone();
    package(json, name)["dependencies"].as_array_mut().unwrap().push(entry);
}

fn one(found: &[Violation], package: &str, problem: &str) {
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(lines, [format!("{package}: {problem}")]);
}

#[test]
fn an_adapter_that_depends_on_another_is_seen() {
    let found = mutated(|json| depend(json, "hourglass-grpc", "hourglass-keys", "hourglass-executor"));
    one(&found, "hourglass-grpc", "an adapter depends on adapter hourglass-keys");
}

#[test]
fn a_core_that_names_a_runtime_or_an_adapter_is_seen() {
    let found = mutated(|json| depend(json, "hourglass-core", "tokio", "hourglass-grpc"));
    one(&found, "hourglass-core", "tokio is not among the crates that the core may name");
    let found = mutated(|json| depend(json, "hourglass-core", "hourglass-keys", "hourglass-executor"));
    assert!(found.iter().any(|v| v.problem == "the core depends on hourglass-keys"), "{found:?}");
}

#[test]
fn a_core_that_reaches_a_runtime_through_others_is_seen() {
    let found = mutated(|json| {
        let id_of = |json: &mut Value, name: &str| package(json, name)["id"].clone();
        let (via, tokio) = (id_of(json, "tracing"), id_of(json, "tokio"));
        let nodes = json["resolve"]["nodes"].as_array_mut().unwrap();
        let node = nodes.iter_mut().find(|node| node["id"] == via).unwrap();
        let kinds = json!([{ "kind": null, "target": null }]);
        node["deps"].as_array_mut().unwrap().push(json!({ "name": "tokio", "pkg": tokio, "dep_kinds": kinds }));
    });
    assert!(found.contains(&Violation { package: "hourglass-core".into(), problem: "the core reaches tokio".into() }));
}

#[test]
fn a_crate_outside_the_picture_or_without_lints_is_seen() {
    let found = mutated(|json| {
        let root = json["workspace_root"].as_str().unwrap().to_owned();
        package(json, "hourglass-keys")["manifest_path"] = format!("{root}/elsewhere/Cargo.toml").into();
    });
    one(&found, "hourglass-keys", "stands in none of core/, adapters/, apps/, tests/");

    let without = |package: &Package| manifest(package).replace("[lints]\nworkspace = true", "[lints]");
    let found = violations(&metadata().unwrap(), without);
    let members = metadata().unwrap().workspace_packages().len();
    assert_eq!(found.len(), members, "{found:?}");
}
