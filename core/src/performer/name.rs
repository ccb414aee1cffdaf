use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name of a performer: a DNS label of at most 53 characters, so that `performer-<name>` is one too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PerformerName(String);

/// A text that cannot name a performer, a revision or an instance.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{text}' is not a valid {what}: expected {expected}")]
pub struct NameError {
    text: String,
    what: &'static str,
    expected: &'static str,
}

impl PerformerName {
    /// The longest name.
    pub const MAX_LEN: usize = 53;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a valid name out of any text: lower case, `-` for what is not allowed, cut to length.
    ///
    /// `None` where nothing usable is left. Different texts may give the same name: the caller makes it unique.
    pub fn sanitised(text: &str) -> Option<Self> {
        let mapped: String = text
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(Self::MAX_LEN)
            .collect();
        Self::from_str(mapped.trim_matches('-')).ok()
    }
}

fn is_label(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl FromStr for PerformerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_label(text, Self::MAX_LEN) {
            return Ok(Self(text.into()));
        }
        let expected = "1 to 53 of a-z, 0-9 and -, beginning and ending with a letter or digit";
        Err(NameError { text: text.into(), what: "performer name", expected })
    }
}

/// A stable hash of what the user asked for that would need a new instance: 10 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision(String);

impl Revision {
    /// The length of every revision.
    pub const LEN: usize = 10;

    /// The revision with these bytes.
    pub(super) fn from_bytes(bytes: [u8; Self::LEN / 2]) -> Self {
        Self(const_hex::encode(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Revision {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() == Self::LEN && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Ok(Self(text.into()));
        }
        Err(NameError { text: text.into(), what: "revision", expected: "10 lower-case hexadecimal digits" })
    }
}

/// The name of one instance: performer, revision, and a suffix from a counter in the performer's history.
///
/// Written `<performer>-<revision>-<suffix>`. No two instances of one performer ever have the same name, so that a
/// stuck predecessor blocks nobody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceName {
    /// Whose instance.
    pub performer: PerformerName,
    /// Of which revision.
    pub revision: Revision,
    /// Distinguishes instances of one revision.
    pub suffix: u32,
}

impl FromStr for InstanceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = text.rsplitn(3, '-');
        let (suffix, revision, performer) = (parts.next(), parts.next(), parts.next());
        let parsed = || {
            let suffix: u32 = suffix?.parse().ok()?;
            let name = Self { performer: performer?.parse().ok()?, revision: revision?.parse().ok()?, suffix };
            // One instance has one spelling: `+1` and `01` are not suffixes of ours.
            (name.to_string() == text).then_some(name)
        };
        let expected = "<performer>-<revision>-<number>";
        parsed().ok_or_else(|| NameError { text: text.into(), what: "instance name", expected })
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.performer, self.revision, self.suffix)
    }
}

impl fmt::Display for PerformerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! text_conversions {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
    )*};
}
text_conversions!(PerformerName, Revision, InstanceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_names_round_trip() {
        let text = "my-avs-2-0123456789-17";
        let name: InstanceName = text.parse().unwrap();
        assert_eq!(name.performer.as_str(), "my-avs-2");
        assert_eq!(name.suffix, 17);
        assert_eq!(name.to_string(), text);
        for wrong in ["", "a-0123456789-01", "a-0123456789-+1", "0123456789-1", "a-012345678g-1", "a.b-0123456789-1"] {
            assert!(wrong.parse::<InstanceName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sanitised() {
        assert_eq!(PerformerName::sanitised("My AVS (v2)").unwrap().as_str(), "my-avs--v2");
        assert_eq!(PerformerName::sanitised(&"x".repeat(80)).unwrap().as_str().len(), 53);
        assert_eq!(PerformerName::sanitised("…"), None);
    }
}
