//! The labels of pods, and how the Service tells them apart.

use std::collections::BTreeMap;

use hourglass_core::Address;
use hourglass_core::performer::{PerformerName, Revision};

use super::Site;
use crate::names;

/// Whether a pod may get tasks, once it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Serving {
    /// It may, if its revision is the one that is routed to.
    Yes,
    /// It drains.
    No,
}

impl Serving {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "true",
            Self::No => "false",
        }
    }
}

/// The longest value of a label.
const LONGEST_VALUE: usize = 63;

/// Whether the name of an object can be a label's value: such names are made of the same signs, and may be longer.
pub fn is_label(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_VALUE
}

/// The labels of a pod. An executor whose name is too long for a label is left out: then no policy selects the pod.
pub fn pod_labels(site: &Site<'_>, avs: &Address, revision: &Revision) -> BTreeMap<String, String> {
    let mut labels = common(site.performer, avs);
    labels.insert(names::LABEL_REVISION.into(), revision.to_string());
    labels.insert(names::LABEL_SERVING.into(), Serving::Yes.as_str().into());
    if let Some(executor) = site.executor.filter(|name| is_label(name)) {
        labels.insert(names::LABEL_EXECUTOR_REF.into(), executor.into());
    }
    labels
}

/// What every object of a performer carries.
pub(super) fn common(performer: &PerformerName, avs: &Address) -> BTreeMap<String, String> {
    [
        (names::LABEL_APP, names::APP_PERFORMER.to_owned()),
        (names::LABEL_PERFORMER, performer.to_string()),
        (names::LABEL_AVS, avs.to_string()),
        (names::LABEL_MANAGED_BY, names::OPERATOR_MANAGER.to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// What the Service selects by: the pods of one revision that are not being drained.
pub fn routed_by(performer: &PerformerName, revision: &Revision) -> BTreeMap<String, String> {
    [
        (names::LABEL_PERFORMER, performer.as_str()),
        (names::LABEL_REVISION, revision.as_str()),
        (names::LABEL_SERVING, Serving::Yes.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
