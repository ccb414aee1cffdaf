//! Reads the AVSs, and the one deployment mode that all of them share.

use std::collections::{BTreeMap, BTreeSet};

use super::avs::{AggregatorConfig, AvsConfig, OperatorSetConfig, TaskConfig};
use super::key::{executable_path, parse_public_key};
use super::model::{DeploymentMode, OperatorKeys, PerformerConfig};
use super::placement;
use super::read::Report;
use super::section::Section;
use crate::address::Address;
use crate::hardware::{self, HardwareError, HardwareTables};
use crate::performer::{
    EnvSource, EnvValue, EnvVar, Image, PerformerName, PullPolicy, Security, UpgradePolicy, UpgradeStrategy,
};
use crate::ports::{Bn254PublicKey, Mandate, PublicKey};
use crate::scheduling::Scheduling;
use crate::task::EcdsaDomain;

/// The message of the mixed-mode rule, to the letter (`contract.md` §6).
pub(crate) const MIXED_MODES: &str = "mixed deployment modes not supported: all performers must use the same \
                                      deployment mode (either 'docker' or 'kubernetes')";

/// What an AVS inherits.
pub(crate) struct Context<'c> {
    pub(crate) mode: DeploymentMode,
    pub(crate) process: bool,
    pub(crate) development: bool,
    pub(crate) tasks: Section<'c>,
    pub(crate) performer: &'c PerformerConfig,
    pub(crate) scheduling: Option<&'c Scheduling>,
    pub(crate) keys: &'c OperatorKeys,
}

/// The mode that all performers use; reports the first that differs.
pub(crate) fn deployment_mode(root: &Section<'_>, report: &mut Report<'_>) -> DeploymentMode {
    let top: DeploymentMode = root.parse("deployment_mode").unwrap_or_default();
    let avs = root.section("avs_config").entries("supported_avs");
    // One that is no mode was reported already: it is not another mode.
    let avs: Vec<Section<'_>> =
        avs.into_iter().filter(|a| !a.has("deployment_mode") || a.text("deployment_mode").is_some()).collect();
    let modes: Vec<DeploymentMode> = avs.iter().map(|a| a.parse("deployment_mode").unwrap_or(top)).collect();
    let Some(first) = modes.first().copied() else { return top };
    if let Some(other) = modes.iter().position(|mode| *mode != first) {
        let mut remedy = String::from("give all of them one mode;");
        for (i, mode) in modes.iter().enumerate().take(8) {
            let inherited = if avs[i].has("deployment_mode") { "" } else { " (inherited)" };
            let index = avs[i].path.rsplit_once('[').map_or("", |(_, index)| index);
            remedy.push_str(&format!(" [{index} is '{}'{inherited}", mode.as_str()));
            remedy.push_str(if i + 1 < modes.len() { "," } else { "" });
        }
        report.problem(&avs[other], "deployment_mode", MIXED_MODES, &remedy);
    } else if first != top && root.has("deployment_mode") {
        report.note(root, "deployment_mode", format!("every AVS says '{}', which holds", first.as_str()));
    }
    first
}

pub(crate) fn all(section: &Section<'_>, context: &Context<'_>, report: &mut Report<'_>) -> Vec<AvsConfig> {
    let entries = section.entries("supported_avs");
    if entries.is_empty() {
        report.note(section, "supported_avs", "no AVS is configured, so that every task will be refused");
    }
    if entries.len() > context.performer.max_performers {
        let message = format!(
            "{} AVSs, and performer_config.max_performers is {}",
            entries.len(),
            context.performer.max_performers
        );
        report.problem(section, "supported_avs", message, "raise max_performers or serve fewer AVSs");
    }
    let (mut addresses, mut names) = (BTreeMap::new(), BTreeMap::new());
    for entry in &entries {
        if let Some(address) = entry.parse::<Address>("address")
            && let Some(first) = addresses.insert(address, entry.path.clone())
        {
            report.problem(entry, "address", format!("{first} has this address too"), "keep one entry for each AVS");
        }
        if let Some(name) = entry.string("name")
            && let Some(first) = names.insert(name, entry.path.clone())
        {
            report.problem(entry, "name", format!("{first} has this name too"), "give each AVS its own name");
        }
    }
    let mut taken = BTreeSet::new();
    // More than that were reported, and are not looked at.
    let entries = entries.iter().take(context.performer.max_performers.max(64));
    entries.filter_map(|entry| avs(entry, context, &mut taken, report)).collect()
}

