use hourglass_core::Timestamp;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};

use super::workload::revision_of;
use super::{Children, Trouble, Warning};
use crate::api::{HourglassExecutor, HourglassExecutorStatus};
use crate::translate::Problem;

/// What is known of an executor.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// It, with the status that it has.
    pub executor: &'a HourglassExecutor,
    /// The children that were applied, or why there are none.
    pub children: Result<&'a Children, &'a [Problem]>,
    /// Its StatefulSet, where there is one: as the last application returned it, or newer.
    pub workload: Option<&'a StatefulSet>,
    /// What else is wrong.
    pub trouble: Option<&'a Trouble>,
    /// Now.
    pub now: Timestamp,
}

impl<'a> View<'a> {
    pub(super) fn old(&self) -> Option<&'a HourglassExecutorStatus> {
        self.executor.status.as_ref()
    }

    pub(super) const fn generation(&self) -> Option<i64> {
        self.executor.metadata.generation
    }

    pub(super) const fn deleted(&self) -> bool {
        self.executor.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn warnings(&self) -> &'a [Warning] {
        self.children.map(|children| children.warnings.as_slice()).unwrap_or_default()
    }

    fn counts(&self) -> Option<&'a StatefulSetStatus> {
        self.workload?.status.as_ref()
    }

    /// How many replicas are to run; `None` where nobody knows.
    pub(super) fn wanted(&self) -> Option<i32> {
        match self.children {
            Ok(children) => Some(children.replicas),
            Err(_) => self.workload?.spec.as_ref()?.replicas,
        }
    }

    pub(super) fn replicas(&self) -> i32 {
        self.counts().map_or(0, |counts| counts.replicas)
    }

    pub(super) fn ready(&self) -> i32 {
        self.counts().and_then(|counts| counts.ready_replicas).unwrap_or_default()
    }

    /// Whether replicas are still to be replaced, or the counts are about something older.
    pub(super) fn rolls(&self) -> bool {
        let (Some(set), Some(counts)) = (self.workload, self.counts()) else { return true };
        let stale = counts.observed_generation < set.metadata.generation;
        let other = self.children.is_ok_and(|children| revision_of(set) != Some(&*children.revision));
        stale || other || counts.current_revision != counts.update_revision
    }

    /// Whether every replica runs, as it is asked for.
    pub(super) fn complete(&self) -> bool {
        self.children.is_ok()
            && self.trouble.is_none()
            && self.workload.is_some()
            && !self.rolls()
            && self.wanted().is_some_and(|wanted| self.replicas() == wanted && self.ready() >= wanted)
    }
}
