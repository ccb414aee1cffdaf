//! What the configuration asks for, against what was deployed since: the table of [`super`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lifecycle::{History, Intent, PerformerRecord};
use crate::performer::{PerformerName, PerformerSpec};
use crate::ports::{ManagerError, Severity};
use crate::service::manager::pace::Backoff;
use crate::service::manager::shared::{Change, Shared};

/// What becomes of a record when the configuration asks for `desired`, or names the performer no longer.
pub(super) fn decide(
    name: &PerformerName,
    before: Option<&PerformerRecord>,
    desired: Option<&PerformerSpec>,
    kept: bool,
) -> Change {
    let write = |record: PerformerRecord| Change::Write(Box::new(record));
    match (before, desired) {
        (None, None) => Change::Keep,
        (None, Some(spec)) => write(PerformerRecord {
            intent: Intent::new(name.clone(), spec.clone()),
            history: History::default(),
            configured: Some(spec.clone()),
        }),
        (Some(record), Some(spec)) if record.configured.as_ref() == Some(spec) => Change::Keep,
        (Some(record), Some(spec)) => write(reconfigured(record, spec)),
        (Some(record), None) => match &record.configured {
            None => Change::Keep,
            Some(_) if record.intent.deleted && !kept => Change::Delete,
            Some(configured) => {
                let mut record = record.clone();
                record.intent.deleted |= record.intent.spec == *configured;
                record.configured = None;
                write(record)
            }
        },
    }
}

fn reconfigured(record: &PerformerRecord, spec: &PerformerSpec) -> PerformerRecord {
    let same_artifact =
        record.configured.as_ref().is_some_and(|last| last.avs == spec.avs && last.revision() == spec.revision());
    let mut record = record.clone();
    record.configured = Some(spec.clone());
    if same_artifact {
        let intent = &mut record.intent.spec;
        intent.replicas = spec.replicas;
        intent.upgrade = spec.upgrade.clone();
        intent.pull_policy = spec.pull_policy;
        intent.image_pull_secrets.clone_from(&spec.image_pull_secrets);
    } else {
        record.intent.spec = spec.clone();
        record.intent.deleted = false;
    }
    record
}

/// Applies what the configuration asks for to every performer; the first error, after every one was tried.
pub(super) async fn apply(
    shared: &Arc<Shared>,
    desired: &BTreeMap<PerformerName, PerformerSpec>,
) -> Result<(), ManagerError> {
    let mut first = Ok(());
    // Those that leave come first: they make room under the limit.
    let leaving = shared.entries().into_iter().filter(|entry| !desired.contains_key(&entry.name));
    let leaving: Vec<_> = leaving.map(|entry| entry.name.clone()).collect();
    for name in leaving.iter().chain(desired.keys()) {
        let kept = || shared.entry(name).is_some_and(|entry| entry.is_kept());
        let applied = shared.change(name, |before| decide(name, before, desired.get(name), kept())).await;
        if let Err(error) = applied {
            shared.event(name, Severity::Warning, error.reason(), format!("cannot be configured: {error}"));
            first = first.and(Err(error));
        }
    }
    first
}

/// Tries again until the store takes it, or the configuration has changed once more.
pub(super) async fn retry(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(shared.options.first_backoff, shared.options.longest_backoff);
    let (change, desired) = shared.configured();
    loop {
        shared.sleep(backoff.failed()).await;
        let outdated = shared.configured().0 != change || shared.leaving().is_some();
        if outdated || !matches!(apply(&shared, &desired).await, Err(ManagerError::Store(_))) {
            return;
        }
    }
}
