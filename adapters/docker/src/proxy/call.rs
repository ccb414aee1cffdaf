//! From the bytes of a request's target to one of the known calls, and back to a target that means only that.
//!
//! Nothing of what the caller wrote is passed on as it was: a target is taken apart, each piece is checked, and a new one
//! is put together. What the engine might read differently from us (escapes, empty or dotted segments, parameters that
//! stand twice, several spellings of one path) is refused and never tidied up.

use std::collections::BTreeMap;

use http::{Method, Uri};

use super::refusal::Refusal;
use super::routes::{ROUTES, Route, Value};

/// Versions of the Engine API that are let through: the executor speaks 1.41 or a later one.
const MINOR: std::ops::RangeInclusive<u8> = 41..=99;
const TARGET_BYTES: usize = 8 << 10;

/// A call that is in the table.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) route: &'static Route,
    version: Option<u8>,
    /// The container, network or image it is about.
    pub(super) subject: Option<String>,
    query: Vec<(String, String)>,
}

impl Call {
    /// # Errors
    /// It is not in the table, or could be read in two ways.
    pub(super) fn parse(method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        if uri.scheme().is_some() || uri.authority().is_some() {
            return Err(Refusal::forbidden("target", "the request's target must be a path"));
        }
        let target = uri.path_and_query().map(|target| target.as_str()).unwrap_or_default();
        if target.len() > TARGET_BYTES {
            return Err(Refusal::forbidden("target", "the request's target is too long"));
        }
        let path = uri.path();
        let segments = segments(path)?;
        let (version, segments) = match segments.split_first() {
            Some((first, rest)) if first.starts_with("v1.") => (Some(minor(first)?), rest),
            _ => (None, segments.as_slice()),
        };
        let candidates = ROUTES.iter().filter(|route| route.method == *method);
        let found = candidates.filter_map(|route| Some((route, subject(route.path, segments)?))).next();
        let Some((route, subject)) = found else {
            return Err(Refusal::forbidden("call", format!("the executor never calls {method} {path}")));
        };
        let query = query(route, uri.query().unwrap_or_default())?;
        Ok(Self { route, version, subject, query })
    }

    /// A parameter, if it was given.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The filters, if there are any.
    pub(super) fn filters(&self) -> Filters {
        self.parameter("filters").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// What the engine is asked, about `subject` instead of the name that the caller used.
    pub(super) fn target(&self, subject: Option<&str>) -> String {
        let subject = subject.or(self.subject.as_deref()).unwrap_or_default();
        let path = ["{container}", "{network}", "{image}"]
            .iter()
            .fold(self.route.path.to_owned(), |path, place| path.replace(place, subject));
        let mut target = self.at(&path);
        if !self.query.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
            target.push('?');
            target.push_str(&query);
        }
        target
    }

    /// Another path, in the same version.
    pub(super) fn at(&self, path: &str) -> String {
        match self.version {
            Some(minor) => format!("/v1.{minor}/{path}"),
            None => format!("/{path}"),
        }
    }
}

fn segments(path: &str) -> Result<Vec<&str>, Refusal> {
    let odd = |what: &str| Refusal::forbidden("path", format!("{what} in the path"));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:@-".contains(&byte);
    if !path.bytes().all(allowed) {
        return Err(odd("an escape or a character that no name has"));
    }
    let rest = path.strip_prefix('/').ok_or_else(|| odd("no slash"))?;
    let segments: Vec<&str> = rest.split('/').collect();
    if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(odd("an empty or dotted segment"));
    }
    Ok(segments)
}

fn minor(segment: &str) -> Result<u8, Refusal> {
    let digits = segment.strip_prefix("v1.").filter(|digits| digits.len() == 2);
    let number = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let minor = number.and_then(|number| number.parse().ok()).filter(|minor| MINOR.contains(minor));
    minor.ok_or_else(|| Refusal::forbidden("version", "only versions 1.41 and later of the Engine API are let through"))
}

/// Whether a path is of this form; if so, what stands at its place.
fn subject(template: &str, segments: &[&str]) -> Option<Option<String>> {
    let parts: Vec<&str> = template.split('/').collect();
    let place = parts.iter().position(|part| part.starts_with('{'));
    let Some(place) = place else { return (parts == segments).then_some(None) };
    let (before, after) = (parts.get(..place)?, parts.get(place + 1..)?);
    let middle = segments.strip_prefix(before)?.strip_suffix(after)?;
    let named = match parts.get(place) {
        // Names of images have slashes in them, and are as many segments as they like.
        Some(&"{image}") => (!middle.is_empty()).then(|| middle.join("/")),
        _ => middle.first().filter(|name| middle.len() == 1 && is_name(name)).map(|name| (*name).to_owned()),
    };
    named.map(Some)
}

/// A name or an id of a container or network, as the engine restricts them.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.len() <= 255 && text.bytes().all(inner) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn query(route: &Route, text: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (key, value) in form_urlencoded::parse(text.as_bytes()) {
        let Some((_, allowed)) = route.query.iter().find(|(name, _)| *name == key) else {
            let message = format!("parameter '{}' is none that the executor uses here", printable(&key));
            return Err(Refusal::forbidden("query", message));
        };
        if pairs.iter().any(|(other, _)| *other == key) {
            return Err(Refusal::forbidden("query", format!("parameter '{key}' stands twice")));
        }
        let Some(value) = checked(*allowed, &value) else {
            return Err(Refusal::forbidden(
                "query",
                format!("parameter '{key}' has a value that the executor never gives"),
            ));
        };
        pairs.push((key.into_owned(), value));
    }
    Ok(pairs)
}

fn checked(allowed: Value, value: &str) -> Option<String> {
    let no = matches!(value, "" | "0" | "false");
    let good = match allowed {
        Value::Flag => no || matches!(value, "1" | "true"),
        Value::No => no,
        Value::Empty => value.is_empty(),
        Value::Seconds => value.parse().is_ok_and(|seconds: i32| seconds >= 0),
        Value::Word => {
            value.len() <= 512 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:@/+-".contains(&b))
        }
        Value::Filters => return filters(value),
    };
    good.then(|| value.to_owned())
}

/// The engine's filters: for each key, values of which any must match; of labels, all.
pub(super) type Filters = BTreeMap<String, Vec<String>>;

/// Written anew: a key that stands twice, or that Go would read and we would not, is gone or refused.
fn filters(text: &str) -> Option<String> {
    const KEYS: &[&str] = &["label", "type", "event", "container", "name", "id", "status", "driver", "scope"];
    let filters: Filters = serde_json::from_str(text).ok()?;
    let known = filters.keys().all(|key| KEYS.contains(&key.as_str()));
    known.then(|| serde_json::to_string(&filters).ok()).flatten()
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
