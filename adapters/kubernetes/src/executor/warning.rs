use thiserror::Error;

use super::Volume;
use crate::names::EXECUTOR_ROLE;

/// What works and is not as it was asked for, or should be another way. Each is a condition while it holds.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Warning {
    /// Keys in the resource.
    #[error(
        "{names} in operatorKeys can be read by everybody who may read this resource; they were copied into the Secret \
         {secret}. Treat them as seen: put new ones into a Secret, name that in operatorKeyRefs, and remove operatorKeys",
        names = .names.join(", ")
    )]
    LiteralKeys {
        /// Which.
        names: Vec<&'static str>,
        /// Where they are now.
        secret: String,
    },
    /// One replica runs.
    #[error(
        "{asked} replicas are asked for and 1 runs: each would have a journal of its own, and two of them could sign one \
         task. Set replicas to 1"
    )]
    JournalNotShared {
        /// How many.
        asked: i32,
    },
    /// The volume stays.
    #[error(
        "the journal's volume stays {found}, and {asked} is asked for: a StatefulSet cannot change it. Resize the \
         PersistentVolumeClaim journal-{executor}-0 itself where its StorageClass allows that, and set persistence to \
         what the StatefulSet has"
    )]
    VolumeFixed {
        /// Whose.
        executor: String,
        /// What it is.
        found: Volume,
        /// What it should be.
        asked: Volume,
    },
    /// Another namespace.
    #[error(
        "performers are to run in {performers}, and rights there are not given by naming it. Somebody who may do so gives \
         them: kubectl create rolebinding {namespace}.{executor} --namespace={performers} --clusterrole={EXECUTOR_ROLE} \
         --serviceaccount={namespace}:{executor}"
    )]
    RightsNeeded {
        /// Whose.
        executor: String,
        /// Its namespace.
        namespace: String,
        /// Where its performers are.
        performers: String,
    },
}

impl Warning {
    /// All there are.
    pub(super) const REASONS: [&'static str; 4] = ["LiteralKeys", "JournalNotShared", "VolumeFixed", "RightsNeeded"];

    /// Stable, in CamelCase: the type and the reason of its condition.
    pub const fn reason(&self) -> &'static str {
        let [keys, journal, volume, rights] = Self::REASONS;
        match self {
            Self::LiteralKeys { .. } => keys,
            Self::JournalNotShared { .. } => journal,
            Self::VolumeFixed { .. } => volume,
            Self::RightsNeeded { .. } => rights,
        }
    }
}
