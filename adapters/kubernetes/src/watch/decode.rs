//! Lists and events as the API server writes them.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;

use super::record::{Gone, Invalid};

/// What every object has.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
}

impl Meta {
    fn of(object: &Value) -> Self {
        object.get("metadata").and_then(|meta| Self::deserialize(meta).ok()).unwrap_or_default()
    }

    pub(super) fn invalid(self, problem: String) -> Invalid {
        Invalid { namespace: self.namespace, name: self.name, uid: self.uid, problem }
    }

    pub(super) fn gone(self) -> Gone {
        let Self { namespace, name, uid, resource_version } = self;
        Gone { namespace, name, uid, resource_version }
    }
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<R> {
    pub(super) resource_version: String,
    /// Where the next page begins; empty on the last.
    pub(super) next: String,
    pub(super) items: Vec<Result<R, Invalid>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "I: Deserialize<'de>"))]
struct RawPage<I> {
    metadata: RawPageMeta,
    #[serde(default = "Vec::new", deserialize_with = "null_is_empty")]
    items: Vec<I>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPageMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

/// Go writes an empty list as `null` now and then.
fn null_is_empty<'de, D: Deserializer<'de>, I: Deserialize<'de>>(from: D) -> Result<Vec<I>, D::Error> {
    Ok(Option::<Vec<I>>::deserialize(from)?.unwrap_or_default())
}

/// One object whatever it looks like; whole objects exist only one at a time.
struct Lenient<R>(Result<R, Invalid>);

impl<'de, R: serde::de::DeserializeOwned> Deserialize<'de> for Lenient<R> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let meta = Meta::of(&value);
        Ok(Self(serde_json::from_value(value).map_err(|error| meta.invalid(error.to_string()))))
    }
}

/// Reads a page. The usual one is read in one go; one with an object that cannot be read, object by object.
pub(super) fn page<R: serde::de::DeserializeOwned>(body: &[u8]) -> Result<Page<R>, serde_json::Error> {
    if let Ok(page) = serde_json::from_slice::<RawPage<R>>(body) {
        let items = page.items.into_iter().map(Ok).collect();
        return Ok(Page { resource_version: page.metadata.resource_version, next: page.metadata.next, items });
    }
    let page: RawPage<Lenient<R>> = serde_json::from_slice(body)?;
    let items = page.items.into_iter().map(|item| item.0).collect();
    Ok(Page { resource_version: page.metadata.resource_version, next: page.metadata.next, items })
}

/// One event of a watch.
#[derive(Debug)]
pub(super) enum Event<R> {
    Seen(R),
    Invalid(Invalid),
    Gone(Gone),
    /// Nothing happened up to this resourceVersion.
    Bookmark,
    /// The watch ends with a failure.
    Failed {
        code: u16,
        message: String,
    },
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    object: HeadObject,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HeadObject {
    metadata: Meta,
    code: u16,
    message: String,
    reason: String,
}

#[derive(Deserialize)]
struct Body<R> {
    object: R,
}

/// Reads an event, and the resourceVersion at which a watch can be resumed after it (empty where it says none).
pub(super) fn event<R: serde::de::DeserializeOwned>(line: &[u8]) -> Result<(Event<R>, String), serde_json::Error> {
    let head: Head<'_> = serde_json::from_slice(line)?;
    let version = head.object.metadata.resource_version.clone();
    let event = match &*head.kind {
        "ADDED" | "MODIFIED" => match serde_json::from_slice::<Body<R>>(line) {
            Ok(body) => Event::Seen(body.object),
            Err(error) => Event::Invalid(head.object.metadata.invalid(error.to_string())),
        },
        "DELETED" => Event::Gone(head.object.metadata.gone()),
        "BOOKMARK" => Event::Bookmark,
        kind => {
            let HeadObject { code, message, reason, .. } = head.object;
            let message = if message.is_empty() { format!("{kind} {reason}") } else { message };
            Event::Failed { code, message }
        }
    };
    Ok((event, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Pod {
        spec: Spec,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        node_name: String,
    }

    #[test]
    fn one_bad_object_does_not_spoil_a_page() {
        let body = br#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"abc"},"items":[
            {"metadata":{"namespace":"n","name":"good"},"spec":{"nodeName":"a"}},
            {"metadata":{"namespace":"n","name":"bad","uid":"u"},"spec":{"nodeName":5}},
            {"metadata":{"namespace":"n","name":"good too"},"spec":{"nodeName":"b"}}]}"#;
        let page = page::<Pod>(body).unwrap();
        assert_eq!((&*page.resource_version, &*page.next), ("7", "abc"));
        let nodes: Vec<_> = page.items.iter().map(|item| item.as_ref().map(|pod| &*pod.spec.node_name)).collect();
        assert_eq!((nodes[0].unwrap(), nodes[2].unwrap()), ("a", "b"));
        let bad = nodes[1].unwrap_err();
        assert_eq!((&*bad.name, &*bad.uid), ("bad", "u"));
        assert!(bad.problem.contains("expected a string"), "{}", bad.problem);
        assert!(super::page::<Pod>(br#"{"metadata":{"resourceVersion":"1"},"items":null}"#).unwrap().items.is_empty());
        assert!(super::page::<Pod>(b"<html>").is_err());
    }

    #[test]
    fn events() {
        let of = |line: &str| event::<Pod>(line.as_bytes()).unwrap();
        let (seen, version) =
            of(r#"{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"12"},"spec":{"nodeName":"a"}}}"#);
        assert!(matches!(seen, Event::Seen(pod) if pod.spec.node_name == "a"));
        assert_eq!(version, "12");
        let (gone, _) = of(r#"{"type":"DELETED","object":{"metadata":{"name":"x","uid":"u"},"spec":7}}"#);
        assert!(matches!(gone, Event::Gone(gone) if gone.name == "x" && gone.uid == "u"), "readable or not");
        let (bookmark, version) =
            of(r#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9"}}}"#);
        assert!(matches!(bookmark, Event::Bookmark));
        assert_eq!(version, "9");
        let (failed, _) = of(r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#);
        assert!(matches!(failed, Event::Failed { code: 410, message } if message == "too old"));
        let (invalid, version) =
            of(r#"{"type":"ADDED","object":{"metadata":{"name":"y","resourceVersion":"3"},"spec":{}}}"#);
        assert!(matches!(invalid, Event::Invalid(invalid) if invalid.name == "y"));
        assert_eq!(version, "3", "the watch goes on behind it");
    }
}
