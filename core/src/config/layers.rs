//! Which of several sources sets a value: figment merges them, and tells afterwards which one won.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::check::{canonical, join, unknown};
use super::key::Kind;
use super::problem::{Note, Problems, Source};
use super::table::ROOT;
use super::tree::{Content, Entry, Node};
use super::{Sources, docker_variables, yaml};

/// Begins every variable of ours.
const PREFIX: &str = "HOURGLASS_";
/// Separates levels in a variable's name.
const LEVEL: &str = "__";
/// The chart's own variables (`contract.md` §6). Weaker than ours, stronger than the file.
const CHART: [(&str, &str); 10] = [
    ("DEPLOYMENT_MODE", "deployment_mode"),
    ("KUBERNETES_NAMESPACE", "kubernetes.namespace"),
    ("AGGREGATOR_ENDPOINT", "aggregator_endpoint"),
    ("AGGREGATOR_TLS_ENABLED", "aggregator_tls_enabled"),
    ("LOG_LEVEL", "log_level"),
    ("LOG_FORMAT", "log_format"),
    ("ECDSA_PRIVATE_KEY", "operator_keys.ecdsa_private_key"),
    ("BLS_PRIVATE_KEY", "operator_keys.bls_private_key"),
    ("HEALTH_CHECK_PORT", "health.port"),
    ("METRICS_PORT", "metrics.port"),
];
/// Variables of ours that are no keys: where the file is, which executor the command line calls, where a checkout keeps
/// what it builds.
const NO_KEYS: [&str; 4] = ["HOURGLASS_CONFIG", "HOURGLASS_CONFIG_PATH", "HOURGLASS_ENDPOINT", "HOURGLASS_CACHE"];