fn avs(
    section: &Section<'_>,
    context: &Context<'_>,
    taken: &mut BTreeSet<PerformerName>,
    report: &mut Report<'_>,
) -> Option<AvsConfig> {
    let address: Address = section.parse("address").unwrap_or_default();
    let short = const_hex::encode(&address.as_bytes()[..4]);
    let name = section.string("name").unwrap_or_else(|| format!("avs-{short}"));
    let resources = placement::resources(&section.section("default_resources"), report);
    let hardware = placement::hardware(&section.section("hardware"), &resources, report);
    let own = section.section("scheduling");
    let scheduling = placement::scheduling(&own, report);
    let scheduling = match context.scheduling {
        Some(inherited) if !own.is_present() => inherited.clone(),
        _ => scheduling,
    };
    if context.mode == DeploymentMode::Docker && own.is_present() {
        report.note(section, "scheduling", "constraints on nodes are unused in docker mode");
    }
    check_hardware(section, context, &hardware, &resources, &scheduling, report);
    let image = image(section, context, report);
    let performer_name = performer_name(&name, &short, taken);
    if performer_name.is_none() {
        report.problem(
            section,
            "name",
            "no unique name of a performer can be made of this",
            "give the AVS its own name",
        );
    }
    let (aggregators, operator_sets) = (aggregators(section, report), operator_sets(section, context, report));
    let (task, env) = (task(&section.section("task"), &context.tasks, report), env(section, report));
    let config = AvsConfig {
        address,
        performer_name: performer_name?,
        name,
        // Not seen by anybody where there was none: the report of it is an error.
        image: image?,
        version: section.string("performer_version"),
        resources,
        hardware,
        scheduling,
        aggregators,
        operator_sets,
        replicas: section.parse("replicas").unwrap_or(1),
        upgrade: upgrade(&section.section("upgrade"), context.performer),
        task,
        env,
        command: section.texts("command"),
        args: section.texts("args"),
        port: section.parse("port").or(context.performer.default_port),
        pull_policy: match section.text("image_pull_policy") {
            Some("Always") => PullPolicy::Always,
            Some("Never") => PullPolicy::Never,
            _ => PullPolicy::IfNotPresent,
        },
        image_pull_secrets: section.texts("image_pull_secrets"),
        service_account: section.string("service_account"),
        security: security(&section.section("security")),
    };
    if !context.development && (config.aggregators.is_empty() || config.operator_sets.is_empty()) {
        let message = "without aggregators and operator_sets, tasks of this AVS are refused, unless a chain is asked";
        report.note(section, "aggregators", message);
    }
    Some(config)
}

/// Valid, and not the name of another AVS's performer.
fn performer_name(name: &str, short: &str, taken: &mut BTreeSet<PerformerName>) -> Option<PerformerName> {
    let shortened: String = name.chars().take(40).collect();
    // Where nothing of the name can be used, what would be left of the second is the bare digits.
    let second = PerformerName::sanitised(name).map_or_else(String::new, |_| format!("{shortened}-{short}"));
    let candidates = [name.to_owned(), second, format!("avs-{short}")];
    let numbered = (2..100).map(|n| format!("avs-{short}-{n}"));
    let mut names = candidates.into_iter().chain(numbered).filter_map(|text| PerformerName::sanitised(&text));
    let name = names.find(|name| !taken.contains(name))?;
    taken.insert(name.clone());
    Some(name)
}

