use super::*;

fn reference() -> Reference {
    Reference::parse("127.0.0.1:5000/my-org/p:v1").unwrap()
}

/// Status (none: within the stream of a pull), the engine's words, the reason, whether it is refused.
type Row = (Option<u16>, &'static str, &'static str, bool);

const ROWS: &[Row] = &[
    // Engine 20.10.
    (
        Some(404),
        "manifest for 127.0.0.1:5000/my-org/p:v1 not found: manifest unknown: manifest unknown",
        "ImageNotFound",
        true,
    ),
    (
        Some(404),
        "pull access denied for my-org/p, repository does not exist or may require 'docker login': denied: requested \
         access to the resource is denied",
        "RegistryUnauthorised",
        false,
    ),
    (
        Some(500),
        "Get http://127.0.0.1:5000/v2/my-org/p/manifests/v1: no basic auth credentials",
        "RegistryUnauthorised",
        false,
    ),
    (
        Some(500),
        "Head \"http://127.0.0.1:5000/v2/my-org/p/manifests/v1\": unauthorized: authentication required",
        "RegistryUnauthorised",
        false,
    ),
    (
        Some(500),
        "Get \"http://127.0.0.1:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused",
        "ImagePullFailed",
        false,
    ),
    (
        Some(500),
        "Get \"https://nowhere.example/v2/\": dial tcp: lookup nowhere.example on 10.0.0.2:53: no such host",
        "ImagePullFailed",
        false,
    ),
    (
        Some(500),
        "Get \"https://r.example/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded \
         while awaiting headers)",
        "ImagePullFailed",
        false,
    ),
    (Some(500), "received unexpected HTTP status: 503 Service Unavailable", "ImagePullFailed", false),
    (
        Some(500),
        "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and \
         upgrading",
        "RegistryRateLimited",
        false,
    ),
    (
        Some(500),
        "error parsing HTTP 429 response body: invalid character: \"Too Many Requests\"",
        "RegistryRateLimited",
        false,
    ),
    (
        Some(500),
        "Get \"https://127.0.0.1:5000/v2/\": http: server gave HTTP response to HTTPS client",
        "RegistryUntrusted",
        false,
    ),
    (
        Some(500),
        "Get \"https://r.example/v2/\": x509: certificate signed by unknown authority",
        "RegistryUntrusted",
        false,
    ),
    (None, "no matching manifest for linux/arm64 in the manifest list entries", "ImagePlatformMismatch", true),
    (None, "image operating system \"windows\" cannot be used on this platform", "ImagePlatformMismatch", true),
    (None, "write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "EngineDiskFull", false),
    (
        None,
        "failed to register layer: Error processing tar file(exit status 1): write /x: no space left on device",
        "EngineDiskFull",
        false,
    ),
    (None, "filesystem layer verification failed for digest sha256:aa", "ImageCorrupt", false),
    (None, "manifest verification failed for digest sha256:aa", "ImageCorrupt", false),
    (None, "unexpected EOF", "ImagePullFailed", false),
    (None, "read tcp 127.0.0.1:1->127.0.0.1:5000: read: connection reset by peer", "ImagePullFailed", false),
    (None, "unauthorized: authentication required", "RegistryUnauthorised", false),
    (Some(400), "invalid reference format", "ImageReferenceInvalid", true),
    // Later engines, with and without containerd's store.
    (
        Some(404),
        "failed to resolve reference \"127.0.0.1:5000/my-org/p:v1\": 127.0.0.1:5000/my-org/p:v1: not found",
        "ImageNotFound",
        true,
    ),
    (Some(404), "no match for platform in manifest sha256:aa: not found", "ImagePlatformMismatch", true),
    (
        Some(404),
        "no matching manifest for linux/amd64 in the manifest list entries: not found",
        "ImagePlatformMismatch",
        true,
    ),
    (
        Some(500),
        "failed to do request: Head \"https://127.0.0.1:5000/v2/p/manifests/v1\": dial tcp 127.0.0.1:5000: connect: \
         connection refused",
        "ImagePullFailed",
        false,
    ),
    (
        Some(500),
        "failed to authorize: failed to fetch oauth token: unexpected status from GET request: 401 Unauthorized",
        "RegistryUnauthorised",
        false,
    ),
    (Some(403), "denied: requested access to the resource is denied", "RegistryUnauthorised", false),
    (Some(401), "", "RegistryUnauthorised", false),
    (Some(429), "", "RegistryRateLimited", false),
    (None, "unexpected commit digest sha256:aa, expected sha256:bb: failed precondition", "ImageCorrupt", false),
    (
        Some(400),
        "not implemented: media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer \
         supported since containerd v2.1",
        "ImageFormatUnsupported",
        true,
    ),
    // A proxy before the engine that does not let the call through.
    (Some(404), "404 page not found", "ImagePullFailed", false),
    (None, "something nobody has seen yet", "ImagePullFailed", false),
];

#[test]
fn words_of_engines() {
    for (status, message, reason, refused) in ROWS {
        let failure = said(*status, message, &reference(), &Sent::Nothing);
        assert_eq!((failure.reason, failure.refused), (*reason, *refused), "{message}");
        assert!(failure.message.contains("; "), "what to change: {}", failure.message);
        // Failures are shown with 300 characters and some words before them.
        assert!(failure.message.chars().count() < 300, "{}", failure.message);
    }
}

#[test]
fn what_to_change_depends_on_what_was_sent() {
    let of = |sent: Sent| said(Some(401), "unauthorized", &reference(), &sent).message;
    let nothing = of(Sent::Nothing);
    assert!(nothing.contains("`docker login 127.0.0.1:5000`") && nothing.contains("no credentials"), "{nothing}");
    assert!(of(Sent::Credentials).contains("again"));
    assert!(of(Sent::Unreadable("docker-credential-x is not installed".into())).contains("docker-credential-x"));
    let hub = said(Some(401), "unauthorized", &Reference::parse("my-org/p").unwrap(), &Sent::Nothing).message;
    assert!(hub.contains("docker.io refuses my-org/p:latest") && hub.contains("`docker login`"), "{hub}");
}

#[test]
fn a_missing_digest_is_called_a_digest() {
    let digest = format!("127.0.0.1:5000/p@sha256:{}", "0".repeat(64));
    let failure = said(Some(404), "manifest unknown", &Reference::parse(&digest).unwrap(), &Sent::Nothing);
    assert!(failure.refused && failure.message.contains("name or digest"), "{}", failure.message);
}

#[test]
fn what_has_its_digest_and_is_broken_stays_so() {
    let of = |version: &str, words: &str| {
        let reference = Reference::parse(&format!("127.0.0.1:5000/p{version}")).unwrap();
        let failure = said(None, words, &reference, &Sent::Nothing);
        (failure.reason, failure.refused)
    };
    let digest = format!("@sha256:{}", "0".repeat(64));
    let (ended, html) = ("unexpected end of JSON input", "error parsing HTTP 503 response body: invalid character '<'");
    assert_eq!(of(&digest, ended), ("ImageBroken", true));
    assert_eq!(of(":v1", ended), ("ImagePullFailed", false), "a tag is nobody's promise");
    assert_eq!(of(&digest, html), ("ImagePullFailed", false), "not the image");
}

#[test]
fn signatures_in_addresses_are_not_repeated() {
    let shown = words("Get \"https://blobs.example/a/b?X-Amz-Signature=deadbeef&x=1\": EOF\n\u{1b}[31m what?");
    assert_eq!(shown, "Get \"https://blobs.example/a/b?…\": EOF [31m what?");
    assert_eq!(words(&"x".repeat(1_000_000)).chars().count(), WORDS);
    assert_eq!(words(&"ü ".repeat(10_000)).chars().count(), WORDS);
    assert_eq!(words("é://é?é"), "é://é?…");
}

#[test]
fn an_engine_that_is_not_there_is_said_so() {
    let error = Error::IOError { err: std::io::ErrorKind::ConnectionRefused.into() };
    let failure = of(&error, &reference(), &Sent::Nothing);
    assert_eq!((failure.reason, failure.refused), ("EngineUnavailable", false));
}
