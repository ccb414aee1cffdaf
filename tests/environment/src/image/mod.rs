//! Images without a build: a few files, mostly one static program, and what shall be known of them.
//!
//! They are FROM scratch, one layer, and the same content always gives the same id.

mod push;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::api::Api;
use crate::archive::{Archive, sha256};

pub use push::{Credentials, Pushed, push};

/// An image that is being described; [`load`](Image::load) brings it into an engine.
#[derive(Clone)]
pub struct Image {
    name: String,
    files: Vec<(String, Vec<u8>, u32)>,
    folders: Vec<(String, u32)>,
    config: BTreeMap<&'static str, Value>,
    env: Vec<String>,
    ports: BTreeMap<String, Value>,
    labels: BTreeMap<String, String>,
}

impl Image {
    /// An empty image of this name: `square-performer:demo`; without a tag it is `latest`.
    pub fn new(name: impl Into<String>) -> Self {
        let mut name = name.into();
        // A colon before the last slash belongs to a port.
        if !name.rsplit('/').next().unwrap_or_default().contains(':') {
            name.push_str(":latest");
        }
        Self {
            name,
            files: Vec::new(),
            folders: Vec::new(),
            config: BTreeMap::new(),
            env: Vec::new(),
            ports: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }

    /// Its name with the tag.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a file with this mode, owned by root. The folders above it are made with 0755.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        self.files.push((path.into(), content.into(), mode));
        self
    }

    /// Adds an empty folder with this mode, owned by root.
    #[must_use]
    pub fn folder(mut self, path: impl Into<String>, mode: u32) -> Self {
        self.folders.push((path.into(), mode));
        self
    }

    /// What is run.
    #[must_use]
    pub fn entrypoint<S: Into<String>>(self, words: impl IntoIterator<Item = S>) -> Self {
        self.words("Entrypoint", words)
    }

    /// The arguments of what is run, unless others are given.
    #[must_use]
    pub fn cmd<S: Into<String>>(self, words: impl IntoIterator<Item = S>) -> Self {
        self.words("Cmd", words)
    }

