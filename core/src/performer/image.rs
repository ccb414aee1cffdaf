use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What an instance runs: an image reference, or, in development, the path of an executable.
///
/// Kept as written: a tag or digest that the user gave is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image(String);

/// Why a text, or a text with a version beside it, is no image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Nothing was given.
    #[error("an image is required")]
    Empty,
    /// White space or a control character.
    #[error("'{0}' is not an image reference: white space and control characters are not allowed")]
    Malformed(String),
    /// The reference already says which version.
    #[error("the image already carries '{tag}', and version '{version}' is another: remove one of them")]
    TwoVersions {
        /// What the image carries.
        tag: String,
        /// What stands beside it.
        version: String,
    },
}

impl Image {
    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag or digest that the reference carries, if any.
    pub fn tag_or_digest(&self) -> Option<&str> {
        if let Some((_, digest)) = self.0.split_once('@') {
            return Some(digest);
        }
        // A colon before the last slash belongs to a registry's port.
        let last = self.0.rsplit('/').next().unwrap_or(&self.0);
        last.split_once(':').map(|(_, tag)| tag)
    }

    /// The reference with `version` as its tag.
    ///
    /// An image that carries a tag or digest is used as it is; a *different* version beside it is an error
    /// (`contract.md` §6).
    ///
    /// # Errors
    /// [`ImageError::TwoVersions`].
    pub fn with_version(self, version: Option<&str>) -> Result<Self, ImageError> {
        match (self.tag_or_digest(), version) {
            (_, None) => Ok(self),
            (Some(tag), Some(version)) if tag == version => Ok(self),
            (Some(tag), Some(version)) => Err(ImageError::TwoVersions { tag: tag.into(), version: version.into() }),
            (None, Some(version)) => format!("{}:{version}", self.0).parse(),
        }
    }
}

impl FromStr for Image {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(ImageError::Malformed(text.into()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Image {
    type Error = ImageError;

    fn try_from(text: String) -> Result<Self, ImageError> {
        text.parse()
    }
}

impl From<Image> for String {
    fn from(image: Image) -> Self {
        image.0
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// Never: it must be there.
    Never,
    /// Where it is not there yet.
    #[default]
    IfNotPresent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let image = |text: &str| text.parse::<Image>().unwrap();
        assert_eq!(image("my-org/p").with_version(Some("v1")).unwrap().as_str(), "my-org/p:v1");
        assert_eq!(image("host:5000/p").with_version(Some("v1")).unwrap().as_str(), "host:5000/p:v1");
        assert_eq!(image("p:v1").with_version(Some("v1")).unwrap().as_str(), "p:v1");
        assert!(matches!(image("p:v1").with_version(Some("v2")), Err(ImageError::TwoVersions { .. })));
        assert!(matches!(image("p@sha256:00").with_version(Some("v2")), Err(ImageError::TwoVersions { .. })));
        assert_eq!("a b".parse::<Image>(), Err(ImageError::Malformed("a b".into())));
    }
}
