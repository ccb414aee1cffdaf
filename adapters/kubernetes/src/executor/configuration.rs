//! The executor's configuration file, rendered and read back by the code that the executor reads it with.

use hourglass_core::config::{self, Config, ConfigFile, Sources};
use serde_json::{Map, Value, json};

use super::keys::{Keys, problem};
use super::merge::merge;
use super::placement;
use super::site::Site;
use crate::api::{ChainSpec, ExecutorConfig};
use crate::crd::to_yaml;
use crate::translate::Problem;

/// The key in the ConfigMap, and the file in a replica.
pub(super) const FILE: &str = "config.yaml";
/// Where the journal is in a replica: the mount, and the directory on it. A volume may have a directory of its own at its
/// root.
pub(super) const STATE_MOUNT: &str = "/var/lib/hourglass";
const STATE_DIRECTORY: &str = "/var/lib/hourglass/state";

pub(super) struct Configuration {
    /// The file.
    pub(super) text: String,
    /// What it means to an executor.
    pub(super) read: Config,
}

/// `None` where something is wrong with it; all of that goes to `problems`.
pub(super) fn configuration(
    site: &Site<'_>,
    written: &ExecutorConfig,
    keys: &Keys<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Configuration> {
    let known = problems.len();
    let mut whole = of_fields(site, written, keys);
    let more = written.additional_config.clone().unwrap_or_default();
    merge(&mut whole, &more, problems);
    defaults(site, &mut whole);
    let yaml = to_yaml(&Value::Object(whole));
    let text = format!("# Written by the operator for the HourglassExecutor {}: change that one.\n{yaml}", site.name);
    let file = Some(ConfigFile { name: FILE.into(), text: text.clone() });
    match config::load(&Sources { file, ..Sources::default() }) {
        Ok(loaded) if loaded.config.server.listen.port() == 0 => {
            let path = "spec.config.additionalConfig.server.listen".to_owned();
            problems.push(problem(path, "a port that nobody knows cannot be reached", "write 0.0.0.0:9095"));
            None
        }
        Ok(loaded) => (problems.len() == known).then_some(Configuration { text, read: loaded.config }),
        Err(found) => {
            // Without a usable key that was told before, in the resource's own words.
            let told = |path: &str| keys.is_empty() && path == "operator_keys";
            let new = found.as_slice().iter().filter(|found| !told(&found.path));
            problems.extend(new.map(|found| problem(field(&found.path, &more), &*found.message, &*found.remedy)));
            None
        }
    }
}

fn of_fields(site: &Site<'_>, written: &ExecutorConfig, keys: &Keys<'_>) -> Map<String, Value> {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mode = text(&written.performer_mode).unwrap_or_else(|| "kubernetes".to_owned());
    let mut whole = Map::new();
    let mut set = |key: &str, value: Option<Value>| drop(value.map(|value| whole.insert(key.to_owned(), value)));
    set("aggregator_endpoint", text(&written.aggregator_endpoint).map(Value::from));
    set("log_level", text(&written.log_level).map(Value::from));
    set("storage", Some(json!({ "path": STATE_DIRECTORY })));
    let paths: Map<String, Value> = keys.keys().map(|key| (key.setting().to_owned(), key.path().into())).collect();
    set("operator_keys", (!paths.is_empty()).then_some(Value::Object(paths)));
    let chains: Vec<Value> = written.chains.iter().map(chain).collect();
    set("chains", (!chains.is_empty()).then_some(Value::Array(chains)));
    if mode == "kubernetes" {
        let mut section = json!({ "namespace": performers_namespace(site, written) });
        let defaults = written.kubernetes.as_ref().and_then(|section| section.default_scheduling.as_ref());
        if let Some(scheduling) = defaults.and_then(placement::scheduling) {
            section["scheduling"] = scheduling;
        }
        set("kubernetes", Some(section));
    }
    set("deployment_mode", Some(mode.into()));
    whole
}

/// Where nobody says otherwise.
fn defaults(site: &Site<'_>, whole: &mut Map<String, Value>) {
    whole.entry("log_format").or_insert_with(|| json!("json"));
    if let Value::Object(operator) = whole.entry("operator").or_insert_with(|| json!({})) {
        operator.entry("name").or_insert_with(|| json!(site.name));
    }
}

/// Where the performers are: the executor's own namespace, unless it says otherwise.
pub(super) fn performers_namespace<'a>(site: &Site<'a>, written: &'a ExecutorConfig) -> &'a str {
    let namespace = written.kubernetes.as_ref().and_then(|section| section.namespace.as_deref());
    namespace.filter(|namespace| !namespace.is_empty()).unwrap_or(site.namespace)
}

fn chain(chain: &ChainSpec) -> Value {
    let mut made = json!({ "name": chain.name, "chain_id": chain.chain_id, "rpc_url": chain.rpc });
    if let Some(address) = chain.task_mailbox_address.as_deref().filter(|address| !address.is_empty()) {
        made["task_mailbox_address"] = address.into();
    }
    made
}

/// The field of the resource that a key of the configuration comes from.
fn field(key: &str, more: &Map<String, Value>) -> String {
    const FIELDS: [(&str, &str); 8] = [
        ("aggregator_endpoint", "aggregatorEndpoint"),
        ("log_level", "logLevel"),
        ("deployment_mode", "performerMode"),
        ("operator_keys", "operatorKeyRefs"),
        ("kubernetes.namespace", "kubernetes.namespace"),
        ("kubernetes.scheduling", "kubernetes.defaultScheduling"),
        ("chains[", "chains["),
        ("chains", "chains"),
    ];
    let first = key.split(['.', '[']).next().unwrap_or_default();
    let found = FIELDS.iter().find_map(|(setting, field)| Some((field, key.strip_prefix(setting)?)));
    match found {
        Some((field, rest)) if first == "kubernetes" || !more.contains_key(first) => {
            let rest = rest.replace(".rpc_url", ".rpc").replace(".chain_id", ".chainId");
            format!("spec.config.{field}{}", rest.replace(".task_mailbox_address", ".taskMailboxAddress"))
        }
        _ if key.is_empty() => "spec.config.additionalConfig".to_owned(),
        _ => format!("spec.config.additionalConfig.{key}"),
    }
}
