use hourglass_core::CurveType;
use thiserror::Error;

/// Why a key could not be made, read or written. No variant carries a byte of a key or of a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The place where the key should be cannot be read.
    #[error("cannot read the key from {place}: {why}")]
    Unreadable {
        /// Path, descriptor or variable.
        place: String,
        /// What the system said.
        why: String,
    },
    /// The place where the key should go cannot be written.
    #[error("cannot write the key to {place}: {why}")]
    Unwritable {
        /// Path.
        place: String,
        /// What the system said.
        why: String,
    },
    /// Far more than any key format needs.
    #[error("{place} holds more than {limit} bytes, which no key needs: is it the right file?")]
    TooLarge {
        /// Path, descriptor or variable.
        place: String,
        /// Bytes.
        limit: usize,
    },
    /// Not one of the known formats.
    #[error("not {curve} key material: found {seen}; accepted are {accepted}")]
    Unrecognised {
        /// What was wanted.
        curve: CurveType,
        /// What it looks like.
        seen: String,
        /// What would be valid.
        accepted: &'static str,
    },
    /// A key, but for something else.
    #[error("a {wanted} key is needed, but this is {found}")]
    WrongKind {
        /// What was wanted.
        wanted: CurveType,
        /// What it is.
        found: String,
    },
    /// Zero, or not below the order of the group.
    #[error("the {curve} private key is out of range: it must be above zero and below the order of the curve's group")]
    OutOfRange {
        /// Whose order.
        curve: CurveType,
    },
    /// PEM that does not hold what its label says.
    #[error("malformed PEM key: {0}")]
    MalformedPem(&'static str),
    /// A keystore with a field that is missing, malformed or unknown.
    #[error("malformed keystore: {0}")]
    MalformedKeystore(String),
    /// A keystore whose key derivation would take more memory or time than any honest one.
    #[error("the keystore asks for too costly a key derivation: {what} is {value}, at most {limit} is accepted")]
    TooCostly {
        /// Which cost.
        what: &'static str,
        /// Asked for.
        value: u64,
        /// Accepted.
        limit: u64,
    },
    /// A keystore without a password.
    #[error("the key is in a keystore and no password was given")]
    PasswordMissing,
    /// The checksum says that the password is wrong, or that the file was altered.
    #[error("the keystore does not open: the password is wrong, or the file was altered")]
    WrongPassword,
    /// The key does not belong to the public key or address beside it.
    #[error("the private key does not belong to the {0} that is written beside it")]
    Inconsistent(&'static str),
    /// The format cannot hold a key of this curve.
    #[error("a {curve} key cannot be written as {format}")]
    Unsupported {
        /// Of the key.
        curve: CurveType,
        /// The format.
        format: &'static str,
    },
    /// The system gives no random bytes.
    #[error("the system's random number generator failed: {0}")]
    Randomness(String),
}

impl KeyError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "KeyUnreadable",
            Self::Unwritable { .. } => "KeyUnwritable",
            Self::TooLarge { .. } => "KeyTooLarge",
            Self::Unrecognised { .. } => "KeyFormatUnknown",
            Self::WrongKind { .. } => "KeyOfOtherKind",
            Self::OutOfRange { .. } => "KeyOutOfRange",
            Self::MalformedPem(_) => "KeyPemMalformed",
            Self::MalformedKeystore(_) => "KeystoreMalformed",
            Self::TooCostly { .. } => "KeystoreTooCostly",
            Self::PasswordMissing => "KeystorePasswordMissing",
            Self::WrongPassword => "KeystorePasswordWrong",
            Self::Inconsistent(_) => "KeyInconsistent",
            Self::Unsupported { .. } => "KeyFormatUnsupported",
            Self::Randomness(_) => "RandomnessUnavailable",
        }
    }

    /// Whether trying the same again may help: only where the system failed, not the key.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Unwritable { .. } | Self::Randomness(_))
    }
}
