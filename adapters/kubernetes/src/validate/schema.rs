//! The structural schema: types, bounds, words, patterns, what must be there.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::path::Path;

/// What a value should have been.
pub(super) struct Mismatch {
    pub(super) path: Path,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// The patterns of a schema, compiled.
#[derive(Default)]
pub(super) struct Patterns(BTreeMap<String, Regex>);

impl Patterns {
    /// Compiles every pattern in a schema.
    pub(super) fn of(schema: &Value) -> Result<Self, regex::Error> {
        let mut patterns = Self::default();
        patterns.gather(schema)?;
        Ok(patterns)
    }

    fn gather(&mut self, schema: &Value) -> Result<(), regex::Error> {
        if let Some(pattern) = schema["pattern"].as_str() {
            self.0.insert(pattern.to_owned(), Regex::new(pattern)?);
        }
        for keyword in ["items", "additionalProperties"] {
            if schema[keyword].is_object() {
                self.gather(&schema[keyword])?;
            }
        }
        schema["properties"].as_object().into_iter().flatten().try_for_each(|(_, schema)| self.gather(schema))
    }
}

/// Adds whatever does not fit.
pub(super) fn check(value: &Value, schema: &Value, path: &Path, patterns: &Patterns, found: &mut Vec<Mismatch>) {
    let mut say = |message: String, remedy: String| found.push(Mismatch { path: path.clone(), message, remedy });
    if let Some((message, remedy)) = wrong_type(value, schema) {
        say(message, remedy);
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).filter(|word| !word.is_empty()).collect();
        say(format!("{value} is none of the words that are known"), format!("write {}", words.join(", ")));
    }
    let bound = |keyword: &str| schema[keyword].as_u64();
    match value {
        Value::String(text) => {
            let count = text.chars().count() as u64;
            if bound("maxLength").is_some_and(|most| count > most) {
                let most = bound("maxLength").unwrap_or_default();
                say(format!("{count} characters are too many"), format!("write at most {most}"));
            }
            if let Some(pattern) = schema["pattern"].as_str()
                && patterns.0.get(pattern).is_some_and(|regex| !regex.is_match(text))
            {
                let (what, remedy) = meaning(schema, pattern);
                say(format!("'{}' is not {what}", shortened(text)), remedy);
            }
        }
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or(i64::MAX);
            let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
            if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                let remedy = match (least, most) {
                    (Some(least), Some(most)) => format!("write a number from {least} to {most}"),
                    (Some(least), None) => format!("write {least} or more"),
                    _ => format!("write {} or less", most.unwrap_or_default()),
                };
                say(format!("{number} is out of range"), remedy);
            }
        }
        Value::Array(items) => {
            let count = items.len() as u64;
            if bound("maxItems").is_some_and(|most| count > most) {
                say(
                    format!("{count} items are too many"),
                    format!("at most {}", bound("maxItems").unwrap_or_default()),
                );
            }
            if bound("minItems").is_some_and(|least| count < least) {
                say("the list is empty".into(), "add an item, or remove the field".into());
            }
            for (at, item) in items.iter().enumerate() {
                check(item, &schema["items"], &path.index(at), patterns, found);
            }
        }
        Value::Object(fields) => {
            let count = fields.len() as u64;
            if let Some(most) = bound("maxProperties").filter(|most| count > *most) {
                say(format!("{count} entries are too many"), format!("at most {most}"));
            }
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    let says = schema["properties"][name]["description"].as_str().unwrap_or_default();
                    let remedy = format!("add {name}{}{}", if says.is_empty() { "" } else { ": " }, sentence(says));
                    say(format!("{name} is required"), remedy);
                }
            }
            for (name, field) in fields {
                let inner = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                if let Some(inner) = inner {
                    check(field, inner, &path.key(name), patterns, found);
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn wrong_type(value: &Value, schema: &Value) -> Option<(String, String)> {
    let is_whole = |value: &Value| value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0);
    if schema["x-kubernetes-int-or-string"] == true {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        let quoted = "write a whole number, or a text such as \"500m\" or \"1Gi\"";
        return (!fits).then(|| (format!("{} is no amount", kind(value)), quoted.into()));
    }
    let expected = schema["type"].as_str()?;
    let fits = match expected {
        "string" => value.is_string(),
        "integer" => is_whole(value),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if fits {
        return None;
    }
    let remedy = match (expected, value) {
        ("string", Value::Bool(_)) => "write it in quotes: yes, no, on, off, true and false are no texts",
        ("string", Value::Number(_)) => "write it in quotes",
        ("string", _) => "write a text",
        ("integer", Value::String(_)) => "write a number without quotes",
        ("integer", _) => "write a whole number",
        ("boolean", Value::String(_)) => "write true or false without quotes",
        ("boolean", _) => "write true or false",
        ("array", _) => "write a list: each item on a line that begins with '- '",
        _ => "write fields below it, indented",
    };
    Some((format!("{} stands where {} belongs", kind(value), article(expected)), remedy.into()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn article(expected: &str) -> &'static str {
    match expected {
        "string" => "a text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a mapping",
    }
}

/// What a pattern is for, in words.
fn meaning(schema: &Value, pattern: &str) -> (&'static str, String) {
    if schema["x-kubernetes-int-or-string"] == true {
        return ("an amount", "write a number with an optional suffix, such as 2, 500m, 1Gi or 100M".into());
    }
    ("written as it must be", format!("write what matches {pattern}"))
}

fn sentence(text: &str) -> &str {
    text.split_inclusive(". ").next().unwrap_or_default().trim_end()
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}