    /// A variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// Who runs it: `65532`, `65532:65532`, or a name that `/etc/passwd` in the image explains.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.value("User", json!(user))
    }

    /// A TCP port that it says it listens on. May be repeated.
    #[must_use]
    pub fn exposed(self, port: u16) -> Self {
        self.exposed_as(&format!("{port}/tcp"))
    }

    /// The same, in Docker's words: `9090/udp`.
    #[must_use]
    pub fn exposed_as(mut self, port: &str) -> Self {
        self.ports.insert(port.to_owned(), json!({}));
        self
    }

    /// The signal that asks it to end: `SIGINT`. Docker's own default is SIGTERM.
    #[must_use]
    pub fn stop_signal(self, signal: &str) -> Self {
        self.value("StopSignal", json!(signal))
    }

    /// Where it runs.
    #[must_use]
    pub fn working_dir(self, path: &str) -> Self {
        self.value("WorkingDir", json!(path))
    }

    /// A folder that becomes an anonymous volume of every container.
    #[must_use]
    pub fn volume(self, path: &str) -> Self {
        self.value("Volumes", json!({ path: {} }))
    }

    /// A label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A health check of Docker's own, by its JSON: `{"Test": ["CMD", "/check"], "Interval": 1000000000}`.
    #[must_use]
    pub fn healthcheck(self, check: Value) -> Self {
        self.value("Healthcheck", check)
    }

    /// Another architecture than this machine's, in Go's words: `arm64`.
    #[must_use]
    pub fn architecture(self, name: &'static str) -> Self {
        self.value("architecture", json!(name))
    }

    fn value(mut self, key: &'static str, value: Value) -> Self {
        self.config.insert(key, value);
        self
    }

    fn words<S: Into<String>>(self, key: &'static str, words: impl IntoIterator<Item = S>) -> Self {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        self.value(key, json!(words))
    }

    /// The archive as `docker save` writes it and `docker load` reads it.
    ///
    /// # Errors
    /// Where a path does not fit into an archive.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let mut layer = Archive::new();
        for (path, mode) in &self.folders {
            layer.folder(path, *mode)?;
        }
        for (path, content, mode) in &self.files {
            layer.file(path, content, *mode)?;
        }
        let layer = layer.finish()?;
        let digest = sha256(&layer);
        let config = serde_json::to_vec(&self.configuration(&digest))?;
        let (config_name, layer_name) = (format!("{}.json", sha256(&config)), format!("{digest}/layer.tar"));
        let manifest = json!([{ "Config": config_name, "RepoTags": [self.name], "Layers": [layer_name] }]);
        let mut archive = Archive::new();
        archive.file(&config_name, &config, 0o644)?;
        archive.file(&layer_name, &layer, 0o644)?;
        archive.file("manifest.json", &serde_json::to_vec(&manifest)?, 0o644)?;
        archive.finish()
    }

    fn configuration(&self, layer: &str) -> Value {
        let mut config = self.config.clone();
        let architecture = config.remove("architecture").unwrap_or_else(|| json!(go_architecture()));
        config.insert("Env", json!(self.env));
        if !self.ports.is_empty() {
            config.insert("ExposedPorts", json!(self.ports));
        }
        if !self.labels.is_empty() {
            config.insert("Labels", json!(self.labels));
        }
        json!({
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "hourglass-environment" }],
        })
    }

    /// Loads it into an engine, by its `DOCKER_HOST`, and returns the id that it has there: `sha256:…`.
    ///
    /// # Errors
    /// Where the engine is not reached or refuses it: what it said.
    pub fn load(&self, host: &str) -> Result<String> {
        let api = Api::at(host)?;
        let archive = self.archive()?;
        let answer = api.request("POST", "/images/load?quiet=1", &[("Content-Type", "application/x-tar")], &archive)?;
        refuse_errors(&answer.success()?).with_context(|| format!("loading {}", self.name))?;
        let found = api.get(&format!("/images/{}/json", self.name))?;
        let id = found.get("Id").and_then(Value::as_str).context("the engine names no id")?;
        Ok(id.to_owned())
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.files.iter().map(|(path, content, mode)| (path, content.len(), mode)).collect();
        f.debug_struct("Image").field("name", &self.name).field("files", &files).field("config", &self.config).finish()
    }
}

/// The engine begins to answer before it knows how it ends: an error is a line among others.
fn refuse_errors(lines: &[u8]) -> Result<Vec<Value>> {
    let values: Vec<Value> =
        serde_json::Deserializer::from_slice(lines).into_iter().collect::<Result<_, _>>().context("not JSON")?;
    if let Some(error) = values.iter().find_map(|value| value.get("error").and_then(Value::as_str)) {
        bail!("{error}");
    }
    Ok(values)
}

fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_the_same_archive() {
        let image = || Image::new("a/b").file("/bin/x", *b"x", 0o755).folder("/tmp", 0o1777).label("k", "v");
        assert_eq!(image().archive().unwrap(), image().archive().unwrap());
        assert_ne!(image().archive().unwrap(), image().env("A", "b").archive().unwrap());
    }

    #[test]
    fn a_name_without_a_tag_is_the_latest() {
        assert_eq!(Image::new("127.0.0.1:5000/x").name(), "127.0.0.1:5000/x:latest");
        assert_eq!(Image::new("x:1").name(), "x:1");
    }

    #[test]
    fn an_error_among_the_lines_is_an_error() {
        assert!(refuse_errors(b"{\"stream\":\"ok\"}\n{\"error\":\"no space left\"}").is_err());
        assert_eq!(refuse_errors(b"{\"stream\":\"ok\"}").unwrap().len(), 1);
    }
}
