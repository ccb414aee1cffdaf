//! Generated documents are what the code generates. `UPDATE_GENERATED=1` writes them.

use std::path::Path;

fn check(path: &str, generated: &str) {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let root = Path::new(&here).join("..");
    // The package of the core alone carries no documents of the repository.
    if !root.join("docs").is_dir() && std::env::var_os("UPDATE_GENERATED").is_none() {
        return;
    }
    let file = root.join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, generated).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == generated,
        "{path} is out of date: run UPDATE_GENERATED=1 cargo test -p hourglass-core --test config"
    );
}

#[test]
fn reference() {
    check("docs/configuration.md", &hourglass_core::config::reference_markdown());
}

#[test]
fn schema() {
    let schema = serde_json::to_string_pretty(&hourglass_core::config::json_schema()).unwrap();
    check("deploy/schema/executor-config.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_schema_describes_every_key() {
    let whole = hourglass_core::config::json_schema();
    fn walk(whole: &serde_json::Value, schema: &serde_json::Value, path: &str, count: &mut usize) {
        for (name, value) in schema["properties"].as_object().into_iter().flatten() {
            assert!(value["description"].as_str().is_some_and(|d| d.len() > 5), "{path}.{name}");
            *count += 1;
            if let Some(target) = value["$ref"].as_str() {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(
                    whole.pointer(pointer).is_some_and(|found| found["type"].is_array() || found["type"].is_string()),
                    "{path}.{name}"
                );
            }
            walk(whole, value, &format!("{path}.{name}"), count);
            walk(whole, &value["items"], &format!("{path}.{name}[]"), count);
        }
    }
    let mut count = 0;
    walk(&whole, &whole, "", &mut count);
    assert!(count > 150, "{count}");
}
