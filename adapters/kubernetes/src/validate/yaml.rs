//! From YAML text to values that know their places: bounded in size, depth and expansion.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::path::{Path, Step};
use super::scalar;

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;
/// The most values of a file, aliases written out.
const MAX_NODES: usize = 200_000;

/// A place in a file, both from 1.
pub(super) type Place = (usize, usize);

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<(String, Place, Node)>),
}

/// Something that stops the reading of a file, or a key that is there twice.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

impl Node {
    /// The value alone.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|(key, _, node)| (key.clone(), node.value())).collect::<Map<_, _>>())
            }
        }
    }

    /// Where a path leads: to the key of the last step that is there.
    pub(super) fn place_of(&self, path: &Path) -> Place {
        let (mut node, mut place) = (self, self.place);
        for step in &path.0 {
            let next = match (step, &node.content) {
                (Step::Key(name), Content::Map(entries)) => {
                    entries.iter().find(|(key, ..)| key == name).map(|(_, place, node)| (*place, node))
                }
                (Step::Index(at), Content::List(items)) => items.get(*at).map(|node| (node.place, node)),
                _ => None,
            };
            let Some(next) = next else { break };
            (place, node) = next;
        }
        place
    }
}

/// Every document of a text that holds something, and what is wrong with the text.
pub(super) fn read(text: &str) -> (Vec<Node>, Vec<Fault>) {
    let mut reader = Reader::default();
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that are read", text.len());
        reader.fault((1, 1), message, "is this the right file?");
        return (Vec::new(), reader.faults);
    }
    for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        match event {
            Ok((event, span)) => {
                let place = (span.start.line().max(1), span.start.col() + 1);
                if reader.event(event, place).is_none() {
                    break;
                }
            }
            Err(error) => {
                let place = (error.marker().line().max(1), error.marker().col() + 1);
                let remedy = "check the indentation and the quotes here and on the line above";
                reader.fault(place, format!("this is not YAML: {}", error.info()), remedy);
                break;
            }
        }
    }
    (reader.documents, reader.faults)
}

#[derive(Default)]
struct Reader {
    documents: Vec<Node>,
    faults: Vec<Fault>,
    open: Vec<Frame>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

/// A list or mapping that is still open.
struct Frame {
    anchor: usize,
    node: Node,
    key: Option<(String, Place)>,
    /// Mappings whose entries this one has where it has no own.
    merged: Vec<Node>,
}

impl Reader {
    fn fault(&mut self, place: Place, message: impl Into<String>, remedy: &'static str) {
        self.faults.push(Fault { place, message: message.into(), remedy });
    }

    /// `None` where reading cannot go on.
    fn event(&mut self, event: Event<'_>, place: Place) -> Option<()> {
        match event {
            Event::DocumentStart(_) => {
                self.anchors.clear();
                self.open.clear();
            }
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                let is_key = self.awaits_key();
                let value = if quoted || is_key { Value::String(text.into_owned()) } else { scalar::resolve(&text) };
                self.value(Node { place, content: Content::Scalar(value) }, anchor, 1)?;
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(anchor, Node { place, content: Content::List(Vec::new()) })?
            }
            Event::MappingStart(anchor, _) => self.begin(anchor, Node { place, content: Content::Map(Vec::new()) })?,
            Event::SequenceEnd | Event::MappingEnd => {
                let Frame { anchor, mut node, merged, .. } = self.open.pop()?;
                if let Content::Map(entries) = &mut node.content {
                    merged.into_iter().for_each(|source| merge(entries, source));
                }
                self.value(node, anchor, 1)?;
            }
            Event::Alias(anchor) => {
                let Some((node, nodes)) = self.anchors.get(&anchor).cloned() else {
                    self.fault(place, "this alias has no anchor before it", "write the value out");
                    return None;
                };
                self.value(node, 0, nodes)?;
            }
            _ => {}
        }
        Some(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { node: Node { content: Content::Map(_), .. }, key: None, .. }))
    }

    fn begin(&mut self, anchor: usize, node: Node) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            self.fault(node.place, format!("nested deeper than {MAX_DEPTH} levels"), "no field is that deep");
            return None;
        }
        self.open.push(Frame { anchor, node, key: None, merged: Vec::new() });
        Some(())
    }

    /// Adds a complete value to what is open.
    fn value(&mut self, node: Node, anchor: usize, nodes: usize) -> Option<()> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            self.fault(node.place, "the file grows too large when its aliases are written out", "use fewer aliases");
            return None;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count(&node)));
        }
        let Some(Frame { node: parent, key, merged, .. }) = self.open.last_mut() else {
            if !matches!(&node.content, Content::Scalar(Value::Null)) {
                self.documents.push(node);
            }
            return Some(());
        };
        match (&mut parent.content, key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Map(entries), Some((name, place))) => {
                if name == "<<" {
                    merged.push(node);
                } else if entries.iter().any(|(other, ..)| *other == name) {
                    let message = format!("the key '{}' stands here a second time", name.escape_debug());
                    self.fault(place, message, "keep one of them");
                } else {
                    entries.push((name, place, node));
                }
            }
            (Content::Map(_), None) => match node.content {
                Content::Scalar(Value::String(name)) => *key = Some((name, node.place)),
                _ => {
                    self.fault(node.place, "a key must be a text", "write a name before ':'");
                    return None;
                }
            },
            (Content::Scalar(_), _) => {}
        }
        Some(())
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar(_) => 0,
        Content::List(items) => items.iter().map(count).sum(),
        Content::Map(entries) => entries.iter().map(|(_, _, node)| count(node)).sum(),
    }
}

/// `<<`: what the merged mappings have and this one has not.
fn merge(entries: &mut Vec<(String, Place, Node)>, node: Node) {
    let sources = match node.content {
        Content::List(items) => items,
        _ => vec![node],
    };
    for source in sources {
        if let Content::Map(others) = source.content {
            for other in others {
                if !entries.iter().any(|(name, ..)| *name == other.0) {
                    entries.push(other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_and_places() {
        let text = "# nothing\n---\na: &x {b: [1, yes]}\nc:\n  <<: *x\n  d: \"1\"\n---\n---\n- z\n";
        let (documents, faults) = read(text);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(documents[0].value(), json!({ "a": { "b": [1, true] }, "c": { "b": [1, true], "d": "1" } }));
        assert_eq!(documents[1].value(), json!(["z"]));
        assert_eq!(documents[0].place_of(&Path::parse("c.d")), (6, 3));
        assert_eq!(documents[0].place_of(&Path::parse("c.missing")), (4, 1));
    }

    #[test]
    fn faults() {
        for (text, line) in [("a: 1\na: 2\n", 2), ("a: [", 2), ("a: *x\n", 1)] {
            let (_, faults) = read(text);
            assert_eq!(faults.len(), 1, "{text}");
            assert!(faults[0].place.0 <= line + 1, "{faults:?}");
        }
    }
}
