use serde_json::{Map, Value};

/// A value as a YAML document: keys in alphabetical order, one field a line, texts quoted where they could be taken for
/// something else. The same value is the same text for ever.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::from("---\n");
    match value {
        Value::Object(fields) if !fields.is_empty() => mapping(fields, 0, &mut text),
        other => {
            text.push_str(&inline(other));
            text.push('\n');
        }
    }
    text
}

fn mapping(fields: &Map<String, Value>, depth: usize, text: &mut String) {
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort();
    for (at, key) in keys.into_iter().enumerate() {
        // The first key of an item stands behind its dash.
        if at > 0 || !text.ends_with("- ") {
            text.push_str(&"  ".repeat(depth));
        }
        text.push_str(&scalar(key));
        text.push(':');
        nested(&fields[key], depth, text);
    }
}

fn nested(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            mapping(fields, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            for item in items {
                text.push_str(&"  ".repeat(depth));
                text.push_str("- ");
                match item {
                    Value::Object(fields) if !fields.is_empty() => mapping(fields, depth + 1, text),
                    other => {
                        text.push_str(&inline(other));
                        text.push('\n');
                    }
                }
            }
        }
        other => {
            text.push(' ');
            text.push_str(&inline(other));
            text.push('\n');
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Plain where nobody can take it for anything but this text; else in double quotes, which JSON's are.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-' | ' ' | ',' | ';' | '(' | ')');
    let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "nan" | "inf"
    );
    if begins && !word && !text.ends_with(' ') && text.chars().all(plain) {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shapes() {
        let value =
            json!({ "b": [{ "x": 1, "y": [] }, "no", [1]], "a": { "k: v": "1", "e": {}, "t": "a b" }, "c": null });
        let expected =
            "---\na:\n  e: {}\n  \"k: v\": \"1\"\n  t: a b\nb:\n- x: 1\n  \"y\": []\n- \"no\"\n- [1]\nc: null\n";
        assert_eq!(to_yaml(&value), expected);
    }
}
