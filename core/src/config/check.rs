//! The walk over a tree beside the key table: names, shapes, and the form of every single value.

use super::key::{Key, Kind};
use super::nearest::nearest;
use super::problem::{Note, Problems, Source};
use super::tree::{Content, Entry, Node};
use super::yaml::shortened;

/// For how many unknown keys of one section the nearest key is looked for.
const MAX_SUGGESTIONS: usize = 100;

/// `path.key`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.into() } else { format!("{path}.{key}") }
}

/// Gives every key the name that the table gives it, and reports two spellings of one key.
pub(crate) fn canonical(node: Node, keys: &[Key], path: &str, problems: &mut Problems, notes: &mut Vec<Note>) -> Node {
    let Content::Map(entries) = node.content else { return node };
    let mut renamed: Vec<Entry> = Vec::with_capacity(entries.len());
    for Entry { key: written, source, node } in entries {
        let Some(key) = keys.iter().find(|key| key.is_named(&written)) else {
            renamed.push(Entry { key: written, source, node });
            continue;
        };
        let path = join(path, key.name);
        if key.former == Some(written.as_str()) {
            let message = format!("'{written}' is accepted; the key's name is '{}'", key.name);
            notes.push(Note { path: path.clone(), source: source.clone(), message });
        }
        if renamed.iter().any(|entry| entry.key == key.name) {
            let message = format!("'{written}' is another spelling of '{}', which is already set", key.name);
            problems.push(path, &source, message, "keep one of them");
            continue;
        }
        let node = match key.kind {
            Kind::Section(keys) => canonical(node, keys, &path, problems, notes),
            Kind::Entries(keys) => match node.content {
                Content::List(items) => {
                    let items = items.into_iter().enumerate();
                    let item = |(i, n)| canonical(n, keys, &format!("{path}[{i}]"), problems, notes);
                    Node { source: node.source, content: Content::List(items.map(item).collect()) }
                }
                content => Node { source: node.source, content },
            },
            _ => node,
        };
        renamed.push(Entry { key: key.name.into(), source, node });
    }
    Node { source: node.source, content: Content::Map(renamed) }
}

/// Reports everything that is wrong with a value by itself.
pub(crate) fn check(node: &Node, kind: Kind, path: &str, problems: &mut Problems) {
    if node.is_null() {
        return;
    }
    match (kind, &node.content) {
        (Kind::Section(keys), Content::Map(entries)) => check_section(node, entries, keys, path, problems),
        (Kind::Entries(keys), Content::List(items)) => {
            for (i, item) in items.iter().enumerate() {
                let path = format!("{path}[{i}]");
                match item.is_null() {
                    true => problems.push(path, &item.source, "this entry is empty", "remove it or fill it in"),
                    false => check(item, Kind::Section(keys), &path, problems),
                }
            }
        }
        (Kind::Texts, Content::List(items)) => {
            for (i, item) in items.iter().enumerate().filter(|(_, item)| item.text().is_none()) {
                problems.push(format!("{path}[{i}]"), &item.source, shape_message(Kind::Text, item), "write one text");
            }
        }
        (Kind::Labels, Content::Map(entries)) => {
            // Nothing is not the empty text: a label that is dropped would be a constraint that is not kept.
            for entry in entries.iter().filter(|e| e.node.text().is_none()) {
                let path = join(path, &shortened(&entry.key));
                let remedy = "write one text, '' for an empty one";
                problems.push(path, &entry.node.source, shape_message(Kind::Text, &entry.node), remedy);
            }
        }
        (Kind::Quantities, Content::Map(entries)) => check_quantities(entries, path, problems),
        (kind, Content::Text(text)) if kind.is_scalar() => {
            if let Err(message) = kind.check(text) {
                problems.push(path, &node.source, message, format!("write {}", kind.expected()));
            }
        }
        _ => problems.push(path, &node.source, shape_message(kind, node), format!("write {}", kind.expected())),
    }
}

fn shape_message(kind: Kind, node: &Node) -> String {
    format!("expected {}, found {}", kind.expected(), node.shape())
}

fn check_section(node: &Node, entries: &[Entry], keys: &[Key], path: &str, problems: &mut Problems) {
    let mut strangers = 0;
    for entry in entries {
        match keys.iter().find(|key| key.name == entry.key) {
            Some(key) => check(&entry.node, key.kind, &join(path, key.name), problems),
            // This is another file than ours: looking for what each key may mean would only take time.
            None if strangers >= MAX_SUGGESTIONS => {
                problems.push(join(path, &shortened(&entry.key)), &entry.source, "there is no such key", "");
            }
            None => {
                strangers += 1;
                unknown(&entry.key, keys, path, &entry.source, problems);
            }
        }
    }
    for key in keys.iter().filter(|key| key.required) {
        if node.get(key.name).is_none_or(Node::is_null) {
            let remedy = match key.example {
                Some(example) => format!("add '{}: {example}'", key.name),
                None => format!("add '{}'", key.name),
            };
            problems.push(join(path, key.name), &node.source, "this key is required", remedy);
        }
    }
}

/// Reports a key that the table does not have.
pub(crate) fn unknown(name: &str, keys: &[Key], path: &str, source: &Source, problems: &mut Problems) {
    let remedy = match nearest(name, keys) {
        Some(key) => format!("did you mean '{}'?", key.name),
        None => {
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            format!("the keys here are {}", names.join(", "))
        }
    };
    problems.push(join(path, &shortened(name)), source, "there is no such key", remedy);
}

fn check_quantities(entries: &[Entry], path: &str, problems: &mut Problems) {
    for entry in entries {
        let path = join(path, &shortened(&entry.key));
        match &entry.node.content {
            Content::Text(text) => {
                if let Err(error) = text.parse::<crate::resources::Quantity>() {
                    problems.push(path, &entry.node.source, error.to_string(), "write 2, 500m, 1.5, 1Gi or 100M");
                }
            }
            _ => {
                let message = format!("expected a quantity, found {}", entry.node.shape());
                problems.push(path, &entry.node.source, message, "write 2, 500m, 1.5, 1Gi or 100M");
            }
        }
    }
}
