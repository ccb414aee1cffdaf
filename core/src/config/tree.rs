//! A tree of texts in which every value knows where it was written.

use super::problem::Source;

/// A value and its place.
///
/// Not `Debug`: the texts may be secrets.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) source: Source,
    pub(crate) content: Content,
}

/// What stands there. Scalars stay texts: what they mean is up to the key.
#[derive(Clone)]
pub(crate) enum Content {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) source: Source,
    pub(crate) node: Node,
}

impl Node {
    /// A mapping with nothing in it.
    pub(crate) fn empty(source: Source) -> Self {
        Self { source, content: Content::Map(Vec::new()) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.node),
            _ => None,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// What it is, for messages that must not show the value itself.
    pub(crate) const fn shape(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Text(_) => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// The same tree as if written whole at `source`.
    pub(crate) fn placed(mut self, source: &Source) -> Self {
        self.source = source.clone();
        self.content = match self.content {
            Content::List(items) => Content::List(items.into_iter().map(|n| n.placed(source)).collect()),
            Content::Map(entries) => Content::Map(
                entries
                    .into_iter()
                    .map(|e| Entry { key: e.key, source: source.clone(), node: e.node.placed(source) })
                    .collect(),
            ),
            other => other,
        };
        self
    }
}
