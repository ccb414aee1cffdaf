use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{executors, performers};
use crate::names::{GROUP, VERSION};

const INTRODUCTION: &str = "\
# API reference

<!-- Generated from the types in adapters/kubernetes/src/api; `make manifests` writes it. -->

The custom resources of Hourglass. `kubectl explain performer.spec` shows the same for a cluster, and
`hourglass-operator validate -f FILE` checks a file against all of it without one.

Affinities and tolerations are those of pods; Kubernetes' own reference describes them.
";

/// Where the reference ends, because the words are Kubernetes' own.
const FOREIGN: [&str; 3] = ["affinity", "nodeAffinity", "tolerations"];

/// `docs/api-reference.md`: every field with its type, bounds and comment, and every rule.
pub fn reference_markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    for definition in [performers(), executors()] {
        resource(&definition, &mut text);
    }
    text
}

fn resource(definition: &Value, text: &mut String) {
    let names = &definition["spec"]["names"];
    let version = &definition["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let _ = write!(
        text,
        "\n## {}\n\n{}\n\n`apiVersion: {GROUP}/{VERSION}`, namespaced; `kubectl get {}` or `{}`; `kubectl get {}` shows every kind.\n",
        word(&names["kind"]),
        word(&schema["description"]),
        word(&names["plural"]),
        word(&names["shortNames"][0]),
        word(&names["categories"][0]),
    );
    for part in ["spec", "status"] {
        object(part, &schema["properties"][part], text);
    }
    let mut rules = Vec::new();
    gather(schema, "", &mut rules);
    text.push_str("\n### Rules\n\nWhat the API server refuses besides, with its words:\n\n");
    // Rules about creation and about changes say the same.
    rules.dedup();
    for (path, message) in rules {
        let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        let _ = writeln!(text, "- {place}{}", message.replace('<', "&lt;"));
    }
}

fn object(path: &str, schema: &Value, text: &mut String) {
    let _ = write!(text, "\n### {path}\n\n");
    if let Some(description) = schema["description"].as_str() {
        let _ = write!(text, "{}\n\n", cell(description).replace("<br>", "\n"));
    }
    text.push_str("| field | type | description |\n|---|---|---|\n");
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let none = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&none);
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort_by_key(|name| (!required.contains(&name.as_str()), name.as_str()));
    for name in &names {
        let field = &fields[name.as_str()];
        let must = if required.contains(&name.as_str()) { "**required**; " } else { "" };
        let description = cell(field["description"].as_str().unwrap_or_default());
        let _ = writeln!(text, "| `{name}` | {must}{} | {description} |", kind(field));
    }
    for name in names {
        if FOREIGN.contains(&name.as_str()) || name.as_str() == "conditions" {
            continue;
        }
        let (inner, mark) = innermost(&fields[name.as_str()]);
        if inner["properties"].is_object() {
            object(&format!("{path}.{name}{mark}"), inner, text);
        }
    }
}

/// What a list or map is of, and how its path goes on.
fn innermost(schema: &Value) -> (&Value, &'static str) {
    for (keyword, mark) in [("items", "[]"), ("additionalProperties", ".*")] {
        if schema[keyword].is_object() {
            return (&schema[keyword], mark);
        }
    }
    (schema, "")
}

/// Type, bounds and default in words.
fn kind(schema: &Value) -> String {
    let number = |keyword: &str| schema[keyword].as_i64();
    let mut words = match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"]))
        }
        Some("string") if schema["format"] == "date-time" => "time".into(),
        Some("string") => "text".into(),
        Some("integer") => "number".into(),
        Some("boolean") => "true or false".into(),
        Some(other) => other.into(),
        None => "amount".into(),
    };
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().filter(|v| *v != "").map(|v| format!("`{}`", plain(v))).collect();
        words = values.join(", ");
    }
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => words = format!("{words}, {least} to {most}"),
        (Some(least), None) => words = format!("{words}, at least {least}"),
        _ => {}
    }
    let is_text = schema["type"] == "string" && schema["enum"].is_null();
    if let Some(most) = number("maxLength").filter(|_| is_text) {
        words = format!("{words}, at most {most} characters");
    }
    if let Some(most) = number("maxItems").or_else(|| number("maxProperties")) {
        words = format!("{words}, at most {most} of them");
    }
    if let Some(default) = schema.get("default").filter(|default| !default.is_object()) {
        words = format!("{words}; default `{}`", plain(default));
    }
    words
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace("\n\n", "<br>").replace('\n', " ")
}

/// Rules in order of their places.
fn gather(schema: &Value, path: &str, rules: &mut Vec<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        rules.push((path.to_owned(), plain(&rule["message"])));
    }
    if let Some(fields) = schema["properties"].as_object() {
        let mut names: Vec<&String> = fields.keys().filter(|name| !FOREIGN.contains(&name.as_str())).collect();
        names.sort();
        for name in names {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            gather(&fields[name.as_str()], &path, rules);
        }
    }
    let (inner, mark) = innermost(schema);
    if !mark.is_empty() {
        gather(inner, &format!("{path}{mark}"), rules);
    }
}
