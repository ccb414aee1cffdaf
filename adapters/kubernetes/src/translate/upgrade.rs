//! How revisions replace one another, and what people ask for while they do.

use std::time::Duration;

use hourglass_core::performer::{Revision, UpgradePolicy};
use sha2::{Digest as _, Sha256};

use super::problem::Report;
use crate::api::{Performer, UpgradeOptions};
use crate::names::{ANNOTATION_ABORT, ANNOTATION_PROMOTE, ANNOTATION_RETRY};

/// The most replicas of one performer.
const MAX_REPLICAS: i32 = 1000;

pub(super) fn replicas(written: Option<i32>, report: &mut Report) -> u32 {
    match written.unwrap_or(1) {
        count @ 0..=MAX_REPLICAS => count.unsigned_abs(),
        count => {
            let remedy = format!("write a number from 0 to {MAX_REPLICAS}");
            report.problem("spec.replicas", format!("{count} replicas are not possible"), remedy);
            1
        }
    }
}

/// The policy; what is not written, or cannot be, is the default.
pub(super) fn policy(written: Option<&UpgradeOptions>, report: &mut Report) -> UpgradePolicy {
    let defaults = UpgradePolicy::default();
    let Some(written) = written else { return defaults };
    let mut seconds = |name: &str, written: Option<i32>, least: u32, default: Duration| match written {
        None => default,
        Some(seconds) => match u32::try_from(seconds).ok().filter(|seconds| (least..=86_400).contains(seconds)) {
            Some(seconds) => Duration::from_secs(seconds.into()),
            None => {
                let remedy = format!("write a number of seconds from {least} to 86400");
                report.problem(format!("spec.upgradeStrategy.{name}"), format!("{seconds} is out of range"), remedy);
                default
            }
        },
    };
    UpgradePolicy {
        strategy: written.strategy.unwrap_or_default(),
        ready_deadline: seconds("readyDeadlineSeconds", written.ready_deadline_seconds, 1, defaults.ready_deadline),
        drain_deadline: seconds("drainDeadlineSeconds", written.drain_deadline_seconds, 0, defaults.drain_deadline),
        stop_grace: seconds("stopGraceSeconds", written.stop_grace_seconds, 0, defaults.stop_grace),
    }
}

/// What people ask for, by annotation or field.
pub(super) struct Wishes {
    pub(super) promoted: Option<Revision>,
    pub(super) aborted: bool,
    pub(super) retry: u32,
}

/// Of two places that name different revisions, the one counts that names the wanted one.
pub(super) fn wishes(object: &Performer, wanted: &Revision, report: &mut Report) -> Wishes {
    let options = object.spec.upgrade_strategy.clone().unwrap_or_default();
    let annotation = |name: &str| object.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned();
    let mut named = |annotation_name: &str, field: &str, written: Option<String>| {
        let places = [
            (format!("metadata.annotations.{annotation_name}"), annotation(annotation_name)),
            (format!("spec.upgradeStrategy.{field}"), written),
        ];
        let mut found: Vec<Revision> = Vec::new();
        for (path, text) in places {
            let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
            match text.parse() {
                Ok(revision) => found.push(revision),
                Err(_) => {
                    let message = format!("'{}' is not a revision", text.escape_debug());
                    report.note(path, message, format!("write {wanted}, as status.desiredRevision names it"));
                }
            }
        }
        found.iter().find(|revision| *revision == wanted).or(found.first()).cloned()
    };
    let promoted = named(ANNOTATION_PROMOTE, "promote", options.promote);
    let aborted = named(ANNOTATION_ABORT, "abort", options.abort).as_ref() == Some(wanted);
    let retry = options.retry.unwrap_or_default().unsigned_abs();
    let retry = retry.wrapping_add(annotation(ANNOTATION_RETRY).map_or(0, |text| number(&text)));
    Wishes { promoted: promoted.filter(|_| !aborted), aborted, retry }
}

/// A number that is another one for another text.
fn number(text: &str) -> u32 {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(text).into();
    u32::from_be_bytes([a, b, c, d])
}
