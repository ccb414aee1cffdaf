//! What the kubelet's words on an image that it could not get mean, and what to change.

use hourglass_core::lifecycle::ExitCause;

/// What became of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pull {
    /// It may still succeed: the kubelet tries again in place, with pauses of at most five minutes. In words, which
    /// begin with the reason.
    Pending(String),
    /// It cannot.
    Impossible(ExitCause),
}

/// Signs in lower case, any of which must be there, the reason, whether trying again is pointless, and what to change.
/// In this order: some signs stand in others' messages.
type Row = (&'static [&'static str], &'static str, bool, &'static str);

const ROWS: &[Row] = &[
    (&["no space left on device", "disk quota exceeded"], "EngineDiskFull", false, "make room on the node"),
    (
        &["no match for platform", "no matching manifest for", "does not match the specified platform"],
        "ImagePlatformMismatch",
        true,
        "use an image that was built for the nodes' kind of processor, or select nodes of the image's kind",
    ),
    (
        &["toomanyrequests", "too many requests", "rate limit"],
        "RegistryRateLimited",
        false,
        "wait, or use an account through imagePullSecrets",
    ),
    (
        &["is no longer supported", "unsupported manifest", "unsupported media type", "encountered unknown type"],
        "ImageFormatUnsupported",
        true,
        "build the image again with a current tool",
    ),
    (
        &["unexpected commit digest", "failed size validation", "does not match digest", "failed verification"],
        "ImageCorrupt",
        false,
        "it is fetched again; if that does not help, push the image again",
    ),
    (
        &["x509:", "tls: ", "server gave http response to https client"],
        "RegistryUntrusted",
        false,
        "give the nodes' container runtime the registry's certificate authority",
    ),
    (
        &[
            "unauthorized",
            "authorization failed",
            "authentication required",
            "pull access denied",
            "no basic auth credentials",
            "401",
            "403 forbidden",
            "denied: ",
        ],
        "RegistryUnauthorised",
        false,
        "correct the name, or name a Secret with credentials in imagePullSecrets",
    ),
    (
        &["code = notfound", "manifest unknown", "name unknown", "repository name not known"],
        "ImageNotFound",
        true,
        "push the image, or correct its name, tag or digest",
    ),
    (
        &["signaturevalidationfailed", "signature validation failed"],
        "ImageUnsigned",
        true,
        "use an image that the nodes' policy allows",
    ),
];

/// What `ErrImagePull` or `ImagePullBackOff` says of an image. Where the message says nothing, nothing is known.
pub(super) fn of_pull(image: &str, message: &str) -> Pull {
    let text = message.to_lowercase();
    let row = ROWS.iter().find(|(signs, ..)| signs.iter().any(|sign| text.contains(sign)));
    // What is found at the end of other words is a host or a page, not an image.
    let missing = text.trim_end().ends_with(": not found");
    let (reason, refused, remedy) = match row {
        Some((_, reason, refused, remedy)) => (*reason, *refused, *remedy),
        None if missing => ("ImageNotFound", true, "push the image, or correct its name, tag or digest"),
        None => ("ImagePullFailed", false, "look at the registry, and at the way to it from the node"),
    };
    let message = format!("{image}: {}; {remedy}", shortened(message));
    match refused {
        true => Pull::Impossible(ExitCause::Refused { reason: reason.into(), message }),
        false => Pull::Pending(format!("{reason}: {message}")),
    }
}

/// Without what every message begins with, and of bounded length: what to change must still be read.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 300;
    let point = message.rsplit_once("code = ").and_then(|(_, rest)| rest.split_once(" desc = "));
    let point = point.map_or(message, |(_, words)| words).trim();
    let count = point.chars().count();
    match count.checked_sub(LONGEST) {
        None | Some(0) => point.into(),
        // The end tells most: the beginning repeats the name.
        Some(surplus) => std::iter::once('…').chain(point.chars().skip(surplus + 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As containerd and CRI-O have them, through the kubelet.
    const MESSAGES: &[(&str, &str, bool)] = &[
        (
            "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/nope:1\": failed to \
             resolve reference \"docker.io/library/nope:1\": docker.io/library/nope:1: not found",
            "ImageNotFound",
            true,
        ),
        (
            "Back-off pulling image \"r:5000/p:1\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and \
             unpack image \"r:5000/p:1\": no match for platform in manifest: not found",
            "ImagePlatformMismatch",
            true,
        ),
        ("reading manifest v9 in quay.io/x/y: manifest unknown", "ImageNotFound", true),
        ("Back-off pulling image \"docker.io/library/nope:1\"", "ImagePullFailed", false),
        (
            "failed to pull and unpack image \"docker.io/x/y:1\": failed to resolve reference \"docker.io/x/y:1\": pull \
             access denied, repository does not exist or may require authorization: server message: \
             insufficient_scope: authorization failed",
            "RegistryUnauthorised",
            false,
        ),
        (
            "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to \
             https://ghcr.io/token?scope=x: 403 Forbidden",
            "RegistryUnauthorised",
            false,
        ),
        (
            "failed to copy: httpReadSeeker: failed open: unexpected status code 429 Too Many Requests",
            "RegistryRateLimited",
            false,
        ),
        (
            "failed to do request: Head \"https://r.local/v2/p/manifests/1\": dial tcp: lookup r.local on 10.96.0.10:53: \
             no such host",
            "ImagePullFailed",
            false,
        ),
        ("failed to do request: dial tcp 10.0.0.1:443: connect: connection refused", "ImagePullFailed", false),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "RegistryUntrusted",
            false,
        ),
        ("http: server gave HTTP response to HTTPS client", "RegistryUntrusted", false),
        ("write /var/lib/containerd/x: no space left on device", "EngineDiskFull", false),
        ("unexpected commit digest sha256:00, expected sha256:01: failed precondition", "ImageCorrupt", false),
        (
            "media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported since \
             containerd v2.0",
            "ImageFormatUnsupported",
            true,
        ),
        ("", "ImagePullFailed", false),
    ];

    #[test]
    fn words_of_kubelets() {
        for (message, reason, refused) in MESSAGES {
            match of_pull("p:1", message) {
                Pull::Impossible(cause) => assert_eq!((cause.reason(), true), (*reason, *refused), "{message}"),
                Pull::Pending(words) => {
                    assert!(!refused, "{message}");
                    assert!(words.starts_with(&format!("{reason}: p:1: ")), "{words}");
                }
            }
        }
    }

    #[test]
    fn what_to_change_is_read_whatever_is_said_before() {
        let Pull::Pending(words) = of_pull("p:1", &"ä".repeat(5000)) else { panic!() };
        assert!(words.chars().count() < 450 && words.ends_with("from the node"), "{words}");
    }
}