/// `None` where what is written was reported.
fn image(section: &Section<'_>, context: &Context<'_>, report: &mut Report<'_>) -> Option<Image> {
    let image = section.parse::<Image>("performer_image")?;
    if context.process {
        let path = executable_path(image.as_str()).map(str::to_owned);
        if path.is_none() {
            let message = format!("with development.performers 'process', '{image}' must be an absolute path");
            report.problem(section, "performer_image", message, "write /path/of/an/executable or file:///path");
        }
        return path?.parse().ok();
    }
    if image.as_str().contains("://") || image.as_str().starts_with('/') {
        let message = format!("'{image}' is not an image reference");
        let remedy = "write registry/name:tag; a path needs development.performers 'process'";
        report.problem(section, "performer_image", message, remedy);
        return None;
    }
    match image.with_version(section.text("performer_version")) {
        Ok(image) => Some(image),
        Err(error) => {
            let remedy = "remove performer_version, or the tag from performer_image";
            report.problem(section, "performer_version", error.to_string(), remedy);
            None
        }
    }
}

fn check_hardware(
    section: &Section<'_>,
    context: &Context<'_>,
    requirements: &hardware::HardwareRequirements,
    resources: &crate::resources::Resources,
    scheduling: &Scheduling,
    report: &mut Report<'_>,
) {
    let tables = HardwareTables::default();
    if context.process {
        if *requirements != hardware::HardwareRequirements::default() {
            let message = "plain processes cannot be given hardware";
            report.problem(section, "hardware", message, "remove it, or set development.performers to docker");
        }
        return;
    }
    let result = match context.mode {
        DeploymentMode::Docker => hardware::devices(requirements, resources).map(|_| ()),
        // The operator's own table may know more types than the default one.
        DeploymentMode::Kubernetes => match hardware::map(requirements, resources, scheduling, &tables) {
            Err(HardwareError::UnknownGpuType { .. } | HardwareError::UnknownTeeType { .. }) => return,
            result => result.map(|_| ()),
        },
    };
    if let Err(error) = result {
        report.problem(section, "hardware", error.to_string(), &error.remedy());
    }
}

fn aggregators(section: &Section<'_>, report: &mut Report<'_>) -> Vec<AggregatorConfig> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in section.entries("aggregators") {
        let Some(address) = entry.parse::<Address>("address") else { continue };
        if !seen.insert(address) {
            report.problem(&entry, "address", "this aggregator is listed twice", "keep one entry");
        }
        if entry.has("ecdsa_address") && entry.has("bn254_public_key") {
            let message = "an aggregator signs on one curve";
            report.problem(&entry, "bn254_public_key", message, "keep ecdsa_address or bn254_public_key");
        }
        let key = match entry.text("bn254_public_key").and_then(parse_public_key) {
            Some(bytes) => PublicKey::Bn254(Bn254PublicKey(bytes)),
            None => PublicKey::Ecdsa(entry.parse("ecdsa_address").unwrap_or(address)),
        };
        found.push(AggregatorConfig { address, key });
    }
    found
}

