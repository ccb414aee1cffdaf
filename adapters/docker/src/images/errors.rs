//! What the engine's words on a pull that failed mean, and what to change.

use bollard::errors::Error;
use hourglass_core::with_causes;

use super::reference::Reference;
use crate::failure::StartFailure;

/// The engine's words are cut to this many characters, so that what to change is still read where messages are short.
const WORDS: usize = 100;

/// What became of the credentials of a pull, for the words about a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// There were none.
    Nothing,
    /// They were sent.
    Credentials,
    /// There are some, but they could not be read.
    Unreadable(String),
}

/// An answer of the engine to anything about an image.
pub(crate) fn of(error: &Error, reference: &Reference, sent: &Sent) -> StartFailure {
    match error {
        Error::DockerResponseServerError { status_code, message } => said(Some(*status_code), message, reference, sent),
        Error::DockerStreamError { error } => said(None, error, reference, sent),
        Error::RequestTimeoutError => engine_silent("it does not answer"),
        other => engine_silent(&with_causes(other)),
    }
}

/// The engine could not be asked, or stopped answering; nothing is known about the image.
pub(crate) fn engine_silent(what: &str) -> StartFailure {
    let message = format!("the container engine cannot be reached: {}; see that it runs", words(what));
    StartFailure::failed("EngineUnavailable", message)
}

/// Nothing has happened for longer than is allowed.
pub(crate) fn stalled(reference: &Reference, seconds: u64, line: &str) -> StartFailure {
    let message = format!(
        "{reference}: no progress within {seconds} s ({line}); look at the registry {} and the network, or raise \
         docker.pull_stall_timeout",
        reference.registry()
    );
    StartFailure::failed("ImagePullStalled", message)
}

/// How an answer is recognised, in lower case: any of these texts. In this order: some texts stand in others' answers.
const DISK: [&str; 2] = ["no space left on device", "disk quota exceeded"];
const PLATFORM: [&str; 4] = [
    "no matching manifest for",
    "no match for platform",
    "cannot be used on this platform",
    "does not match the specified platform",
];
const RATE: [&str; 3] = ["toomanyrequests", "too many requests", "rate limit"];
const UNSUPPORTED: [&str; 5] = [
    "unsupported manifest",
    "mediatype in manifest should be",
    "is no longer supported",
    "missing signature key",
    "unsupported media type",
];
const CORRUPT: [&str; 6] = [
    "verification failed for digest",
    "failed verification",
    "unexpected commit digest",
    "failed size validation",
    "invalid checksum digest",
    "does not match digest",
];
/// A configuration or manifest that has its digest and is no JSON. Answers of other kinds that are none are not meant: a
/// registry on a bad day sends those.
const BROKEN: [&str; 3] = ["unexpected end of json input", "invalid character", "cannot unmarshal"];
const UNPARSED: [&str; 2] = ["error parsing http", "decode"];
const PLAIN: [&str; 1] = ["server gave http response to https client"];
const UNTRUSTED: [&str; 2] = ["x509:", "tls: "];
const UNAUTHORISED: [&str; 6] = [
    "no basic auth credentials",
    "unauthorized",
    "authentication required",
    "pull access denied",
    "denied: ",
    "may require 'docker login'",
];
const MISSING: [&str; 5] =
    ["manifest unknown", "name unknown", "not found: does not exist", "repository name not known", "no such image"];

