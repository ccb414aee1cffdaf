use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::configuration::{Configuration, FILE, configuration, performers_namespace};
use super::keys::{Given, Keys, keys, problem};
use super::site::{Site, config_map_name, key_secret_name};
use super::{KeySecret, Volume, Warning, access, key_secret, pod, replicas, services, workload};
use crate::api::HourglassExecutor;
use crate::build::network_policy;
use crate::translate::Problem;

/// The longest name: the StatefulSet controller puts a hash behind it, into a label.
const LONGEST_NAME: usize = 52;

/// Everything that an executor consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Children {
    /// As whom replicas call the API server.
    pub service_account: ServiceAccount,
    /// What they may do there.
    pub role_binding: RoleBinding,
    /// Their configuration.
    pub config_map: ConfigMap,
    /// Keys that stand in the resource.
    pub key_secret: KeySecret,
    /// Where tasks are taken.
    pub service: Service,
    /// Names of replicas.
    pub headless_service: Service,
    /// Closes its performers to everybody else. `None` where they are in another namespace, where nothing is written.
    pub network_policy: Option<NetworkPolicy>,
    /// The replicas.
    pub stateful_set: StatefulSet,
    /// Of configuration and keys: replicas that began with another one are replaced.
    pub revision: String,
    /// How many replicas are to run.
    pub replicas: i32,
    /// What is not as it was asked for.
    pub warnings: Vec<Warning>,
}

impl Children {
    /// Those that are to be there, in an order in which each finds what it needs. To be applied by the operator's field
    /// manager; the Secret only where there is none that somebody else made.
    pub fn objects(&self) -> Vec<Value> {
        let mut all = vec![
            serde_json::to_value(&self.service_account),
            serde_json::to_value(&self.role_binding),
            serde_json::to_value(&self.config_map),
            serde_json::to_value(&self.service),
            serde_json::to_value(&self.headless_service),
        ];
        if let KeySecret::Wanted(secret) = &self.key_secret {
            all.push(serde_json::to_value(secret));
        }
        all.extend(self.network_policy.as_ref().map(serde_json::to_value));
        all.push(serde_json::to_value(&self.stateful_set));
        all.into_iter().flatten().collect()
    }
}

/// Makes the children of an executor. `existing` is its StatefulSet, where there is one: what cannot be changed of it
/// stays.
///
/// # Errors
/// Everything that is wrong with the resource. What there is of it is then to be left as it is.
pub fn children(executor: &HourglassExecutor, existing: Option<&StatefulSet>) -> Result<Children, Vec<Problem>> {
    let site = Site::of(executor);
    let spec = &executor.spec;
    let written = spec.config.clone().unwrap_or_default();
    let mut problems = Vec::new();
    if site.name.len() > LONGEST_NAME || !site.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        let message = format!("a name of {} characters, or with a dot, is no name of a StatefulSet", site.name.len());
        let remedy = "create another one with a name of at most 52 characters and without dots";
        problems.push(problem("metadata.name".into(), message, remedy));
    }
    if spec.image.trim().is_empty() {
        problems.push(problem("spec.image".into(), "there is no image", "write one such as hourglass/executor:v1.0.0"));
    }
    let keys = keys(site.name, &written, &mut problems);
    let Some(configuration) = configuration(&site, &written, &keys, &mut problems).filter(|_| problems.is_empty())
    else {
        return Err(problems);
    };
    let Configuration { text, read: config } = configuration;
    let revision = revision(&text, &keys);
    let (asked, wanted) = (spec.replicas.unwrap_or(1), Volume::asked(spec));
    let (replicas, found) = (replicas::replicas(asked, &config.storage), existing.and_then(Volume::of));
    let performers = performers_namespace(&site, &written);
    let mut warnings = Vec::new();
    let literal: Vec<_> =
        keys.iter().filter(|(_, given)| matches!(given, Given::Literal(_))).map(|(key, _)| key.name()).collect();
    if !literal.is_empty() {
        warnings.push(Warning::LiteralKeys { names: literal, secret: key_secret_name(site.name) });
    }
    if asked > replicas {
        warnings.push(Warning::JournalNotShared { asked });
    }
    if let Some(found) = found.clone().filter(|found| !found.is_as(&wanted)) {
        warnings.push(Warning::VolumeFixed { executor: site.name.into(), found, asked: wanted.clone() });
    }
    if config.kubernetes.is_some() && performers != site.namespace {
        let (executor, namespace) = (site.name.into(), site.namespace.into());
        warnings.push(Warning::RightsNeeded { executor, namespace, performers: performers.into() });
    }
    let pod = pod::pod(&site, spec, &keys, &config);
    let policy = config.kubernetes.is_some() && performers == site.namespace;
    Ok(Children {
        service_account: access::service_account(&site),
        role_binding: access::role_binding(&site),
        config_map: ConfigMap {
            metadata: site.metadata(config_map_name(site.name)),
            data: Some(BTreeMap::from([(FILE.to_owned(), text)])),
            ..ConfigMap::default()
        },
        key_secret: key_secret::key_secret(&site, &keys),
        service: services::service(&site, &config),
        headless_service: services::headless(&site, &config),
        network_policy: policy.then(|| network_policy(site.namespace, site.name, site.uid)),
        stateful_set: workload::stateful_set(&site, replicas, &found.unwrap_or(wanted), &revision, pod),
        revision,
        replicas,
        warnings,
    })
}

/// Passwords are left out: they are short, and whoever may see a pod could find one by its digest. A keystore with another
/// password is another keystore.
fn revision(text: &str, keys: &Keys<'_>) -> String {
    let mut digest = Sha256::new();
    let mut add = |part: &str| {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part.as_bytes());
    };
    add(text);
    for (key, given) in keys {
        add(key.name());
        match given {
            Given::Literal(_) if key.is_password() => add("literal"),
            Given::Literal(text) => add(text),
            Given::Secret(selector) => [&*selector.name, &*selector.key].into_iter().for_each(&mut add),
        }
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
