//! From an engine to a registry.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

use super::refuse_errors;
use crate::api::Api;

/// Who pushes, where the registry asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// An image as a registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// `127.0.0.1:5000/name`
    pub repository: String,
    /// `v1`
    pub tag: String,
    /// `sha256:…` of its manifest: what it is pulled by.
    pub digest: String,
}

impl Pushed {
    /// `127.0.0.1:5000/name@sha256:…`
    pub fn by_digest(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// `127.0.0.1:5000/name:v1`
    pub fn by_tag(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// Pushes an image that an engine has, by name or id, to a registry under another name: `repository` is
/// `127.0.0.1:5000/name`. The engine keeps no name of it: it will have to pull it.
///
/// # Errors
/// Where the engine has no such image, or the registry refuses it: what they said.
pub fn push(host: &str, image: &str, repository: &str, tag: &str, as_whom: Option<&Credentials>) -> Result<Pushed> {
    let api = Api::at(host)?;
    let tagged = api.request("POST", &format!("/images/{image}/tag?repo={repository}&tag={tag}"), &[], &[])?;
    tagged.success().with_context(|| format!("naming {image} {repository}:{tag}"))?;
    let auth = match as_whom {
        Some(Credentials { user, password }) => json!({ "username": user, "password": password }),
        None => json!({}),
    };
    let auth = URL_SAFE.encode(auth.to_string());
    let answer =
        api.request("POST", &format!("/images/{repository}/push?tag={tag}"), &[("X-Registry-Auth", &auth)], &[])?;
    let pushed = answer.success().and_then(|lines| refuse_errors(&lines));
    api.delete(&format!("/images/{repository}:{tag}?noprune=1"))?;
    let lines = pushed.with_context(|| format!("pushing {repository}:{tag}"))?;
    let digest = lines.iter().find_map(|line| line.pointer("/aux/Digest").and_then(Value::as_str));
    let digest = digest.context("the engine names no digest")?.to_owned();
    Ok(Pushed { repository: repository.to_owned(), tag: tag.to_owned(), digest })
}