/// Retryable is what somebody can mend without touching the performer: credentials expire and are renewed by others, so
/// a refusal by the registry is tried again, while a name that the registry does not know stays unknown.
fn said(status: Option<u16>, message: &str, reference: &Reference, sent: &Sent) -> StartFailure {
    let text = message.to_lowercase();
    let any = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    let registry = reference.registry();
    let words = words(message);
    if any(&DISK) {
        let remedy = "make room where the engine keeps its data, for instance with `docker image prune`";
        return StartFailure::failed("EngineDiskFull", format!("{reference}: {words}; {remedy}"));
    }
    if any(&PLATFORM) {
        let remedy = "use an image that was built for this host's kind of processor";
        return StartFailure::refused("ImagePlatformMismatch", format!("{reference}: {words}; {remedy}"));
    }
    if status == Some(429) || any(&RATE) {
        let remedy = match sent {
            Sent::Credentials => "wait, or raise the account's limit",
            _ => "wait, or use an account: `docker login`",
        };
        return StartFailure::failed("RegistryRateLimited", format!("{registry} limits pulls: {words}; {remedy}"));
    }
    if any(&UNSUPPORTED) {
        let remedy = "build the image again with a current tool, or upgrade the engine";
        return StartFailure::refused("ImageFormatUnsupported", format!("{reference}: {words}; {remedy}"));
    }
    if any(&CORRUPT) {
        let remedy = "it is fetched again; if that does not help, push the image again";
        return StartFailure::failed("ImageCorrupt", format!("{reference} arrived damaged: {words}; {remedy}"));
    }
    if reference.is_digest() && any(&BROKEN) && !any(&UNPARSED) {
        let remedy = "build the image again and push it";
        return StartFailure::refused("ImageBroken", format!("{reference} is broken itself: {words}; {remedy}"));
    }
    if any(&PLAIN) || any(&UNTRUSTED) {
        let remedy = "give the engine the registry's certificate authority (/etc/docker/certs.d), or name the registry \
                      in its insecure-registries";
        return StartFailure::failed("RegistryUntrusted", format!("{registry}: {words}; {remedy}"));
    }
    if any(&UNAUTHORISED) || matches!(status, Some(401 | 403)) {
        return StartFailure::failed("RegistryUnauthorised", unauthorised(reference, &words, sent));
    }
    if any(&MISSING) || (status == Some(404) && !text.contains("page not found")) {
        return StartFailure::refused("ImageNotFound", missing(reference, &words));
    }
    if status == Some(400) {
        return StartFailure::refused("ImageReferenceInvalid", format!("{reference}: {words}; correct the image"));
    }
    let remedy = format!("look at the registry {registry} and the network to it");
    StartFailure::failed("ImagePullFailed", format!("{reference}: {words}; {remedy}"))
}

fn unauthorised(reference: &Reference, words: &str, sent: &Sent) -> String {
    let registry = reference.registry();
    let login = if registry == "docker.io" { "docker login".to_owned() } else { format!("docker login {registry}") };
    let remedy = match sent {
        Sent::Nothing => format!(
            "no credentials for it: correct the name, or `{login}` as the executor's user, or set \
             docker.client_config_path"
        ),
        Sent::Credentials => {
            format!("the credentials that we have do not do: run `{login}` again, or let the account in")
        }
        Sent::Unreadable(why) => format!("our credentials could not be used: {why}"),
    };
    format!("{registry} refuses {reference}: {words}; {remedy}")
}

fn missing(reference: &Reference, words: &str) -> String {
    let what = if reference.is_digest() { "digest" } else { "tag" };
    let registry = reference.registry();
    // The engine begins with the name, too, and whole digests are long.
    let words = words.rsplit_once(" not found: ").map_or(words, |(_, rest)| rest);
    format!("{registry} has no {reference}: {words}; push the image, or correct its name or {what}")
}

/// One printable line of bounded length, without what follows a question mark in addresses: registries put signatures
/// there that open the door for a while.
pub(crate) fn words(text: &str) -> String {
    let mut clean = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let address = word.find("://").and_then(|scheme| Some(scheme + word.get(scheme..)?.find('?')?));
        let shown = match address.and_then(|at| word.split_at_checked(at)) {
            Some((address, query)) => {
                let end = query.find(['"', '\'']).and_then(|at| query.get(at..)).unwrap_or_default();
                format!("{address}?…{end}")
            }
            None => word.to_owned(),
        };
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(&shown);
        if clean.len() > 8 * WORDS {
            break;
        }
    }
    if clean.chars().count() <= WORDS {
        return clean;
    }
    let mut cut: String = clean.chars().take(WORDS - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
