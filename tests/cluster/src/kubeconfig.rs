//! Kubeconfigs: where the API server is, whom to trust there, and who one is.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::certificates::{self, Authority};
use crate::component::Component;
use crate::site::Site;

/// The name of cluster, user and context in every kubeconfig of ours.
pub(crate) const NAME: &str = "hourglass-cluster";

/// Writes one for a user with these groups, at the first API server or the second. It refers to no other file.
pub(crate) fn write(
    site: &Site,
    authority: &Authority,
    server: Component,
    user: &str,
    groups: &[&str],
) -> Result<PathBuf> {
    let identity = authority.issue(user, groups, &[])?;
    let file = site.pki("ca.crt");
    let roots = fs::read(&file).with_context(|| file.display().to_string())?;
    // JSON is YAML.
    let text = serde_json::to_string_pretty(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": NAME, "cluster": {
            "server": site.server(server),
            "certificate-authority-data": STANDARD.encode(roots),
        } }],
        "users": [{ "name": NAME, "user": {
            "client-certificate-data": STANDARD.encode(identity.certificate),
            "client-key-data": STANDARD.encode(identity.key),
        } }],
        "contexts": [{ "name": NAME, "context": { "cluster": NAME, "user": NAME } }],
        "current-context": NAME,
    }))?;
    let mut name: String = user.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if server == Component::SecondApiserver {
        name.push_str("-2");
    }
    let path = site.kubeconfig(&name);
    certificates::write(&path, &text)?;
    Ok(path)
}
