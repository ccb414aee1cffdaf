//! The executable that stands for an image.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use hourglass_core::performer::PerformerSpec;
use hourglass_core::ports::RuntimeError;
use rustix::fs::{Access, access};
use sha2::{Digest, Sha256};

/// The executable that a specification's image names: an absolute path or `file:///path`, with `@sha256:<64 hex>` behind
/// it where its content is pinned.
///
/// A version that was appended to the path as a tag is only a label here: where no such file is there, it is left off.
///
/// # Errors
/// `ImageNotAPath`, `ImageNotFound`, `ImageNotExecutable`, `DigestMalformed`, `DigestMismatch`, all refusals;
/// `ImageUnreadable` where the file system fails.
pub fn executable(spec: &PerformerSpec) -> Result<PathBuf, RuntimeError> {
    let image = spec.image.as_str();
    let (location, digest) = match image.rsplit_once('@') {
        Some((location, digest)) if digest.starts_with("sha256:") => (location, Some(digest)),
        _ => (image, None),
    };
    let path = location.strip_prefix("file://").map_or_else(|| Some(location.to_owned()), decoded);
    let path = path.filter(|path| path.starts_with('/') && !path.contains('\0')).ok_or_else(|| {
        let message = format!(
            "'{image}' is not the path of an executable: in process mode write an absolute path or file:///path, \
             or choose deployment_mode docker for container images"
        );
        refused("ImageNotAPath", message)
    })?;
    let path = labelled(PathBuf::from(path), spec.version.as_deref());
    check_executable(&path)?;
    if let Some(digest) = digest {
        check_digest(&path, digest)?;
    }
    Ok(path)
}

fn labelled(path: PathBuf, version: Option<&str>) -> PathBuf {
    let text = path.to_string_lossy();
    match version.and_then(|version| text.strip_suffix(version)?.strip_suffix(':')) {
        Some(bare) if !path.exists() => PathBuf::from(bare),
        _ => path,
    }
}

fn check_executable(path: &Path) -> Result<(), RuntimeError> {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(refused("ImageNotFound", format!("there is no {shown}: build it, or correct the path")))
        }
        Err(error) => {
            Err(RuntimeError::Failed { reason: "ImageUnreadable", message: format!("cannot look at {shown}: {error}") })
        }
        Ok(metadata) if !metadata.is_file() => {
            Err(refused("ImageNotExecutable", format!("{shown} is not a file: name the executable itself")))
        }
        Ok(_) if access(path, Access::EXEC_OK).is_err() => {
            let message = format!("{shown} is not executable by this user: chmod +x it, or name another file");
            Err(refused("ImageNotExecutable", message))
        }
        Ok(_) => Ok(()),
    }
}

fn check_digest(path: &Path, digest: &str) -> Result<(), RuntimeError> {
    let expected: [u8; 32] =
        digest.strip_prefix("sha256:").and_then(|hex| const_hex::decode_to_array(hex).ok()).ok_or_else(|| {
            refused("DigestMalformed", format!("'{digest}' is no digest: write sha256: and 64 hexadecimal digits"))
        })?;
    let hashed = File::open(path).and_then(|mut file| {
        let mut hasher = Sha256::new();
        io::copy(&mut file, &mut hasher).map(|_| hasher.finalize())
    });
    let actual = hashed.map_err(|error| RuntimeError::Failed {
        reason: "ImageUnreadable",
        message: format!("cannot read {}, whose digest must be checked: {error}", path.display()),
    })?;
    if actual.as_slice() == expected {
        return Ok(());
    }
    let message = format!(
        "{} is not what the image pins: its digest is sha256:{}; put the pinned file there, or pin this one",
        path.display(),
        const_hex::encode(actual)
    );
    Err(refused("DigestMismatch", message))
}

/// The path of a `file:` URL; `None` where an escape is malformed or the bytes are no text.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(const_hex::decode_to_array::<_, 1>(digits).ok()?[0]);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

pub(crate) const fn refused(reason: &'static str, message: String) -> RuntimeError {
    RuntimeError::Refused { reason, message }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use hourglass_core::Address;

    use super::*;

    fn spec(image: &str, version: Option<&str>) -> PerformerSpec {
        let avs: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
        let version = version.map(Into::into);
        PerformerSpec { version, ..PerformerSpec::new(avs, image.parse().unwrap()) }
    }

    #[test]
    fn images() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a b");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        let text = path.to_str().unwrap();
        let url = format!("file://{}", text.replace(' ', "%20"));
        let reason = |image: &str| executable(&spec(image, None)).unwrap_err().reason();

        assert_eq!(reason(&url), "ImageNotExecutable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(executable(&spec(&url, None)).unwrap(), path);
        let sum = const_hex::encode(Sha256::digest("#!/bin/sh\n"));
        assert_eq!(executable(&spec(&format!("{url}@sha256:{sum}"), None)).unwrap(), path);
        assert_eq!(executable(&spec(&format!("{url}:v2"), Some("v2"))).unwrap(), path);

        assert_eq!(reason(&format!("{url}@sha256:{}", "0".repeat(64))), "DigestMismatch");
        assert_eq!(reason(&format!("{url}@sha256:00")), "DigestMalformed");
        assert_eq!(reason(&format!("{url}:v2")), "ImageNotFound");
        assert_eq!(reason("/"), "ImageNotExecutable");
        for image in [
            "my-org/performer:v1",
            "file://host/x",
            "relative",
            "file:///%zz",
            "/a%00".replace("/a", "file:///a").as_str(),
        ] {
            assert_eq!(reason(image), "ImageNotAPath", "{image}");
        }
    }
}
