//! Docker's own variables: a host on which `docker` works needs no second description of its engine.

use std::collections::BTreeMap;

use super::key::Kind;
use super::problem::{Problems, Source};
use super::tree::Node;

/// The files of Docker's directory of certificates, by our keys.
const CERTIFICATES: [(&str, &str); 3] = [("ca_path", "ca.pem"), ("cert_path", "cert.pem"), ("key_path", "key.pem")];
/// Docker's own directory within the user's.
const CLIENT: &str = ".docker";

/// What Docker's variables set, weakest first: path, source, text.
///
/// `DOCKER_TLS_VERIFY` counts as soon as it holds any text, as Docker's own tools have it. `DOCKER_CERT_PATH` alone means
/// TLS too; the engine is verified either way. `HOME` only stands in for what nobody said.
pub(crate) fn overlays(
    env: &BTreeMap<String, String>,
    file: &Node,
    problems: &mut Problems,
) -> Vec<(Vec<String>, Source, String)> {
    let set = |name: &'static str| env.get(name).filter(|text| !text.is_empty()).map(|text| (name, text.as_str()));
    let written = |key: &str| file.get("docker").and_then(|docker| docker.get(key)).is_some_and(|node| !node.is_null());
    let mut found = Vec::new();
    let mut push = |path: &[&str], name: &str, text: String| {
        let path = ["docker"].iter().chain(path).map(|segment| (*segment).to_owned()).collect();
        found.push((path, Source::Variable(name.into()), text));
    };

    let home = set("HOME")
        .filter(|(_, text)| text.starts_with('/') && Kind::Path.check(text).is_ok())
        .map(|(name, text)| (name, within(text, CLIENT)));
    let client = set("DOCKER_CONFIG").map(|(name, text)| (name, text.to_owned()));
    match (&client, &home) {
        (Some((name, directory)), _) => push(&["client_config_path"], name, directory.clone()),
        (None, Some((name, directory))) if !written("client_config_path") => {
            push(&["client_config_path"], name, directory.clone());
        }
        _ => {}
    }
    if let Some((name, text)) = set("DOCKER_HOST") {
        push(&["host"], name, text.to_owned());
    }
    let certificates = set("DOCKER_CERT_PATH").map(|(name, text)| (name, text.to_owned()));
    // What the file says of TLS is more exact than that there must be some.
    let verify = set("DOCKER_TLS_VERIFY").filter(|_| certificates.is_none() && !written("tls"));
    let directory = match verify {
        Some((name, _)) => {
            let directory = client.or(home).map(|(_, directory)| (name, directory));
            if directory.is_none() {
                let message = "TLS is asked for, and nothing says where the certificates are";
                problems.push("docker.tls", &Source::Variable(name.into()), message, "set DOCKER_CERT_PATH");
            }
            directory
        }
        None => certificates,
    };
    if let Some((name, directory)) = directory {
        for (key, file) in CERTIFICATES {
            push(&["tls", key], name, within(&directory, file));
        }
    }
    found
}

fn within(directory: &str, file: &str) -> String {
    format!("{}/{file}", directory.trim_end_matches('/'))
}
