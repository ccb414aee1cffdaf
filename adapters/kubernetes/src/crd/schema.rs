use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The structural schema of a type: what its fields are, and the comments on them.
///
/// Only what a structural schema may hold is left. What is optional is so by not being required; `null` is nothing that
/// a field can be.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    structural(&mut schema);
    schema
}

fn structural(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Value::Object(fields) = schema else { return };
    // Comments say which default holds; the ones that types have are only what reading needs.
    for unwanted in ["$schema", "title", "default", "nullable", "$defs", "required"] {
        fields.remove(unwanted);
    }
    without_null(fields);
    variants(fields);
    if fields.contains_key("x-kubernetes-int-or-string") {
        fields.remove("type");
    }
    if fields.get("format").and_then(Value::as_str).is_some_and(|f| !["int32", "int64", "date-time"].contains(&f)) {
        fields.remove("format");
    }
    if let Some(Value::String(text)) = fields.get_mut("description") {
        *text = one_paragraph(text);
    }
    // A map of anything.
    if fields.get("additionalProperties").is_some_and(|values| *values == json!(true) || *values == json!({})) {
        fields.remove("additionalProperties");
        fields.insert("x-kubernetes-preserve-unknown-fields".into(), json!(true));
    }
    if fields.get("additionalProperties") == Some(&Value::Bool(false)) {
        fields.remove("additionalProperties");
    }
    for child in ["items", "additionalProperties"] {
        if let Some(child) = fields.get_mut(child) {
            structural(child);
        }
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(structural);
    }
}

/// `T` or `null` is `T`.
fn without_null(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            fields.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for keyword in ["anyOf", "allOf"] {
        let Some(Value::Array(mut parts)) = fields.remove(keyword) else { continue };
        parts.retain(|part| part.get("type").is_none_or(|name| name != "null"));
        // What stands beside it, such as the comment on the field, says more than what it refers to.
        for part in parts {
            if let Value::Object(part) = part {
                for (key, value) in part {
                    fields.entry(key).or_insert(value);
                }
            }
        }
        without_null(fields);
    }
}

/// Alternatives that are single words are an enumeration.
fn variants(fields: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = fields.get("oneOf") else { return };
    let mut words = Vec::new();
    for part in parts {
        words.extend(part.get("const").cloned());
        words.extend(part.get("enum").and_then(Value::as_array).into_iter().flatten().cloned());
    }
    fields.remove("oneOf");
    fields.insert("type".into(), json!("string"));
    fields.insert("enum".into(), Value::Array(words));
}

/// Lines that were broken to fit into a source file are one line; an empty line separates paragraphs.
fn one_paragraph(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n").replace('`', "")
}
