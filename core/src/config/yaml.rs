//! From YAML text to a [`Node`] tree: bounded in size, depth and expansion, without recursion over the input.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::problem::{Problems, Source};
use super::tree::{Content, Entry, Node};

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting, anchors expanded.
const MAX_DEPTH: usize = 48;
/// The most values, anchors expanded.
const MAX_NODES: usize = 50_000;
/// The most text, anchors expanded, in bytes.
const MAX_EXPANDED: usize = 4 << 20;

/// A text that was read.
pub(crate) struct Parsed {
    pub(crate) node: Node,
    /// Whether it was read to its end: else what is missing from the tree may stand in the text all the same.
    pub(crate) complete: bool,
}

/// Reads a text. Every problem goes to `problems`.
pub(crate) fn parse(name: &str, text: &str, problems: &mut Problems) -> Parsed {
    let name: Arc<str> = name.into();
    let start = Source::File { name: name.clone(), line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that are read", text.len());
        problems.push("", &start, message, "is this the right file?");
        return Parsed { node: Node::empty(start), complete: false };
    }
    let mut builder =
        Builder { name, problems, stack: Vec::new(), anchors: BTreeMap::new(), nodes: 0, bytes: 0, root: None };
    let complete = builder.run(text.strip_prefix('\u{feff}').unwrap_or(text));
    let node = builder.root.unwrap_or_else(|| Node::empty(start));
    Parsed { node, complete }
}

/// A value with what it costs where an alias repeats it.
#[derive(Clone)]
struct Measured {
    node: Node,
    depth: usize,
    nodes: usize,
    bytes: usize,
}

/// A list or mapping that is still open.
struct Frame {
    source: Source,
    anchor: usize,
    kind: FrameKind,
    depth: usize,
    nodes: usize,
    bytes: usize,
}

enum FrameKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: BTreeSet<String>, merged: Vec<Node>, key: Key },
}

enum Key {
    Awaited,
    Read(String, Source, bool),
    /// Not a text, or a duplicate: its value is read and dropped.
    Dropped,
}

