//! From a Performer as it stands in the cluster to what the planner of core is asked for; or every reason why not.
//!
//! Pure: whoever calls it has the resource, the default scheduling of its executor, and the operator's hardware tables.
//!
//! Resources that an earlier version accepted come through here too, so nothing is taken for granted: not the defaults
//! that the API server writes, not the bounds that it keeps.
//!
//! **Environment.** Of several variables with one name the last counts, in this order: `config.environment`,
//! `config.environmentFrom`. `GRPC_PORT` and `AVS_ADDRESS` are set in any case.
//!
//! **Affinity.** What `scheduling.affinity.nodeAffinity`, `scheduling.nodeAffinity` and the executor's default require
//! holds together; so does what the hardware needs, which whoever builds the pod adds
//! ([`hourglass_core::hardware::map`]). What core does not model of a pod's affinity travels as [`PodExtras`].

mod container;
mod extras;
mod placement;
mod problem;
mod upgrade;

use hourglass_core::address::Address;
use hourglass_core::hardware::{self, HardwareTables};
use hourglass_core::lifecycle::{History, Intent};
use hourglass_core::performer::{Image, PerformerName, PerformerSpec};

use crate::api::{Performer, SchedulingDefaults};

pub use extras::{ExtrasError, PodExtras};
pub use problem::Problem;

use problem::Report;

/// Where an image has to stand and cannot be read.
const UNREADABLE: &str = "unreadable";

/// What a Performer asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Translated {
    /// For the planner. Its specification names the port in any case.
    pub intent: Intent,
    /// Whether somebody called the upgrade to the wanted revision off: what to plan with is then
    /// [`Translated::to_plan`], and what is reported is not ready, because the specification asks for something else.
    pub aborted: bool,
    /// The executor whose tasks it answers, where it names one.
    pub executor: Option<String>,
    /// Whether its Service has no address of its own.
    pub headless: bool,
    /// What is allowed and most likely not what was meant.
    pub notes: Vec<Problem>,
}

impl Translated {
    /// What to plan with: the intent, or, where its upgrade was called off and something served before, that, run and
    /// replaced as the specification says now.
    pub fn to_plan(&self, history: &History) -> Intent {
        let mut intent = self.intent.clone();
        if let Some(good) = history.good.as_ref().filter(|_| self.aborted) {
            let wanted = &self.intent.spec;
            intent.spec = PerformerSpec {
                pull_policy: wanted.pull_policy,
                image_pull_secrets: wanted.image_pull_secrets.clone(),
                replicas: wanted.replicas,
                upgrade: wanted.upgrade.clone(),
                ..good.spec.clone()
            };
        }
        intent
    }
}

/// Reads a Performer.
///
/// `defaults` is the default scheduling of the executor that it names. It is part of the revision: ask only when it is
/// known whether that executor exists.
///
/// A Performer that is being deleted is read whatever stands in it, because it can always be deleted; of its
/// specification only the deadlines of draining and stopping then mean anything.
///
/// # Errors
/// Every [`Problem`], in the order of the fields; never none. For a Performer that is being deleted, only a name that no
/// pod of ours can have: then there is nothing of ours to remove either.
pub fn performer(
    object: &Performer,
    defaults: Option<&SchedulingDefaults>,
    tables: &HardwareTables,
) -> Result<Translated, Vec<Problem>> {
    let mut report = Report::default();
    let name = name(object, &mut report);
    let deleted = object.metadata.deletion_timestamp.is_some();
    if let Some(found) = name.clone().filter(|_| deleted).and_then(|name| deletion(name, object)) {
        return Ok(found);
    }
    let spec = spec(object, defaults, tables, &mut report);
    match (name, spec) {
        (Some(name), Some(spec)) if report.problems.is_empty() => {
            let wishes = upgrade::wishes(object, &spec.revision(), &mut report);
            let mut intent = Intent::new(name, spec);
            intent.promoted = wishes.promoted;
            intent.retry = wishes.retry;
            Ok(Translated {
                intent,
                aborted: wishes.aborted,
                executor: object.spec.executor_ref.clone().filter(|name| !name.is_empty()),
                headless: object.spec.service.as_ref().and_then(|service| service.headless).unwrap_or(false),
                notes: report.notes,
            })
        }
        _ => Err(report.problems),
    }
}

