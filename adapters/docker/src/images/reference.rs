use std::fmt;

/// The registry that a reference without a host means, as Docker's own files name it.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// An image reference taken apart by Docker's rules.
///
/// Where it carries a tag *and* a digest, the digest alone decides: some engines would pull by the tag and never look at
/// the digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    host: Option<String>,
    /// As written, host included, without tag and digest.
    name: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Version {
    Tag(String),
    Digest(String),
}

/// A text that no engine would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an image reference: {problem}")]
pub(crate) struct ReferenceError {
    text: String,
    problem: &'static str,
}

impl Reference {
    /// # Errors
    /// What an engine would answer with 400, or worse: take for another path of its API.
    pub(crate) fn parse(text: &str) -> Result<Self, ReferenceError> {
        let fail = |problem| Err(ReferenceError { text: text.into(), problem });
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash belongs to a registry's port.
        let (name, tag) = match rest.rfind('/').map_or(rest, |slash| &rest[slash..]).rfind(':') {
            Some(colon) => {
                let at = rest.rfind('/').unwrap_or(0) + colon;
                (&rest[..at], Some(&rest[at + 1..]))
            }
            None => (rest, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (Some(first), path),
            _ => (None, name),
        };
        if name.len() > 255 || path.is_empty() || !path.split('/').all(is_component) {
            return fail(
                "a name is lower-case letters and digits, with '.', '_', '-' between them and '/' between parts",
            );
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return fail("a tag is at most 128 letters, digits, '_', '.' and '-'");
        }
        let version = match (digest, tag) {
            (Some(digest), _) if is_digest(digest) => Version::Digest(digest.into()),
            (Some(_), _) => return fail("a digest is sha256: and 64 lower-case hexadecimal digits"),
            (None, tag) => Version::Tag(tag.unwrap_or("latest").into()),
        };
        Ok(Self { host: host.map(str::to_owned), name: name.into(), version })
    }

    /// The name as an engine wants it beside [`Self::version`].
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The tag or digest.
    pub(crate) fn version(&self) -> &str {
        match &self.version {
            Version::Tag(version) | Version::Digest(version) => version,
        }
    }

    /// Whether content is named, and not a name that may come to mean other content.
    pub(crate) fn is_digest(&self) -> bool {
        matches!(self.version, Version::Digest(_))
    }

    /// The registry as Docker's client configuration names it.
    pub(crate) fn server(&self) -> &str {
        match self.host.as_deref() {
            None | Some("docker.io" | "index.docker.io" | "registry-1.docker.io") => DOCKER_HUB,
            Some(host) => host,
        }
    }

    /// The registry as people write it.
    pub(crate) fn registry(&self) -> &str {
        self.host.as_deref().unwrap_or("docker.io")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.is_digest() { '@' } else { ':' };
        write!(f, "{}{separator}{}", self.name, self.version())
    }
}

fn is_host(first: &str) -> bool {
    let (host, port) = first.rsplit_once(':').map_or((first, None), |(host, port)| (host, Some(port)));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let right = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(allowed) && !host.contains(".."),
    };
    right
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
        && (port.is_some() || bracketed.is_some() || host == "localhost" || host.contains('.'))
}

fn is_component(part: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().copied().is_some_and(alphanumeric)
        && bytes.last().copied().is_some_and(alphanumeric)
        && bytes.iter().all(|b| alphanumeric(*b) || matches!(b, b'.' | b'_' | b'-'))
        && !part.contains("..")
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128 && tag.bytes().next().is_some_and(word) && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    digest.strip_prefix("sha256:").is_some_and(|hash| hash.len() == 64 && hash.bytes().all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let table = [
            ("alpine", "alpine", "latest", DOCKER_HUB),
            ("my-org/p:v1", "my-org/p", "v1", DOCKER_HUB),
            ("docker.io/my-org/p", "docker.io/my-org/p", "latest", DOCKER_HUB),
            ("localhost/p", "localhost/p", "latest", "localhost"),
            ("localhost:5000/p", "localhost:5000/p", "latest", "localhost:5000"),
            ("127.0.0.1:5000/a/b__c:1.2-x", "127.0.0.1:5000/a/b__c", "1.2-x", "127.0.0.1:5000"),
            ("[::1]:5000/p", "[::1]:5000/p", "latest", "[::1]:5000"),
            ("ghcr.io/o/p:v1", "ghcr.io/o/p", "v1", "ghcr.io"),
        ];
        for (text, name, version, server) in table {
            let found = Reference::parse(text).unwrap();
            assert_eq!((found.name(), found.version(), found.server()), (name, version, server), "{text}");
            assert!(!found.is_digest());
            assert_eq!(found.to_string(), format!("{name}:{version}"));
        }
        for text in [format!("ghcr.io/o/p@{digest}"), format!("ghcr.io/o/p:v1@{digest}")] {
            let found = Reference::parse(&text).unwrap();
            assert!(found.is_digest());
            assert_eq!(found.to_string(), format!("ghcr.io/o/p@{digest}"));
        }
    }

    #[test]
    fn what_could_name_another_path_of_the_engine_is_refused() {
        for text in [
            "",
            "../containers",
            "a/../../b",
            "a//b",
            "/a",
            "a/",
            "A/b",
            "a?x=1",
            "a#b",
            "a%2fb",
            "a:",
            "a:..",
            "a:b/c:d:e",
            "a@sha256:00",
            "a@",
            "file:///bin/sh",
            "host:99999/a",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
