use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::cache::Key;
use crate::connection::{Call, Content, Resource};

/// One write. Which object, which way, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Of which kind.
    pub resource: Resource,
    /// Which one.
    pub key: Key,
    /// How, and what.
    pub verb: Verb,
}

/// How something is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// Creates this object, under its fixed name.
    Create(Value),
    /// Server-side apply: what this field manager wants the object to be. Fields that it wanted before and does not any
    /// more go; those of others stay.
    Apply {
        /// Who wants it.
        manager: &'static str,
        /// The object. With `metadata.resourceVersion` it is a precondition.
        object: Value,
        /// Whether fields that others have set are taken over.
        force: bool,
    },
    /// Changes these fields of the object, or of one of its subresources (RFC 7386).
    Patch {
        /// Such as `status`.
        subresource: Option<&'static str>,
        /// Who changes.
        manager: &'static str,
        /// What. With `metadata.resourceVersion` it is a precondition.
        patch: Value,
    },
    /// Deletes this very object.
    Delete {
        /// Only if it is this one.
        uid: String,
        /// Only in this state, where given.
        resource_version: Option<String>,
        /// How long its containers may take to stop, where it has some.
        grace: Option<Duration>,
    },
}

impl Write {
    /// For logs and metrics: `create`, `apply`, `patch`, `status`, `delete`.
    pub fn verb(&self) -> &'static str {
        match &self.verb {
            Verb::Create(_) => "create",
            Verb::Apply { .. } => "apply",
            Verb::Patch { subresource: Some(subresource), .. } => subresource,
            Verb::Patch { subresource: None, .. } => "patch",
            Verb::Delete { .. } => "delete",
        }
    }

    pub(super) fn call(&self, timeout: Duration) -> Call {
        let Self { resource, key, verb } = self;
        let (namespace, name) = (key.namespace(), key.name());
        let object = |subresource| resource.object(namespace, name, subresource);
        let call = |method, uri, content, body: &Value| Call {
            method,
            uri,
            body: Some((content, Bytes::from(body.to_string()))),
            timeout,
        };
        match verb {
            Verb::Create(object) => {
                let uri =
                    format!("{}?fieldManager={}", resource.collection(Some(namespace)), crate::names::OPERATOR_MANAGER);
                call(Method::POST, uri, Content::Json, object)
            }
            Verb::Apply { manager, object: body, force } => {
                let uri = format!("{}?fieldManager={manager}&force={force}", object(None));
                call(Method::PATCH, uri, Content::Apply, body)
            }
            Verb::Patch { subresource, manager, patch } => {
                let uri = format!("{}?fieldManager={manager}", object(*subresource));
                call(Method::PATCH, uri, Content::MergePatch, patch)
            }
            Verb::Delete { uid, resource_version, grace } => {
                let mut preconditions = json!({ "uid": uid });
                if let (Some(version), Some(fields)) = (resource_version, preconditions.as_object_mut()) {
                    fields.insert("resourceVersion".to_owned(), version.clone().into());
                }
                let mut options = json!({
                    "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions,
                    "propagationPolicy": "Background",
                });
                if let (Some(grace), Some(fields)) = (grace, options.as_object_mut()) {
                    fields.insert("gracePeriodSeconds".to_owned(), grace.as_secs().into());
                }
                call(Method::DELETE, object(None), Content::Json, &options)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::resources::{PERFORMERS, PODS};

    fn call(resource: Resource, verb: Verb) -> (Method, String, String) {
        let call = Write { resource, key: Key::new("n", "x"), verb }.call(Duration::from_secs(1));
        (call.method, call.uri, String::from_utf8(call.body.unwrap().1.to_vec()).unwrap())
    }

    #[test]
    fn calls() {
        let (method, uri, body) = call(
            PODS,
            Verb::Delete {
                uid: "u".into(),
                resource_version: Some("7".into()),
                grace: Some(Duration::from_millis(10_500)),
            },
        );
        assert_eq!((method, &*uri), (Method::DELETE, "/api/v1/namespaces/n/pods/x"));
        let options: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(options["preconditions"], json!({ "uid": "u", "resourceVersion": "7" }));
        assert_eq!(options["gracePeriodSeconds"], 10);
        let (_, uri, _) = call(PODS, Verb::Create(json!({})));
        assert_eq!(uri, "/api/v1/namespaces/n/pods?fieldManager=hourglass-operator");
        let patch = Verb::Patch { subresource: Some("status"), manager: "m", patch: json!({}) };
        let (_, uri, _) = call(PERFORMERS, patch);
        assert!(uri.ends_with("/namespaces/n/performers/x/status?fieldManager=m"), "{uri}");
        let apply = Verb::Apply { manager: "m", object: json!({}), force: true };
        assert!(call(PODS, apply).1.ends_with("/pods/x?fieldManager=m&force=true"));
    }
}