/// One source, as figment sees it.
struct Layer {
    /// Into the list of sources that figment's metadata carries.
    index: usize,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named("configuration").source(figment::Source::Custom(self.index.to_string()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

/// The merged tree: file < Docker's and the chart's variables < ours < flags. Defaults are in the key table.
///
/// `None` where the file could not be read to its end: what seems to be missing may be in the rest of it.
pub(crate) fn merge(sources: &Sources, problems: &mut Problems, notes: &mut Vec<Note>) -> Option<Node> {
    let parsed = sources.file.as_ref().map(|file| yaml::parse(&file.name, &file.text, problems));
    if parsed.as_ref().is_some_and(|parsed| !parsed.complete) {
        return None;
    }
    let file = parsed.map_or_else(|| Node::empty(Source::Default), |parsed| parsed.node);
    let file = if file.is_null() { Node::empty(file.source) } else { file };
    if !matches!(file.content, Content::Map(_)) {
        problems.push(
            "",
            &file.source,
            format!("expected a mapping of keys, found {}", file.shape()),
            "write 'key: value'",
        );
    }
    let file = canonical(file, ROOT, "", problems, notes);

    let mut origins = vec![Source::Default];
    let mut figment = Figment::from(Layer { index: 0, dict: encode_map(&file) });
    for (path, source, text) in overlays(sources, &file, problems) {
        if let Some(dict) = overlay(&path, &source, &text, problems, notes) {
            origins.push(source);
            figment = figment.merge(Layer { index: origins.len() - 1, dict });
        }
    }
    let merged = figment.data().ok().and_then(|mut data| data.remove(&Profile::Default)).unwrap_or_default();
    let entries = decode_map(&figment, &origins, merged, Some(&file));
    Some(Node { source: file.source.clone(), content: Content::Map(entries) })
}

/// Everything that is not the file, weakest first: path segments, source, text.
fn overlays(sources: &Sources, file: &Node, problems: &mut Problems) -> Vec<(Vec<String>, Source, String)> {
    let split =
        |path: &str| -> Vec<String> { path.replace('[', ".").replace(']', "").split('.').map(str::to_owned).collect() };
    let mut found = docker_variables::overlays(&sources.env, file, problems);
    for (variable, path) in CHART {
        // A Service named `metrics` makes Kubernetes set METRICS_PORT to its own address.
        let is_set = |text: &&String| !text.is_empty() && !is_service_address(text);
        if let Some(text) = sources.env.get(variable).filter(is_set) {
            found.push((split(path), Source::Variable(variable.into()), text.clone()));
        }
    }
    for (variable, text) in &sources.env {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        if text.is_empty() || NO_KEYS.contains(&variable.as_str()) || is_service_link(name, text) {
            continue;
        }
        let path = name.to_lowercase().split(LEVEL).map(str::to_owned).collect();
        found.push((path, Source::Variable(variable.clone()), text.clone()));
    }
    for (path, text) in &sources.flags {
        if path.is_empty() {
            problems.push("", &Source::Flag(path.clone()), "this flag names no key", "write key=value");
            continue;
        }
        found.push((split(path), Source::Flag(path.clone()), text.clone()));
    }
    found
}

/// Kubernetes sets such variables in every pod for every Service: one named `hourglass-…` must not stop us.
fn is_service_link(name: &str, text: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.contains("_PORT") && is_service_address(text))
        || ["_PROTO", "_ADDR", "_PORT"].iter().any(|end| {
            let before = name.strip_suffix(end).unwrap_or("");
            before.ends_with("_TCP") || before.ends_with("_UDP")
        })
}

fn is_service_address(text: &str) -> bool {
    text.starts_with("tcp://") || text.starts_with("udp://") || text.starts_with("sctp://")
}

/// One value at its path, as a tree that figment can merge.
fn overlay(
    segments: &[String],
    source: &Source,
    text: &str,
    problems: &mut Problems,
    notes: &mut Vec<Note>,
) -> Option<Dict> {
    let (mut kind, mut path, mut names) = (Kind::Section(ROOT), String::new(), Vec::new());
    for segment in segments {
        match kind {
            Kind::Section(keys) => {
                let Some(key) = keys.iter().find(|key| key.is_named(segment)) else {
                    unknown(segment, keys, &path, source, problems);
                    return None;
                };
                path = join(&path, key.name);
                names.push(key.name.to_owned());
                kind = key.kind;
            }
            Kind::Entries(_) | Kind::Texts => {
                let index = segment.parse::<usize>().ok().filter(|i| *i < 100_000);
                let Some(index) = index else {
                    problems.push(
                        path,
                        source,
                        format!("'{segment}' is no index into this list"),
                        "write 0 for the first",
                    );
                    return None;
                };
                path = format!("{path}[{index}]");
                names.push(index_key(index));
                kind = if let Kind::Entries(keys) = kind { Kind::Section(keys) } else { Kind::Text };
            }
            Kind::Labels | Kind::Quantities => {
                path = join(&path, segment);
                names.push(segment.clone());
                kind = Kind::Text;
            }
            _ => {
                problems.push(path, source, format!("this key has no '{segment}' in it"), "remove the last level");
                return None;
            }
        }
    }
    let node = if kind.is_scalar() {
        Node { source: source.clone(), content: Content::Text(text.into()) }
    } else {
        let mut inner = Problems::default();
        let parsed = yaml::parse("value", text, &mut inner);
        for problem in inner.as_slice() {
            let remedy = "write the value as YAML in one line: [a, b] or {key: value}";
            problems.push(&path, source, &problem.message, remedy);
        }
        if !parsed.complete {
            return None;
        }
        let node = parsed.node.placed(source);
        canonical_value(node, kind, &path, problems, notes)
    };
    let value = match encode(&node) {
        // A list that is set whole replaces the list; only an index changes one of its items.
        Value::Dict(tag, dict) if matches!(node.content, Content::List(_)) => {
            Value::Array(tag, dict.into_values().collect())
        }
        value => value,
    };
    names.into_iter().rev().fold(value, |value, name| Value::from(BTreeMap::from([(name, value)]))).into_dict()
}

fn canonical_value(node: Node, kind: Kind, path: &str, problems: &mut Problems, notes: &mut Vec<Note>) -> Node {
    match (kind, node.content) {
        (Kind::Section(keys), content) => canonical(Node { source: node.source, content }, keys, path, problems, notes),
        (Kind::Entries(keys), Content::List(items)) => {
            let item = |(i, n)| canonical(n, keys, &format!("{path}[{i}]"), problems, notes);
            Node { source: node.source, content: Content::List(items.into_iter().enumerate().map(item).collect()) }
        }
        (_, content) => Node { source: node.source, content },
    }
}

/// Items of a list are keys for figment, so that a variable can change one of them.
fn index_key(index: usize) -> String {
    format!("[{index:06}]")
}

fn encode(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Empty(Tag::Default, figment::value::Empty::Unit),
        Content::Text(text) => Value::String(Tag::Default, text.clone()),
        Content::List(items) if items.is_empty() => Value::Array(Tag::Default, Vec::new()),
        Content::List(items) => {
            let dict = items.iter().enumerate().map(|(i, item)| (index_key(i), encode(item))).collect();
            Value::Dict(Tag::Default, dict)
        }
        Content::Map(_) => Value::Dict(Tag::Default, encode_map(node)),
    }
}

fn encode_map(node: &Node) -> Dict {
    node.entries().iter().map(|entry| (entry.key.clone(), encode(&entry.node))).collect()
}

/// Where a merged value comes from: figment's tag says which layer, the file's own tree which line.
fn origin(figment: &Figment, origins: &[Source], tag: Tag, file: Option<&Node>) -> Source {
    let custom = figment.get_metadata(tag).and_then(|m| m.source.as_ref()).and_then(|s| s.custom());
    match custom.and_then(|index| index.parse::<usize>().ok()) {
        Some(0) | None => file.map_or(Source::Default, |node| node.source.clone()),
        Some(index) => origins.get(index).cloned().unwrap_or(Source::Default),
    }
}

fn decode(figment: &Figment, origins: &[Source], value: Value, file: Option<&Node>) -> Node {
    let source = origin(figment, origins, value.tag(), file);
    let content = match value {
        Value::String(_, text) => Content::Text(text),
        Value::Array(_, items) => {
            Content::List(items.into_iter().map(|item| decode(figment, origins, item, None)).collect())
        }
        Value::Dict(_, dict) if !dict.is_empty() && dict.keys().enumerate().all(|(i, key)| *key == index_key(i)) => {
            let items = file.map(Node::items).unwrap_or_default();
            let item = |(i, value)| decode(figment, origins, value, items.get(i));
            Content::List(dict.into_values().enumerate().map(item).collect())
        }
        Value::Dict(_, dict) => Content::Map(decode_map(figment, origins, dict, file)),
        _ => Content::Null,
    };
    // A section that the file has stays where the file has it, whoever changed a value in it.
    let source = match (&content, file) {
        (Content::Map(_) | Content::List(_), Some(file)) => file.source.clone(),
        _ => source,
    };
    Node { source, content }
}

fn decode_map(figment: &Figment, origins: &[Source], dict: Dict, file: Option<&Node>) -> Vec<Entry> {
    let entries = file.map(Node::entries).unwrap_or_default();
    let written: BTreeMap<&str, &Entry> = entries.iter().map(|entry| (entry.key.as_str(), entry)).collect();
    let entries = dict.into_iter().map(|(key, value)| {
        let written = written.get(key.as_str());
        let node = decode(figment, origins, value, written.map(|entry| &entry.node));
        let source = written.map_or_else(|| node.source.clone(), |entry| entry.source.clone());
        Entry { key, source, node }
    });
    entries.collect()
}