fn name(object: &Performer, report: &mut Report) -> Option<PerformerName> {
    let text = object.metadata.name.as_deref().unwrap_or_default();
    text.parse()
        .map_err(|error: hourglass_core::performer::NameError| {
            let remedy = "choose a name of at most 53 of a-z, 0-9 and -, because performer-<name> names a Service";
            report.problem("metadata.name", error.to_string(), remedy);
        })
        .ok()
}

/// Removes what is there, at the deadlines that are written, or the default ones. Nothing is started, so that what cannot
/// be read does not matter.
fn deletion(name: PerformerName, object: &Performer) -> Option<Translated> {
    let avs = object.spec.avs_address.parse().unwrap_or_default();
    let image: Image = object.spec.image.parse().or_else(|_| UNREADABLE.parse()).ok()?;
    let mut spec = PerformerSpec::new(avs, image);
    spec.upgrade = upgrade::policy(object.spec.upgrade_strategy.as_ref(), &mut Report::default());
    let mut intent = Intent::new(name, spec);
    intent.deleted = true;
    let executor = object.spec.executor_ref.clone().filter(|name| !name.is_empty());
    Some(Translated { intent, aborted: false, executor, headless: false, notes: Vec::new() })
}

fn spec(
    object: &Performer,
    defaults: Option<&SchedulingDefaults>,
    tables: &HardwareTables,
    report: &mut Report,
) -> Option<PerformerSpec> {
    let written = &object.spec;
    let avs = avs(&written.avs_address, report);
    let image = container::image(written, report);
    let config = written.config.clone().unwrap_or_default();
    // What stands in for an image that is none goes no further than its problem; the others are to be said too.
    let mut spec = PerformerSpec::new(avs.unwrap_or_default(), image.or_else(|| UNREADABLE.parse().ok())?);
    spec.version = written.version.clone().filter(|version| !version.is_empty());
    spec.pull_policy = written.image_pull_policy.unwrap_or_default();
    spec.port = container::port(&config, report);
    spec.env = container::environment(&config, report);
    spec.args = config.args;
    spec.command = config.command;
    spec.service_account = config.service_account_name.filter(|name| !name.is_empty());
    spec.resources = placement::resources(written.resources.as_ref(), report);
    spec.scheduling = placement::scheduling(written.scheduling.as_ref(), defaults, report);
    spec.hardware = placement::hardware(written.hardware_requirements.as_ref(), report);
    spec.image_pull_secrets =
        written.image_pull_secrets.iter().map(|secret| secret.name.clone()).filter(|name| !name.is_empty()).collect();
    spec.replicas = upgrade::replicas(written.replicas, report);
    spec.upgrade = upgrade::policy(written.upgrade_strategy.as_ref(), report);
    spec.security = container::security(written.security.as_ref(), report);
    let affinity = written.scheduling.as_ref().and_then(|scheduling| scheduling.affinity.as_ref());
    spec.scheduling.extras = PodExtras::written(affinity, written.spread.as_ref()).to_texts();
    if let Err(error) = hardware::map(&spec.hardware, &spec.resources, &spec.scheduling, tables) {
        report.problems.push(placement::hardware_problem(&error));
    }
    Some(spec)
}

fn avs(text: &str, report: &mut Report) -> Option<Address> {
    let remedy = "write 0x and 40 hexadecimal digits";
    match text.parse::<Address>() {
        Ok(address) => {
            if let Err(error) = Address::parse_checked(text) {
                let remedy = "check the address: mixed case carries a checksum, and this is another one";
                report.note("spec.avsAddress", error.to_string(), remedy);
            }
            Some(address)
        }
        Err(_) => {
            let message = format!("'{}' is not an Ethereum address", text.escape_debug());
            report.problem("spec.avsAddress", message, remedy);
            None
        }
    }
}
