//! Credentials for registries, from where Docker's own client keeps them.
//!
//! Read anew for each pull: what `docker login` or a renewal changes takes effect at once. Nothing of a credential is
//! ever logged or put into an error.

mod helper;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde_json::Value;

/// How long a credential helper may take; some ask a cloud.
const HELPER_TIME: Duration = Duration::from_secs(15);
/// More than any configuration of Docker's client has.
const MAX_FILE: u64 = 1 << 20;

/// Where credentials are looked for.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    directory: Option<PathBuf>,
    /// Where helpers are; empty is `PATH`.
    helpers: PathBuf,
    helper_time: Duration,
}

/// Why credentials that seem to be there cannot be used; never says anything of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    #[error("{path} cannot be read: {problem}", path = path.display())]
    File { path: PathBuf, problem: String },
    #[error("the entry for {server} in {path} cannot be decoded: log in again", path = path.display())]
    Entry { server: String, path: PathBuf },
    #[error("the credential helper docker-credential-{helper} {problem}")]
    Helper { helper: String, problem: String },
}

impl Credentials {
    /// In this directory, else where Docker's client looks: `DOCKER_CONFIG`, `~/.docker`.
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        let of_client = || {
            let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker"));
            std::env::var_os("DOCKER_CONFIG").filter(|text| !text.is_empty()).map(PathBuf::from).or_else(home)
        };
        let directory = directory.map(Path::to_owned).or_else(of_client);
        Self { directory, helpers: PathBuf::new(), helper_time: HELPER_TIME }
    }

    /// The credentials for a registry, named as `auths` in the file names it; `None` where there are none.
    ///
    /// # Errors
    /// Where there seem to be some that cannot be used.
    pub(crate) async fn of(&self, server: &str) -> Result<Option<DockerCredentials>, CredentialError> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let path = directory.join("config.json");
        let file = |problem: String| CredentialError::File { path: path.clone(), problem };
        let bytes = match tokio::fs::metadata(&path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(data) if data.len() > MAX_FILE => return Err(file("it is too large".into())),
            Ok(_) => tokio::fs::read(&path).await.map_err(|error| file(error.to_string()))?,
            Err(error) => return Err(file(error.to_string())),
        };
        // Its message could repeat a part of the file.
        let config: Value = serde_json::from_slice(&bytes).map_err(|_| file("it is not JSON".into()))?;
        if let Some(helper) = helper_of(&config, server) {
            return self.ask(helper, server).await;
        }
        match in_file(&config, server) {
            Ok(found) => return Ok(Some(sent(found, server))),
            Err(CredentialRetrievalError::NoCredentialConfigured) => {}
            Err(_) => return Err(CredentialError::Entry { server: server.into(), path }),
        }
        match config.get("credsStore").and_then(Value::as_str).filter(|store| !store.is_empty()) {
            Some(store) => self.ask(store, server).await,
            None => Ok(None),
        }
    }

    async fn ask(&self, helper: &str, server: &str) -> Result<Option<DockerCredentials>, CredentialError> {
        let answer = helper::ask(&self.helpers, helper, server, self.helper_time).await?;
        Ok(answer.map(|found| sent(found, server)))
    }
}

/// The helper of this registry alone.
fn helper_of<'a>(config: &'a Value, server: &str) -> Option<&'a str> {
    let helpers = config.get("credHelpers")?.as_object()?;
    let found = helpers.get(server).or_else(|| {
        let names = ["docker.io", "index.docker.io"];
        server.contains("index.docker.io").then(|| names.iter().find_map(|name| helpers.get(*name)))?
    });
    found.and_then(Value::as_str).filter(|helper| !helper.is_empty())
}

/// What stands in the file itself. The helpers are ours to run: with a limit in time, and not on the threads that
/// everything else needs.
fn in_file(config: &Value, server: &str) -> Result<DockerCredential, CredentialRetrievalError> {
    // Docker leaves `{}` behind for registries whose credentials a helper has.
    let mut auths = config.get("auths").and_then(Value::as_object).cloned().unwrap_or_default();
    auths.retain(|_, entry| {
        let filled = |name: &str| entry.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        ["auth", "identitytoken", "username"].into_iter().any(filled)
    });
    for entry in auths.values_mut().filter_map(Value::as_object_mut) {
        entry.retain(|_, value| value.as_str().is_none_or(|text| !text.is_empty()));
    }
    let text = serde_json::json!({ "auths": auths }).to_string();
    get_credential_from_reader(text.as_bytes(), server)
}

fn sent(found: DockerCredential, server: &str) -> DockerCredentials {
    let serveraddress = Some(server.to_owned());
    match found {
        DockerCredential::IdentityToken(token) => {
            DockerCredentials { identitytoken: Some(token), serveraddress, ..DockerCredentials::default() }
        }
        DockerCredential::UsernamePassword(username, password) => DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress,
            ..DockerCredentials::default()
        },
    }
}

#[cfg(test)]
#[path = "credentials/tests.rs"]
mod tests;
