use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use super::keys::{Given, Keys};
use super::site::{Site, key_secret_name};

/// What is to become of the Secret `<name>-keys`.
#[derive(Debug, Clone, PartialEq)]
pub enum KeySecret {
    /// Keys stand in the resource and are moved here. A Secret of that name that this executor does not control is
    /// somebody else's: it must not be applied over.
    Wanted(Box<Secret>),
    /// It is referred to: whoever made it, it stays as it is.
    Referred,
    /// Nothing needs it. Where this executor controls it, it can go.
    Unused,
}

pub(super) fn key_secret(site: &Site<'_>, keys: &Keys<'_>) -> KeySecret {
    let name = key_secret_name(site.name);
    let literal = keys.iter().filter_map(|(key, given)| match given {
        Given::Literal(text) => Some((key.name().to_owned(), ByteString(text.as_bytes().to_vec()))),
        Given::Secret(_) => None,
    });
    let data: std::collections::BTreeMap<_, _> = literal.collect();
    if data.is_empty() {
        let is_referred = |given: &Given<'_>| matches!(given, Given::Secret(selector) if selector.name == name);
        return if keys.values().any(is_referred) { KeySecret::Referred } else { KeySecret::Unused };
    }
    KeySecret::Wanted(Box::new(Secret {
        metadata: site.metadata(name),
        type_: Some("Opaque".into()),
        data: Some(data),
        ..Secret::default()
    }))
}
