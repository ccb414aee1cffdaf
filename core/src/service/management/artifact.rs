use crate::performer::Image;
use crate::service::management::api::ManagementError;

/// What an image says about where it comes from, as the wire's fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Artifact {
    /// Without tag and digest.
    pub(super) registry: String,
    /// `sha256:…`, or empty.
    pub(super) digest: String,
    /// Or empty.
    pub(super) tag: String,
}

const LOCAL: &str = "file://";

/// The image that a deployment names by a registry and a digest.
///
/// People and programs write a scheme before the registry; an image reference has none. `file://` is a local executable,
/// only where `local` permits it.
pub(super) fn image(registry_url: &str, digest: &str, local: bool) -> Result<Image, ManagementError> {
    if digest.is_empty() {
        return Err(ManagementError::invalid("Artifact digest is required"));
    }
    if registry_url.is_empty() {
        return Err(ManagementError::invalid("Registry URL is required"));
    }
    let digest = digest.to_ascii_lowercase();
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ManagementError::invalid("Artifact digest must be sha256: and 64 hexadecimal digits"));
    }
    let reference = reference(registry_url, &digest, local)?;
    let image = format!("{reference}@{digest}");
    image.parse().map_err(|error| ManagementError::invalid(format!("Registry URL: {error}")))
}

fn reference<'a>(registry_url: &'a str, digest: &str, local: bool) -> Result<&'a str, ManagementError> {
    if let Some(path) = registry_url.strip_prefix(LOCAL) {
        if !local {
            return Err(ManagementError::precondition(
                "Registry URL: local executables are only run in development mode, with processes as instances",
            ));
        }
        if !path.starts_with('/') || path.contains('@') {
            return Err(ManagementError::invalid("Registry URL: file:// takes an absolute path without @"));
        }
        return Ok(registry_url);
    }
    let rest = ["https://", "http://", "docker://", "oci://"].iter().find_map(|scheme| {
        let begins = registry_url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        begins.then(|| &registry_url[scheme.len()..])
    });
    let rest = rest.unwrap_or(registry_url).trim_end_matches('/');
    let (name, own_digest) = rest.split_once('@').map_or((rest, None), |(name, own)| (name, Some(own)));
    if own_digest.is_some_and(|own| !own.eq_ignore_ascii_case(digest)) {
        return Err(ManagementError::invalid("Registry URL carries another digest than the artifact's: remove one"));
    }
    if name.is_empty() || name.contains("://") {
        return Err(ManagementError::invalid(format!(
            "Registry URL '{registry_url}' names no image: expected host/path, such as ghcr.io/org/performer"
        )));
    }
    Ok(name)
}

impl Artifact {
    pub(super) fn of(image: &Image) -> Self {
        let text = image.as_str();
        let (name, digest) = text.split_once('@').unwrap_or((text, ""));
        let tag_at = name.rfind(':').filter(|at| !name.starts_with(LOCAL) && !name[*at..].contains('/'));
        let (registry, tag) = tag_at.map_or((name, ""), |at| (&name[..at], &name[at + 1..]));
        Self { registry: registry.to_owned(), digest: digest.to_owned(), tag: tag.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::management::ManagementErrorKind;

    fn digest() -> String {
        format!("sha256:{}", "ab".repeat(32))
    }

    #[test]
    fn images() {
        for (url, name) in [
            ("ghcr.io/org/p", "ghcr.io/org/p"),
            ("https://ghcr.io/org/p/", "ghcr.io/org/p"),
            ("HTTP://localhost:5000/p", "localhost:5000/p"),
            ("docker://org/p:v1", "org/p:v1"),
            ("org/p", "org/p"),
        ] {
            let image = image(url, &digest(), false).unwrap();
            assert_eq!(image.as_str(), format!("{name}@{}", digest()), "{url}");
        }
        let with_own = format!("org/p@{}", digest());
        assert_eq!(image(&with_own, &digest(), false).unwrap().as_str(), with_own);
        assert_eq!(image("org/p", &digest().to_uppercase(), false).unwrap().as_str(), with_own);
        let local = image("file:///opt/p", &digest(), true).unwrap();
        assert_eq!(local.as_str(), format!("file:///opt/p@{}", digest()));
    }

    #[test]
    fn refusals() {
        let good = digest();
        for (url, digest, local, message) in [
            ("", "", false, "Artifact digest is required"),
            ("", &*good, false, "Registry URL is required"),
            ("org/p", "sha256:12", false, "Artifact digest must be"),
            ("org/p", &good[7..], false, "Artifact digest must be"),
            ("org/p", &good.replace("ab", "ag"), false, "Artifact digest must be"),
            ("https://", &*good, false, "names no image"),
            ("ftp://h/p", &*good, false, "names no image"),
            ("org/ p", &*good, false, "not an image reference"),
            ("org/p@sha256:00", &*good, false, "another digest"),
            ("file:///opt/p", &*good, false, "only run in development mode"),
            ("file://opt/p", &*good, true, "absolute path"),
        ] {
            let error = image(url, digest, local).unwrap_err();
            assert!(error.message.contains(message), "{url}: {error}");
            let precondition = url == "file:///opt/p";
            assert_eq!(error.kind == ManagementErrorKind::FailedPrecondition, precondition, "{url}");
        }
    }

    #[test]
    fn parts_of_images() {
        for (text, registry, digest, tag) in [
            ("h:5000/p:v1@sha256:00", "h:5000/p", "sha256:00", "v1"),
            ("h:5000/p", "h:5000/p", "", ""),
            ("p:v1", "p", "", "v1"),
            ("file:///a:b/c@sha256:00", "file:///a:b/c", "sha256:00", ""),
            ("file:///a:b", "file:///a:b", "", ""),
        ] {
            let expected = Artifact { registry: registry.into(), digest: digest.into(), tag: tag.into() };
            assert_eq!(Artifact::of(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