struct Builder<'p> {
    name: Arc<str>,
    problems: &'p mut Problems,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Measured>,
    nodes: usize,
    bytes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    /// Whether the text was read to its end.
    fn run(&mut self, text: &str) -> bool {
        for event in Parser::new_from_str(text) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let source = self.place(error.marker());
                    let remedy = "check the indentation and the quotes here and on the line above";
                    self.problems.push("", &source, format!("this is not YAML: {}", error.info()), remedy);
                    return false;
                }
            };
            let source = self.place(&span.start);
            if self.root.is_some() && matches!(event, Event::DocumentStart(_)) {
                self.problems.push("", &source, "a second document begins here", "keep one document in the file");
                return true;
            }
            match self.event(event, source) {
                Step::More => {}
                Step::Root(node) => self.root = Some(node),
                Step::Stop => return false,
            }
        }
        true
    }

    fn event(&mut self, event: Event<'_>, source: Source) -> Step {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), &source);
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let bytes = text.len();
                self.nodes += 1;
                self.bytes += bytes;
                let null = null && !self.awaits_key();
                let content = if null { Content::Null } else { Content::Text(text.into_owned()) };
                self.value(Measured { node: Node { source, content }, depth: 0, nodes: 1, bytes }, anchor, plain)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &source);
                self.open(source, anchor, FrameKind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &source);
                let (entries, seen, merged) = (Vec::new(), BTreeSet::new(), Vec::new());
                self.open(source, anchor, FrameKind::Map { entries, seen, merged, key: Key::Awaited })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, source),
            _ => Step::More,
        }
    }

    fn place(&self, marker: &Marker) -> Source {
        Source::File { name: self.name.clone(), line: marker.line().max(1), column: marker.col() + 1 }
    }

    fn check_tag(&mut self, tag: Option<&saphyr_parser::Tag>, source: &Source) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            self.problems.push("", source, "tags have no meaning here", "remove the word that begins with '!'");
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { kind: FrameKind::Map { key: Key::Awaited, .. }, .. }))
    }

    fn open(&mut self, source: Source, anchor: usize, kind: FrameKind) -> Step {
        if self.stack.len() >= MAX_DEPTH {
            self.problems.push("", &source, format!("nested deeper than {MAX_DEPTH} levels"), "no key is that deep");
            return Step::Stop;
        }
        self.stack.push(Frame { source, anchor, kind, depth: 0, nodes: 1, bytes: 0 });
        Step::More
    }

    fn close(&mut self) -> Step {
        let Some(frame) = self.stack.pop() else { return Step::Stop };
        self.nodes += 1;
        let content = match frame.kind {
            FrameKind::List(items) => Content::List(items),
            FrameKind::Map { mut entries, seen, merged, .. } => {
                merge_into(&mut entries, seen, merged);
                Content::Map(entries)
            }
        };
        let node = Node { source: frame.source, content };
        self.value(
            Measured { node, depth: frame.depth + 1, nodes: frame.nodes, bytes: frame.bytes },
            frame.anchor,
            false,
        )
    }

    fn alias(&mut self, anchor: usize, source: Source) -> Step {
        let Some(target) = self.anchors.get(&anchor).cloned() else {
            self.problems.push("", &source, "this alias has no anchor before it", "write the value out");
            return Step::Stop;
        };
        if self.stack.len() + target.depth > MAX_DEPTH {
            self.problems.push("", &source, format!("nested deeper than {MAX_DEPTH} levels"), "write the value out");
            return Step::Stop;
        }
        self.nodes += target.nodes;
        self.bytes += target.bytes;
        self.value(target, 0, false)
    }

    /// Adds a complete value to what is open; the root is returned.
    fn value(&mut self, value: Measured, anchor: usize, plain: bool) -> Step {
        if self.nodes > MAX_NODES || self.bytes > MAX_EXPANDED {
            let message = "the file grows too large when its aliases are written out";
            self.problems.push("", &value.node.source, message, "use fewer anchors and aliases");
            return Step::Stop;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        let Some(frame) = self.stack.last_mut() else { return Step::Root(value.node) };
        frame.depth = frame.depth.max(value.depth);
        frame.nodes += value.nodes;
        frame.bytes += value.bytes;
        match &mut frame.kind {
            FrameKind::List(items) => items.push(value.node),
            FrameKind::Map { entries, seen, merged, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => match value.node.content {
                    Content::Text(text) if seen.contains(&text) => {
                        let message = format!("the key '{}' stands here a second time", shortened(&text));
                        self.problems.push("", &value.node.source, message, "keep one of them");
                        *key = Key::Dropped;
                    }
                    Content::Text(text) => {
                        let merge = plain && text == "<<";
                        if !merge {
                            seen.insert(text.clone());
                        }
                        *key = Key::Read(text, value.node.source, merge);
                    }
                    _ => {
                        self.problems.push("", &value.node.source, "a key must be a text", "write a name before ':'");
                        *key = Key::Dropped;
                    }
                },
                Key::Read(_, source, true) => match value.node.content {
                    Content::Map(_) => merged.push(value.node),
                    Content::List(items) => merged.extend(items),
                    _ => self.problems.push("", &source, "only a mapping can be merged", "write '<<: *anchor'"),
                },
                Key::Read(key, source, false) => entries.push(Entry { key, source, node: value.node }),
                Key::Dropped => {}
            },
        }
        Step::More
    }
}

enum Step {
    More,
    Root(Node),
    Stop,
}

/// `<<`: what a merged mapping has and this one has not.
fn merge_into(entries: &mut Vec<Entry>, mut seen: BTreeSet<String>, merged: Vec<Node>) {
    for node in merged {
        if let Content::Map(others) = node.content {
            entries.extend(others.into_iter().filter(|entry| seen.insert(entry.key.clone())));
        }
    }
}

/// A key as it may be shown: whoever forgot a space may have made a value part of it.
pub(crate) fn shortened(key: &str) -> String {
    let clean: String = key.chars().filter(|c| !c.is_control()).take(40).collect();
    if clean.len() < key.len() { format!("{clean}…") } else { clean }
}
