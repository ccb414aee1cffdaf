use std::collections::BTreeMap;

use super::avs::AvsConfig;
use super::model::Config;

/// What differs between two configurations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReloadDiff {
    /// Takes effect at once: paths, an AVS named by its address.
    pub applied: Vec<String>,
    /// Takes effect at the next start.
    pub needs_restart: Vec<String>,
}

impl ReloadDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.needs_restart.is_empty()
    }
}

impl Config {
    /// What changes with `new`: the AVSs and the log level take effect without a restart, all else at the next start.
    ///
    /// Whoever applies it takes [`Config::avs`] and [`Config::log_level`] from `new` and keeps the rest of `self`.
    pub fn reload_diff(&self, new: &Self) -> ReloadDiff {
        let mut diff = ReloadDiff::default();
        let mut restart = |path: &str, same: bool| {
            if !same {
                diff.needs_restart.push(path.into());
            }
        };
        restart("aggregator_endpoint", self.aggregator == new.aggregator);
        restart("deployment_mode", self.deployment_mode == new.deployment_mode);
        restart("log_format", self.log_format == new.log_format);
        restart("operator", self.operator == new.operator);
        restart("operator_keys", self.operator_keys == new.operator_keys);
        restart("server", self.server == new.server);
        restart("management", self.management == new.management);
        restart("authentication", self.authentication == new.authentication);
        restart("storage", self.storage == new.storage);
        restart("performer_config", self.performer == new.performer);
        restart("docker", self.docker == new.docker);
        restart("kubernetes", self.kubernetes == new.kubernetes);
        restart("chains", self.chains == new.chains);
        restart("development", self.development == new.development);
        restart("metrics", self.metrics == new.metrics);
        restart("health", self.health == new.health);
        if self.log_level != new.log_level {
            diff.applied.push("log_level".into());
        }
        let by_address =
            |config: &Self| -> BTreeMap<_, _> { config.avs.iter().map(|avs| (avs.address, avs.clone())).collect() };
        let (old, new) = (by_address(self), by_address(new));
        for address in old.keys().chain(new.keys().filter(|address| !old.contains_key(address))) {
            let path = format!("avs_config.supported_avs[{address}]");
            match (old.get(address), new.get(address)) {
                (Some(old), Some(new)) => diff.applied.extend(changed(old, new).map(|key| format!("{path}.{key}"))),
                _ => diff.applied.push(path),
            }
        }
        diff
    }
}

fn changed(old: &AvsConfig, new: &AvsConfig) -> impl Iterator<Item = &'static str> {
    [
        ("name", old.name == new.name && old.performer_name == new.performer_name),
        ("performer_image", old.image == new.image),
        ("performer_version", old.version == new.version),
        ("default_resources", old.resources == new.resources),
        ("hardware", old.hardware == new.hardware),
        ("scheduling", old.scheduling == new.scheduling),
        ("aggregators", old.aggregators == new.aggregators),
        ("operator_sets", old.operator_sets == new.operator_sets),
        ("replicas", old.replicas == new.replicas),
        ("upgrade", old.upgrade == new.upgrade),
        ("task", old.task == new.task),
        ("env", old.env == new.env),
        ("command", old.command == new.command),
        ("args", old.args == new.args),
        ("port", old.port == new.port),
        ("image_pull_policy", old.pull_policy == new.pull_policy),
        ("image_pull_secrets", old.image_pull_secrets == new.image_pull_secrets),
        ("service_account", old.service_account == new.service_account),
        ("security", old.security == new.security),
    ]
    .into_iter()
    .filter(|(_, same)| !same)
    .map(|(key, _)| key)
}
