use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{bounds, defaults, rules, schema, to_yaml};
use crate::api::{HourglassExecutorSpec, HourglassExecutorStatus, PerformerSpec, PerformerStatus};
use crate::names::{GROUP, VERSION};

/// A file of `deploy/config/crd/bases`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its name.
    pub file: &'static str,
    /// Its content.
    pub yaml: String,
}

/// The files of `deploy/config/crd/bases`, in order of their names.
pub fn manifests() -> [Manifest; 2] {
    [
        Manifest { file: "hourglass.eigenlayer.io_hourglassexecutors.yaml", yaml: to_yaml(&executors()) },
        Manifest { file: "hourglass.eigenlayer.io_performers.yaml", yaml: to_yaml(&performers()) },
    ]
}

/// Both definitions as one text of two documents: what `kubectl apply -f -` takes.
pub fn definitions_yaml() -> String {
    manifests().map(|manifest| manifest.yaml).concat()
}

/// The CustomResourceDefinition of Performers.
pub fn performers() -> Value {
    let description = "A Performer answers the tasks of one AVS: pods behind the Service performer-<name>.";
    let mut schema = resource::<PerformerSpec, PerformerStatus>(description, &["avsAddress", "image"]);
    defaults::add(&mut schema, &defaults::of_performers());
    rules::add(&mut schema, rules::PERFORMER.iter().chain(rules::SHARED));
    let ready = ".status.conditions[?(@.type==\"Ready\")].reason";
    let columns = json!([
        column("AVS", "string", ".spec.avsAddress", "The AVS whose tasks it answers."),
        column("Image", "string", ".spec.image", "What it is to run."),
        column("Version", "string", ".spec.version", "The version beside the image."),
        column("Phase", "string", ".status.phase", "Where it is in its life."),
        column("Ready", "boolean", ".status.ready", "Whether what the spec asks for serves."),
        column("Reason", "string", ready, "Why it is ready, or is not."),
        column("Endpoint", "string", ".status.grpcEndpoint", "Where executors reach it."),
        column("Age", "date", ".metadata.creationTimestamp", ""),
    ]);
    let names = ("Performer", "performer", "performers", "perf");
    let selectable = json!([{ "jsonPath": ".spec.avsAddress" }, { "jsonPath": ".spec.executorRef" }]);
    definition(names, &schema, &columns, Some(selectable))
}

/// The CustomResourceDefinition of executors.
pub fn executors() -> Value {
    let description =
        "A HourglassExecutor takes tasks from aggregators, gives them to performers and signs the answers.";
    let mut schema = resource::<HourglassExecutorSpec, HourglassExecutorStatus>(description, &["image"]);
    defaults::add(&mut schema, &defaults::of_executors());
    rules::add(&mut schema, rules::EXECUTOR.iter().chain(rules::SHARED));
    // One is the least: an executor that is not to run is deleted.
    schema["properties"]["spec"]["properties"]["replicas"]["minimum"] = json!(1);
    let columns = json!([
        column("Image", "string", ".spec.image", "What it is to run."),
        column("Replicas", "integer", ".spec.replicas", "How many are to run."),
        column("Ready", "integer", ".status.readyReplicas", "How many are ready."),
        column("Phase", "string", ".status.phase", "Where it is in its life."),
        column("Age", "date", ".metadata.creationTimestamp", ""),
    ]);
    let names = ("HourglassExecutor", "hourglassexecutor", "hourglassexecutors", "hgx");
    definition(names, &schema, &columns, None)
}

/// The schema of a whole resource, with bounds.
fn resource<Spec: JsonSchema, Status: JsonSchema>(description: &str, required: &[&str]) -> Value {
    let mut schema = json!({
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": format!("The version of this schema: {GROUP}/{VERSION}."),
            },
            "kind": { "type": "string", "description": "What this object is." },
            "metadata": { "type": "object" },
            "spec": schema::of::<Spec>(),
            "status": schema::of::<Status>(),
        },
    });
    schema["properties"]["spec"]["required"] = json!(required);
    bounds::add(&mut schema);
    for name in ["apiVersion", "kind"] {
        if let Value::Object(fields) = &mut schema["properties"][name] {
            fields.remove("maxLength");
        }
    }
    schema
}

fn column(name: &str, kind: &str, path: &str, description: &str) -> Value {
    let mut column = json!({ "name": name, "type": kind, "jsonPath": path });
    if !description.is_empty() {
        column["description"] = json!(description);
    }
    column
}

fn definition(
    (kind, singular, plural, short): (&str, &str, &str, &str),
    schema: &Value,
    columns: &Value,
    selectable: Option<Value>,
) -> Value {
    let mut version = json!({
        "name": VERSION,
        "served": true,
        "storage": true,
        "schema": { "openAPIV3Schema": schema },
        "additionalPrinterColumns": columns,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
    });
    if let Some(selectable) = selectable {
        version["selectableFields"] = selectable;
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": singular,
                "shortNames": [short],
                "categories": ["avs"],
            },
            "versions": [version],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::path::{each, is_meant};
    use super::*;

    /// A table that means nothing guards nothing.
    #[test]
    fn every_bound_rule_and_default_is_about_a_field() {
        let mut paths = Vec::new();
        for mut definition in [performers(), executors()] {
            let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            each(schema, "", &mut |path, _| paths.push(path.to_owned()));
        }
        let rules = [rules::PERFORMER, rules::EXECUTOR, rules::SHARED].into_iter().flatten().map(rules::Rule::path);
        let defaults = defaults::of_performers().into_iter().chain(defaults::of_executors()).map(|(path, _)| path);
        let patterns = bounds::BOUNDS.iter().map(|(pattern, _)| *pattern).chain(rules).chain(defaults);
        let idle: Vec<&str> = patterns.filter(|pattern| !paths.iter().any(|path| is_meant(path, pattern))).collect();
        assert!(idle.is_empty(), "{idle:#?}");
    }
}
