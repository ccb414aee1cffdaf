//! One file: its documents, and what there is to say about each.

use serde_json::Value;

use super::finding::{Finding, Severity};
use super::path::Path;
use super::rules::{RuleError, Rules};
use super::schema::Patterns;
use super::yaml::{Node, read};
use super::{Validator, prepare, schema};
use crate::api::Performer;
use crate::names::{GROUP, VERSION};
use crate::translate;

/// One kind of resource.
pub(super) struct Kind {
    schema: Value,
    patterns: Patterns,
    rules: Rules,
}

impl Kind {
    pub(super) fn new(definition: &Value) -> Result<Self, RuleError> {
        let schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
        Ok(Self { patterns: Patterns::of(&schema)?, rules: Rules::of(&schema)?, schema })
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Everything there is to say, in the order of the file.
    pub findings: Vec<Finding>,
    /// How many resources of ours were checked.
    pub resources: usize,
    /// How many objects of other kinds there were, which nobody looked at.
    pub others: usize,
}

impl Checked {
    /// Whether something would be refused or could not run.
    pub fn has_problems(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity != Severity::Note)
    }
}

/// Checks every document of a YAML or JSON text; `file` is how findings name it.
///
/// Total: no text panics, and none takes more than time linear in its (bounded) size.
pub fn check(validator: &Validator, file: &str, text: &str) -> Checked {
    let (documents, faults) = read(text);
    let mut checked = Checked::default();
    for fault in faults {
        checked.findings.push(Finding {
            severity: Severity::Refused,
            file: file.into(),
            line: fault.place.0,
            column: fault.place.1,
            object: String::new(),
            path: String::new(),
            message: fault.message,
            remedy: fault.remedy.into(),
        });
    }
    for document in &documents {
        let value = document.value();
        match value["items"].as_array().filter(|_| value["kind"] == "List") {
            Some(items) => {
                for (at, item) in items.iter().enumerate() {
                    let root = Path::default().key("items").index(at);
                    Object { validator, file, node: document, root }.check(item, &mut checked);
                }
            }
            None => Object { validator, file, node: document, root: Path::default() }.check(&value, &mut checked),
        }
    }
    checked.findings.sort_by_key(|finding| (finding.line, finding.column, finding.severity));
    checked
}

/// One object of a document.
struct Object<'a> {
    validator: &'a Validator,
    file: &'a str,
    node: &'a Node,
    /// Where it begins.
    root: Path,
}

/// Findings about one object, before they know their lines.
struct Found(Vec<(Severity, Path, String, String)>);

impl Found {
    fn push(&mut self, severity: Severity, path: Path, message: impl Into<String>, remedy: impl Into<String>) {
        self.0.push((severity, path, message.into(), remedy.into()));
    }

    fn refused(&mut self, path: Path, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Refused, path, message, remedy);
    }
}

