//! YAML as JSON values, for files that other programs read: anchors and merge keys as those understand them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

enum Open {
    List(Vec<Value>, usize),
    Map(Map<String, Value>, Option<String>, usize),
}

/// The only document of a text.
///
/// # Errors
/// Where it is not YAML, or a key stands twice or is no text.
pub fn read(text: &str) -> Result<Value> {
    let mut anchors: BTreeMap<usize, Value> = BTreeMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.context("not YAML")?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::Alias(id) => (anchors.get(&id).cloned().context("an unknown alias")?, 0),
            Event::SequenceStart(anchor, _) => {
                open.push(Open::List(Vec::new(), anchor));
                continue;
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open::Map(Map::new(), None, anchor));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items, anchor)) => (Value::Array(items), anchor),
                Some(Open::Map(entries, _, anchor)) => (Value::Object(entries), anchor),
                None => bail!("nothing to end"),
            },
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, value.clone());
        }
        match open.last_mut() {
            None => root = Some(value),
            Some(Open::List(items, _)) => items.push(value),
            Some(Open::Map(_, key @ None, _)) => {
                *key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            Some(Open::Map(entries, key, _)) => match key.take() {
                // What stands in the mapping itself wins, wherever the merge stands.
                Some(key) if key == "<<" => {
                    for (key, value) in value.as_object().context("only a mapping is merged")? {
                        entries.entry(key).or_insert_with(|| value.clone());
                    }
                }
                Some(key) => {
                    let line = span.start.line();
                    anyhow::ensure!(!key.is_empty(), "line {line}: an empty key");
                    entries.insert(key, value);
                }
                None => {}
            },
        }
    }
    root.context("nothing in it")
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
    }
}
