use serde::Serialize;

use super::check::join;
use super::key::{Key, Kind};
use super::problem::Source;
use super::table::ROOT;
use super::tree::Node;

/// One value in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveValue {
    /// As in `avs_config.supported_avs[0].address`.
    pub path: String,
    /// As it may be shown: secrets are masked.
    pub value: String,
    /// Who set it; in JSON the text of [`Source`]'s display form.
    #[serde(serialize_with = "as_text")]
    pub source: Source,
}

fn as_text<S: serde::Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(source)
}

/// Walks the key table beside the tree. A section of which nothing is set shows its defaults, except within an AVS,
/// where what is not set is inherited and shown at its own place.
pub(crate) fn effective(tree: &Node) -> Vec<EffectiveValue> {
    let mut found = Vec::new();
    section(Some(tree), ROOT, "", &mut found);
    found
}

fn section(node: Option<&Node>, keys: &[Key], path: &str, found: &mut Vec<EffectiveValue>) {
    for key in keys {
        let path = join(path, key.name);
        let node = node.and_then(|node| node.get(key.name)).filter(|node| !node.is_null());
        value(node, key, &path, found);
    }
}

fn value(node: Option<&Node>, key: &Key, path: &str, found: &mut Vec<EffectiveValue>) {
    let mut push = |path: String, value: String, source: &Source| {
        found.push(EffectiveValue { path, value, source: source.clone() });
    };
    match (key.kind, node) {
        (Kind::Section(_), None) if path.contains('[') => {}
        (Kind::Section(keys), node) => section(node, keys, path, found),
        (Kind::Entries(keys), Some(node)) => {
            for (i, item) in node.items().iter().enumerate() {
                section(Some(item), keys, &format!("{path}[{i}]"), found);
            }
        }
        (Kind::Texts, Some(node)) => {
            for (i, item) in node.items().iter().enumerate() {
                push(format!("{path}[{i}]"), item.text().unwrap_or_default().into(), &item.source);
            }
        }
        (Kind::Labels | Kind::Quantities, Some(node)) => {
            for entry in node.entries() {
                let text = entry.node.text().unwrap_or_default();
                push(join(path, &entry.key), text.into(), &entry.node.source);
            }
        }
        (kind, Some(node)) => push(path.into(), kind.shown(node.text().unwrap_or_default()), &node.source),
        (_, None) => {
            if let Some(default) = key.default.filter(|_| !path.contains(".task.")) {
                push(path.into(), default.into(), &Source::Default);
            }
        }
    }
}
