//! The operator's signing keys: which are given, and where they stand.

use std::collections::BTreeMap;

use super::site::key_secret_name;
use crate::api::{ExecutorConfig, KeySelector};
use crate::translate::{INVALID, Problem};

/// Where the keys are in a replica, each a file.
pub(super) const KEYS_DIRECTORY: &str = "/keys";

/// What can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum OperatorKey {
    Ecdsa,
    EcdsaKeystore,
    EcdsaPassword,
    Bls,
    BlsKeystore,
    BlsPassword,
}

impl OperatorKey {
    const ALL: [Self; 6] =
        [Self::Ecdsa, Self::EcdsaKeystore, Self::EcdsaPassword, Self::Bls, Self::BlsKeystore, Self::BlsPassword];

    /// In the resource; the file in a replica and the key in our Secret are called the same.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa",
            Self::EcdsaKeystore => "ecdsaKeystore",
            Self::EcdsaPassword => "ecdsaPassword",
            Self::Bls => "bls",
            Self::BlsKeystore => "blsKeystore",
            Self::BlsPassword => "blsPassword",
        }
    }

    /// In section `operator_keys` of the configuration.
    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa_private_key_path",
            Self::EcdsaKeystore => "ecdsa_keystore_path",
            Self::EcdsaPassword => "ecdsa_password_path",
            Self::Bls => "bls_private_key_path",
            Self::BlsKeystore => "bls_keystore_path",
            Self::BlsPassword => "bls_password_path",
        }
    }

    pub(super) fn path(self) -> String {
        format!("{KEYS_DIRECTORY}/{}", self.name())
    }

    pub(super) const fn is_password(self) -> bool {
        matches!(self, Self::EcdsaPassword | Self::BlsPassword)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// Where a key stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given<'a> {
    /// In the resource, for everybody to read who may read that. Never shown.
    Literal(&'a str),
    /// In a Secret.
    Secret(&'a KeySelector),
}

/// Every key that is given.
pub(super) type Keys<'a> = BTreeMap<OperatorKey, Given<'a>>;

/// Reads the keys; what is wrong with them goes to `problems`.
pub(super) fn keys<'a>(executor: &str, config: &'a ExecutorConfig, problems: &mut Vec<Problem>) -> Keys<'a> {
    let (mut found, known) = (Keys::new(), problems.len());
    let literal = config.operator_keys.iter().map(|(name, text)| ("operatorKeys", name, Given::Literal(text)));
    let referred = config.operator_key_refs.iter().map(|(name, key)| ("operatorKeyRefs", name, Given::Secret(key)));
    for (field, name, given) in literal.chain(referred) {
        let path = format!("spec.config.{field}.{name}");
        let Some(key) = OperatorKey::named(name) else {
            let known = OperatorKey::ALL.map(OperatorKey::name).join(", ");
            problems.push(problem(path, "there is no such key", format!("write one of {known}")));
            continue;
        };
        match given {
            Given::Literal(text) if text.trim().is_empty() => {
                problems.push(problem(path, "the key is empty", "remove it, or name a Secret in operatorKeyRefs"));
                continue;
            }
            Given::Secret(selector) if selector.name.is_empty() || selector.key.is_empty() => {
                problems.push(problem(path, "name or key is empty", "write the Secret's name, and which of its keys"));
                continue;
            }
            _ => {}
        }
        if found.insert(key, given).is_some() {
            let remedy = format!("remove it from operatorKeys; {} stays in its Secret", key.name());
            problems.push(problem(path, "it stands in operatorKeys too", remedy));
        }
    }
    if found.is_empty() && problems.len() == known {
        let remedy = "put the key into a Secret, and name it in operatorKeyRefs.ecdsa or operatorKeyRefs.bls";
        problems.push(problem("spec.config.operatorKeyRefs".into(), "no signing key is configured", remedy));
    }
    let ours = key_secret_name(executor);
    let is_ours = |given: &Given<'_>| matches!(given, Given::Secret(selector) if selector.name == ours);
    if found.values().any(is_ours) && found.values().any(|given| matches!(given, Given::Literal(_))) {
        let message = format!("the Secret {ours} is the one that operatorKeys are moved into");
        let remedy = "move all keys into it and remove operatorKeys, or give it another name";
        problems.push(problem("spec.config.operatorKeyRefs".into(), message, remedy));
    }
    found
}

pub(super) fn problem(path: String, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem { path, message: message.into(), remedy: remedy.into(), reason: INVALID }
}
