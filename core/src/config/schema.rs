use serde_json::{Map, Value, json};

use super::key::{Key, Kind, camel_case};
use super::table::ROOT;

/// The JSON Schema (draft 2020-12) of the configuration file, for editors.
///
/// It follows from the same table as the parser. The rules between values are not in it: `validate` has them.
pub fn json_schema() -> Value {
    let mut schema = section(ROOT, "#");
    if let Value::Object(fields) = &mut schema {
        fields.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".into(), json!("Hourglass executor configuration"));
    }
    schema
}

/// The schema of a section that stands at `pointer` in the whole.
fn section(keys: &[Key], pointer: &str) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let pointer = format!("{pointer}/properties/{}", key.name);
        let schema = described(key, &pointer);
        let spelled: Vec<String> = [key.alias, key.former].into_iter().flatten().map(str::to_owned).collect();
        let camel = [Some(key.name), key.alias].into_iter().flatten().filter(|_| key.camel).map(camel_case);
        for name in spelled.into_iter().chain(camel).filter(|name| name != key.name) {
            let mut other = json!({ "$ref": pointer, "description": format!("Another spelling of `{}`.", key.name) });
            if key.former == Some(&name) {
                other["deprecated"] = json!(true);
            }
            properties.insert(name, other);
        }
        properties.insert(key.name.into(), schema);
    }
    let mut schema = json!({ "type": ["object", "null"], "additionalProperties": false, "properties": properties });
    // A key with a second spelling cannot be required by its name.
    let required: Vec<&str> = keys.iter().filter(|key| key.required && !key.camel).map(|key| key.name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn described(key: &Key, pointer: &str) -> Value {
    let mut schema = of_kind(key.kind, pointer);
    schema["description"] = json!(key.doc);
    if let Some(default) = key.default {
        schema["default"] = match key.kind {
            Kind::Bool => json!(default == "true"),
            Kind::Count(..) | Kind::Port => default.parse::<u64>().map_or(Value::Null, Value::from),
            _ => json!(default),
        };
    }
    schema
}

fn of_kind(kind: Kind, pointer: &str) -> Value {
    const NUMBER_OR_TEXT: [&str; 2] = ["number", "string"];
    match kind {
        Kind::Section(keys) => section(keys, pointer),
        Kind::Entries(keys) => {
            json!({ "type": ["array", "null"], "items": section(keys, &format!("{pointer}/items")) })
        }
        Kind::Texts => json!({ "type": "array", "items": { "type": ["string", "number", "boolean"] } }),
        Kind::Labels => {
            json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } })
        }
        Kind::Quantities => {
            let quantity = r"^([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$";
            json!({ "type": "object", "additionalProperties": { "type": NUMBER_OR_TEXT, "pattern": quantity } })
        }
        Kind::Text => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Secret => json!({ "type": ["string", "number", "boolean"], "writeOnly": true }),
        Kind::Url(schemes) => json!({ "type": "string", "pattern": format!("^({})://", schemes.join("|")) }),
        Kind::Address => json!({ "type": "string", "pattern": "^0x[0-9a-fA-F]{40}$" }),
        Kind::PublicKey => json!({ "type": "string", "pattern": "^0x[0-9a-fA-F]{256}$" }),
        Kind::Image => json!({ "type": "string", "pattern": r"^\S+$" }),
        Kind::Duration => {
            let pattern = "^(0|(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m(?!s))?([0-9]+s)?([0-9]+ms)?)$";
            json!({ "type": NUMBER_OR_TEXT, "pattern": pattern, "maximum": 0, "minimum": 0 })
        }
        Kind::Size => json!({ "type": NUMBER_OR_TEXT, "minimum": 1 }),
        Kind::Count(min, u64::MAX) => json!({ "type": "integer", "minimum": min }),
        Kind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Integer(..) => json!({ "type": "integer" }),
        Kind::Decimal => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Kind::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Kind::Endpoint | Kind::Listen => json!({ "type": "string", "pattern": ":[0-9]{1,5}$" }),
        Kind::Path => json!({ "type": "string", "minLength": 1 }),
    }
}