fn operator_sets(section: &Section<'_>, context: &Context<'_>, report: &mut Report<'_>) -> Vec<OperatorSetConfig> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in section.entries("operator_sets") {
        let id: Option<u32> = entry.parse("id");
        if id.is_some_and(|id| !seen.insert(id)) {
            report.problem(&entry, "id", "this operator set is listed twice", "keep one entry");
        }
        let ecdsa = match entry.text("curve") {
            Some("ecdsa") => true,
            Some(_) => false,
            None => continue,
        };
        let key = if ecdsa { &context.keys.ecdsa } else { &context.keys.bn254 };
        let any_key = context.keys.ecdsa.is_some() || context.keys.bn254.is_some();
        if key.is_none() && any_key {
            let prefix = if ecdsa { "ecdsa" } else { "bls" };
            let message = format!(
                "no key of this curve is configured, so that nothing could be signed for set {}",
                id.unwrap_or_default()
            );
            report.problem(&entry, "curve", message, &format!("set operator_keys.{prefix}_private_key_path"));
        }
        let required = ["verifier_address", "domain_version"];
        for name in required.into_iter().filter(|name| ecdsa && !entry.has(name)) {
            let remedy = format!("add '{name}', as the certificate verifier's contract has it");
            report.problem(&entry, name, "this key is required for an ecdsa operator set", &remedy);
        }
        let domain = || Some(EcdsaDomain::new(entry.text("domain_version")?, &entry.parse("verifier_address")?));
        let mandate = if ecdsa { domain().map(Mandate::Ecdsa) } else { Some(Mandate::Bn254) };
        if let (Some(id), Some(mandate)) = (id, mandate) {
            found.push(OperatorSetConfig { id, mandate });
        }
    }
    found
}

fn upgrade(section: &Section<'_>, performer: &PerformerConfig) -> UpgradePolicy {
    UpgradePolicy {
        strategy: match section.text("strategy") {
            Some("BlueGreen") => UpgradeStrategy::BlueGreen,
            Some("Recreate") => UpgradeStrategy::Recreate,
            _ => UpgradeStrategy::RollingUpdate,
        },
        ready_deadline: section.duration_if_set("ready_deadline").unwrap_or(performer.startup_timeout),
        drain_deadline: section.duration("drain_deadline"),
        stop_grace: section.duration("stop_grace"),
    }
}

fn task(own: &Section<'_>, defaults: &Section<'_>, report: &mut Report<'_>) -> TaskConfig {
    let from = |name: &str| if own.has(name) { own } else { defaults };
    let deadline = from("deadline").duration("deadline");
    if deadline.is_zero() && own.has("deadline") {
        report.problem(own, "deadline", "this must be longer than 0", "write 30s");
    }
    TaskConfig {
        deadline,
        max_concurrent: from("max_concurrent").parse("max_concurrent").unwrap_or(1),
        max_queued: from("max_queued").parse("max_queued").unwrap_or_default(),
        idempotent: from("idempotent").flag("idempotent"),
    }
}

fn env(section: &Section<'_>, report: &mut Report<'_>) -> Vec<EnvVar> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in section.entries("env") {
        let Some(name) = entry.string("name") else { continue };
        if name.contains('=') {
            report.problem(&entry, "name", "a variable's name has no '='", "write the name alone");
        }
        if !seen.insert(name.clone()) {
            report.problem(&entry, "name", format!("the variable '{name}' is listed twice"), "keep one entry");
        }
        let source = match (entry.string("value"), entry.string("value_from_env")) {
            (Some(value), None) => {
                if value.contains('\0') {
                    report.problem(&entry, "value", "a variable's value has no NUL in it", "remove the character");
                }
                EnvSource::Value(EnvValue(value))
            }
            (None, Some(variable)) => EnvSource::FromExecutor(variable),
            (Some(_), Some(_)) => {
                report.problem(&entry, "value_from_env", "'value' is given too", "keep one of them");
                continue;
            }
            (None, None) => {
                report.problem(&entry, "value", "the variable has no value", "add value or value_from_env");
                continue;
            }
        };
        found.push(EnvVar { name, source });
    }
    found
}

fn security(section: &Section<'_>) -> Security {
    Security {
        run_as_user: section.parse("run_as_user"),
        read_only_root: section.flag_if_set("read_only_root"),
        add_capabilities: section.texts("add_capabilities"),
        allow_privilege_escalation: section.flag_if_set("allow_privilege_escalation"),
        pids_limit: section.parse("pids_limit"),
        tmpfs_bytes: section.size_if_set("tmpfs_size"),
        log_max_bytes: section.size_if_set("log_max_size"),
        log_max_files: section.parse("log_max_files"),
    }
}