impl Object<'_> {
    fn check(&self, value: &Value, checked: &mut Checked) {
        let mut found = Found(Vec::new());
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        let (version, kind, name) =
            (text(&value["apiVersion"]), text(&value["kind"]), text(&value["metadata"]["name"]));
        if version.is_empty() || kind.is_empty() {
            let remedy = format!("write apiVersion: {GROUP}/{VERSION} and kind: Performer or HourglassExecutor");
            found.refused(Path::default(), "this is no Kubernetes object: apiVersion or kind is missing", remedy);
        } else if version.split('/').next() == Some(GROUP) {
            checked.resources += 1;
            self.resource(value, &version, &kind, &mut found);
        } else {
            checked.others += 1;
        }
        for (severity, path, message, remedy) in found.0 {
            let mut whole = self.root.clone();
            whole.0.extend(path.0.iter().cloned());
            let (line, column) = self.node.place_of(&whole);
            let (object, path) = (format!("{kind}/{name}"), path.to_string());
            checked.findings.push(Finding {
                severity,
                file: self.file.into(),
                line,
                column,
                object: if kind.is_empty() { String::new() } else { object },
                path,
                message,
                remedy,
            });
        }
    }

    fn resource(&self, value: &Value, version: &str, kind: &str, found: &mut Found) {
        if version != format!("{GROUP}/{VERSION}") {
            let message = format!("'{version}' is not served");
            found.refused(Path::default().key("apiVersion"), message, format!("write {GROUP}/{VERSION}"));
            return;
        }
        let is_performer = kind == "Performer";
        let known = match kind {
            "Performer" => &self.validator.performers,
            "HourglassExecutor" => &self.validator.executors,
            other => {
                let message = format!("'{other}' is no kind of {GROUP}");
                found.refused(Path::default().key("kind"), message, "write Performer or HourglassExecutor");
                return;
            }
        };
        metadata(&value["metadata"], found);
        let mut object = value.clone();
        self.schema(&mut object, known, found);
        if is_performer && !found.0.iter().any(|(severity, ..)| *severity == Severity::Refused) {
            self.translated(&object, found);
        }
    }

    fn schema(&self, object: &mut Value, kind: &Kind, found: &mut Found) {
        let mut unknown = Vec::new();
        for (name, schema) in kind.schema["properties"].as_object().into_iter().flatten() {
            if let Some(part) = object.get_mut(name).filter(|_| name != "metadata") {
                prepare::prune(part, schema, &Path::default().key(name), &mut unknown);
            }
        }
        if let Value::Object(fields) = object {
            for name in fields.keys().filter(|name| kind.schema["properties"].get(name.as_str()).is_none()) {
                let known = ["metadata".to_owned(), "spec".to_owned()].into();
                unknown.push(prepare::Unknown { path: Path::default().key(name), meant: None, known });
            }
            // On creation the API server takes no status from anybody.
            fields.remove("status");
        }
        for field in unknown {
            let remedy = match &field.meant {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("the fields here are {}", field.known.join(", ")),
            };
            found.refused(field.path, "there is no such field", remedy);
        }
        if let Value::Object(fields) = object {
            fields.retain(|_, field| !field.is_null());
        }
        if let Some(spec) = object.get_mut("spec") {
            prepare::default(spec, &kind.schema["properties"]["spec"]);
        }
        let mut mismatches = Vec::new();
        schema::check(object, &kind.schema, &Path::default(), &kind.patterns, &mut mismatches);
        let mut broken = Vec::new();
        kind.rules.check(object, &kind.schema, &Path::default(), &mut broken);
        // A rule that cannot be evaluated where the schema has found something says nothing new.
        broken.retain(|rule| !rule.by_error || mismatches.is_empty());
        for mismatch in mismatches {
            found.refused(mismatch.path, mismatch.message, mismatch.remedy);
        }
        for rule in broken {
            found.refused(rule.path, rule.message, "");
        }
    }

    /// What the operator would say. It sees more than this: the default scheduling of the executor.
    fn translated(&self, object: &Value, found: &mut Found) {
        let performer: Performer = match serde_json::from_value(object.clone()) {
            Ok(performer) => performer,
            Err(error) => {
                found.push(Severity::Failed, Path::default(), format!("this cannot be read: {error}"), "");
                return;
            }
        };
        let (severity, problems) = match translate::performer(&performer, None, &self.validator.tables) {
            Ok(translated) => (Severity::Note, translated.notes),
            Err(problems) => (Severity::Failed, problems),
        };
        for problem in problems {
            found.push(severity, Path::parse(&problem.path), problem.message, problem.remedy);
        }
    }
}

/// What the API server says of every object's metadata.
fn metadata(metadata: &Value, found: &mut Found) {
    let place = |name: &str| Path::default().key("metadata").key(name);
    let is_subdomain = |text: &str| {
        let is_label = |label: &str| {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !label.is_empty() && label.bytes().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
        };
        text.len() <= 253 && text.split('.').all(is_label)
    };
    match metadata["name"].as_str() {
        Some(name) if is_subdomain(name) => {}
        None if metadata["generateName"].is_string() => {}
        Some(name) => {
            let message = format!("'{}' cannot name an object", name.escape_debug());
            found.refused(place("name"), message, "write a-z, 0-9 and -, beginning and ending with a letter or digit");
        }
        None => found.refused(place("name"), "the object has no name", "add metadata.name"),
    }
    if let Some(namespace) = metadata["namespace"].as_str()
        && (!is_subdomain(namespace) || namespace.contains('.') || namespace.len() > 63)
    {
        let message = format!("'{}' is no namespace", namespace.escape_debug());
        found.refused(place("namespace"), message, "write at most 63 of a-z, 0-9 and -");
    }
}
