//! Reads the merged tree beside the key table: what is set, else the default.

use std::time::Duration;

use super::check::join;
use super::duration::parse_duration;
use super::key::{Key, Kind, parse_bool, parse_size};
use super::problem::Source;
use super::tree::Node;

/// One section of the configuration. Values of the wrong form were reported before; they read as absent.
#[derive(Clone)]
pub(crate) struct Section<'a> {
    pub(crate) path: String,
    pub(crate) source: Source,
    keys: &'static [Key],
    node: Option<&'a Node>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(path: String, keys: &'static [Key], node: Option<&'a Node>, parent: &Source) -> Self {
        let source = node.map_or_else(|| parent.clone(), |node| node.source.clone());
        Self { path, source, keys, node }
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        let key = self.keys.iter().find(|key| key.name == name);
        debug_assert!(key.is_some(), "{} has no key {name} in the table", self.path);
        key
    }

    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.node?.get(name).filter(|node| !node.is_null())
    }

    /// Whether anybody set the key.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    /// Whether anybody set anything in it.
    pub(crate) fn is_present(&self) -> bool {
        self.node.is_some_and(|node| !node.is_null())
    }

    /// The key's path, and where it stands, else where the section stands.
    pub(crate) fn place(&self, name: &str) -> (String, Source) {
        let source = self.node(name).map_or_else(|| self.source.clone(), |node| node.source.clone());
        (join(&self.path, name), source)
    }

    pub(crate) fn section(&self, name: &str) -> Section<'a> {
        let keys = match self.key(name).map(|key| key.kind) {
            Some(Kind::Section(keys)) => keys,
            _ => &[],
        };
        Section::new(join(&self.path, name), keys, self.node(name), &self.source)
    }

    pub(crate) fn entries(&self, name: &str) -> Vec<Section<'a>> {
        let Some(Kind::Entries(keys)) = self.key(name).map(|key| key.kind) else { return Vec::new() };
        let items = self.node(name).map(Node::items).unwrap_or_default().iter().enumerate();
        let path = join(&self.path, name);
        items.map(|(i, node)| Section::new(format!("{path}[{i}]"), keys, Some(node), &node.source)).collect()
    }

    /// What somebody wrote, if it has the right form.
    fn written(&self, name: &str) -> Option<&'a str> {
        let key = self.key(name)?;
        self.node(name)?.text().filter(|text| key.kind.check(text).is_ok())
    }

    /// What somebody wrote, else the default.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        // The table's defaults live for ever.
        self.written(name).or_else(|| self.key(name)?.default)
    }

    pub(crate) fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(crate) fn parse<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).and_then(parse_bool).unwrap_or_default()
    }

    pub(crate) fn flag_if_set(&self, name: &str) -> Option<bool> {
        self.text(name).and_then(parse_bool)
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        self.text(name).and_then(parse_duration).unwrap_or_default()
    }

    pub(crate) fn duration_if_set(&self, name: &str) -> Option<Duration> {
        self.written(name).and_then(parse_duration)
    }

    pub(crate) fn size(&self, name: &str) -> u64 {
        self.text(name).and_then(parse_size).unwrap_or_default()
    }

    pub(crate) fn size_if_set(&self, name: &str) -> Option<u64> {
        self.written(name).and_then(parse_size)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.node(name).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    }

    /// Names to values, where each value has the form that is wanted.
    pub(crate) fn map<T, M: FromIterator<(String, T)>>(&self, name: &str, value: impl Fn(&str) -> Option<T>) -> M {
        let entries = self.node(name).map(Node::entries).unwrap_or_default();
        entries.iter().filter_map(|e| Some((e.key.clone(), value(e.node.text().unwrap_or_default())?))).collect()
    }

    pub(crate) fn node_source(&self, name: &str, item: &str) -> Source {
        let node = self.node(name).and_then(|node| node.get(item));
        node.map_or_else(|| self.place(name).1, |node| node.source.clone())
    }
}
