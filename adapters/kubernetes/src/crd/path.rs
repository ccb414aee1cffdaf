use serde_json::{Map, Value};

/// Calls `visit` with every schema in `schema` and its path: `spec.config`, items of lists as `spec.tolerations[]`, values
/// of maps as `spec.config.environment.*`. Inner ones come after outer ones.
pub(super) fn each(schema: &mut Value, path: &str, visit: &mut impl FnMut(&str, &mut Map<String, Value>)) {
    let Value::Object(fields) = schema else { return };
    visit(path, fields);
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        for (name, child) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            each(child, &path, visit);
        }
    }
    for (keyword, mark) in [("items", "[]"), ("additionalProperties", ".*")] {
        if let Some(child) = fields.get_mut(keyword) {
            each(child, &format!("{path}{mark}"), visit);
        }
    }
}

/// Whether a path is meant by a pattern: itself, or `**.` and how it ends.
pub(super) fn is_meant(path: &str, pattern: &str) -> bool {
    match pattern.strip_prefix("**") {
        Some(end) => path.ends_with(end),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_has_a_path() {
        let mut schema = serde_json::json!({ "properties": { "a": { "items": { "additionalProperties": {} } } } });
        let mut found = Vec::new();
        each(&mut schema, "", &mut |path, _| found.push(path.to_owned()));
        assert_eq!(found, ["", "a", "a[]", "a[].*"]);
        assert!(is_meant("spec.a[].b", "**.b") && is_meant("spec.a", "spec.a") && !is_meant("spec.ab", "**.b"));
    }
}
