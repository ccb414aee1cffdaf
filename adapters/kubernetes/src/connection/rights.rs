use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::Method;
use kube::Client;
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use super::call::{Call, Content, send};
use super::failure::ApiFailure;
use super::resource::{Resource, resources};
use crate::names;

/// Where a right is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightScope {
    /// In every namespace that is watched: a ClusterRole.
    Watched,
    /// In the operator's own namespace: a Role.
    Own,
}

/// What the operator must be allowed to do with one kind of objects. Manifests are checked against this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// With what.
    pub resource: Resource,
    /// With which part of it.
    pub subresource: Option<&'static str>,
    /// What.
    pub verbs: &'static [&'static str],
    /// With only one object of this name; verbs that know no name, such as `create`, stay without it.
    pub name: Option<&'static str>,
    /// Where.
    pub scope: RightScope,
    /// What for, and what does not work without it.
    pub purpose: &'static str,
}

const fn watched(resource: Resource, verbs: &'static [&'static str], purpose: &'static str) -> Right {
    Right { resource, subresource: None, verbs, name: None, scope: RightScope::Watched, purpose }
}

/// Everything that the operator does for Performers, and with its lease.
pub const NEEDED: &[Right] = &[
    watched(resources::PERFORMERS, &["get", "list", "watch"], "to know what is wanted"),
    watched(resources::PERFORMERS, &["patch"], "to set and remove the finalizer"),
    Right {
        resource: resources::PERFORMERS,
        subresource: Some("status"),
        verbs: &["patch"],
        name: None,
        scope: RightScope::Watched,
        purpose: "to report",
    },
    watched(resources::PODS, &["get", "list", "watch", "create", "patch", "delete"], "to run performers"),
    watched(resources::EXECUTORS, &["list", "watch"], "to know where performers run by default"),
    watched(resources::SERVICES, &["get", "list", "watch", "create", "patch", "delete"], "to route to them"),
    watched(
        resources::DISRUPTION_BUDGETS,
        &["list", "watch", "create", "patch", "delete"],
        "to keep replicas over drains of nodes",
    ),
    watched(resources::EVENTS, &["create", "patch"], "to tell what happened"),
    Right {
        resource: resources::LEASES,
        subresource: None,
        verbs: &["create"],
        name: None,
        scope: RightScope::Own,
        purpose: "to lead",
    },
    Right {
        resource: resources::LEASES,
        subresource: None,
        verbs: &["get", "patch"],
        name: Some(names::LEASE),
        scope: RightScope::Own,
        purpose: "to lead",
    },
];

/// What is not allowed, by verb.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct RightsError(pub Vec<(Right, &'static str)>);

impl RightsError {
    /// Stable, in CamelCase.
    pub const fn reason(&self) -> &'static str {
        "RightsMissing"
    }
}

impl fmt::Display for RightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operator's service account is not allowed to ")?;
        for (number, (right, verb)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{verb} {}", right.resource.plural)?;
            if let Some(subresource) = right.subresource {
                write!(f, "/{subresource}")?;
            }
            if !right.resource.group.is_empty() {
                write!(f, ".{}", right.resource.group)?;
            }
            write!(f, " ({})", right.purpose)?;
        }
        f.write_str(": apply config/rbac")
    }
}

/// What of `needed` is not allowed; `watched` is the namespace that is watched, if it is only one, and `own` that of the
/// operator.
///
/// # Errors
/// [`ApiFailure`] where the API server does not say.
pub async fn missing(
    client: &Client,
    needed: &[Right],
    watched: Option<&str>,
    own: &str,
) -> Result<Vec<(Right, &'static str)>, ApiFailure> {
    let mut asked = Vec::new();
    for right in needed {
        let namespace = match right.scope {
            RightScope::Watched => watched,
            RightScope::Own => Some(own),
        };
        for verb in right.verbs {
            asked.push(ask(client, *right, verb, namespace));
        }
    }
    let answers: Vec<_> = stream::iter(asked).buffered(8).collect().await;
    answers.into_iter().filter_map(Result::transpose).collect()
}

async fn ask(
    client: &Client,
    right: Right,
    verb: &'static str,
    namespace: Option<&str>,
) -> Result<Option<(Right, &'static str)>, ApiFailure> {
    allowed(client, &right, verb, namespace).await.map(|allowed| (!allowed).then_some((right, verb)))
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
struct ReviewStatus {
    allowed: bool,
}

async fn allowed(client: &Client, right: &Right, verb: &str, namespace: Option<&str>) -> Result<bool, ApiFailure> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "group": right.resource.group,
            "version": right.resource.version,
            "resource": right.resource.plural,
            "subresource": right.subresource.unwrap_or_default(),
            "name": right.name.unwrap_or_default(),
            "namespace": namespace.unwrap_or_default(),
            "verb": verb,
        }},
    });
    let call = Call {
        method: Method::POST,
        uri: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
        body: Some((Content::Json, Bytes::from(review.to_string()))),
        timeout: Duration::from_secs(10),
    };
    let reply = send(client, &call).await?;
    let review: Review =
        serde_json::from_slice(&reply.body).map_err(|error| ApiFailure::Malformed { message: error.to_string() })?;
    Ok(review.status.allowed)
}
