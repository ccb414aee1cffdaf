use hourglass_core::hardware::HardwareTables;
use hourglass_core::lifecycle::{History, Intent};
use hourglass_core::performer::{PerformerName, Revision};

use crate::api::{Performer, SchedulingDefaults};
use crate::translate::{self, Problem};

/// What is asked for, as far as it can be.
pub(super) struct Wish {
    /// The Performer's name, where pods of ours can have it.
    pub(super) name: Option<PerformerName>,
    /// What to plan for: what is asked for; what served before, where that cannot be or was called off; `None` where there
    /// is nothing to plan for.
    pub(super) intent: Option<Intent>,
    /// The revision that the specification asks for, where it asks for one.
    pub(super) wanted: Option<Revision>,
    /// Why the specification cannot be.
    pub(super) problems: Vec<Problem>,
    /// The executor that it names.
    pub(super) executor: Option<String>,
    /// Whether the Service is to have no address.
    pub(super) headless: bool,
}

impl Wish {
    /// Reads a Performer; `unreadable` where its specification cannot even be read as one.
    pub(super) fn of(
        object: &Performer,
        unreadable: Option<String>,
        history: &History,
        defaults: Option<&SchedulingDefaults>,
        tables: &HardwareTables,
    ) -> Self {
        let name: Option<PerformerName> = object.metadata.name.as_deref().and_then(|name| name.parse().ok());
        let executor = object.spec.executor_ref.clone().filter(|executor| !executor.is_empty());
        let headless = object.spec.service.as_ref().and_then(|service| service.headless).unwrap_or(false);
        let deleted = object.metadata.deletion_timestamp.is_some();
        let translated = match unreadable.filter(|_| !deleted) {
            Some(message) => Err(vec![Problem {
                path: "spec".to_owned(),
                message,
                remedy: "correct the field, which an earlier version of this resource may have allowed".to_owned(),
                reason: "InvalidSpec",
            }]),
            None => translate::performer(object, defaults, tables),
        };
        match translated {
            Ok(translated) => {
                let wanted = (!deleted).then(|| translated.intent.spec.revision());
                let mut intent = translated.intent;
                if translated.aborted
                    && let Some(before) = served_before(&intent.name, history)
                {
                    let (replicas, upgrade) = (intent.spec.replicas, intent.spec.upgrade.clone());
                    intent.spec = before.spec;
                    (intent.spec.replicas, intent.spec.upgrade) = (replicas, upgrade);
                }
                let problems = Vec::new();
                Self { name, intent: Some(intent), wanted, problems, executor, headless }
            }
            // What served goes on serving and is kept alive.
            Err(problems) => {
                let intent = name.as_ref().and_then(|name| served_before(name, history));
                Self { name, intent, wanted: None, problems, executor, headless }
            }
        }
    }
}

fn served_before(name: &PerformerName, history: &History) -> Option<Intent> {
    history.good.as_ref().map(|good| Intent::new(name.clone(), good.spec.clone()))
}
