use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lifecycle::Failure;
use crate::performer::{InstanceName, PerformerSpec, Revision};
use crate::time::Timestamp;

/// The little about a performer that observation cannot tell.
///
/// Small and bounded: one whole specification, one trial, a note for each instance that is there or was just started,
/// [`History::MAX_WITHDRAWN`] withdrawals. It must be durable *before* the actions of the plan that returned it are
/// carried out; a crash in between costs a number, or some seconds, never a name used twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// The format. A newer one than this code knows is an error of deserialisation, never a silent new start.
    pub version: HistoryVersion,
    /// The number that the next instance gets at least.
    #[serde(default)]
    pub next_suffix: u32,
    /// What was last switched to, whole, so that it can be started again when nothing of it is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Good>,
    /// The revision that served before `good`: while instances of it are still there, they stand in if `good` fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Revision>,
    /// The wanted revision while it is not `good`: on trial, or withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// The last withdrawals, oldest first: for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Withdrawn>,
    /// Failures in a row, of the wanted and the good revision.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<Revision, Failures>,
    /// What is remembered of single instances.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instances: BTreeMap<InstanceName, InstanceNote>,
}

impl History {
    /// How many withdrawals are remembered.
    pub const MAX_WITHDRAWN: usize = 5;
}

/// The format of a [`History`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryVersion;

impl HistoryVersion {
    /// What this code writes, and the newest that it reads.
    pub const CURRENT: u32 = 1;
}

impl Serialize for HistoryVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(Self::CURRENT)
    }
}

impl<'de> Deserialize<'de> for HistoryVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            Self::CURRENT => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "history of version {other}, and this program knows {}: use the program that wrote it, or a newer one",
                Self::CURRENT
            ))),
        }
    }
}

/// A revision that was once switched to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// Which one; kept beside the specification because instances carry it.
    pub revision: Revision,
    /// How to start it.
    pub spec: PerformerSpec,
    /// Since when it is the one that serves.
    pub since: Timestamp,
}

/// One try to bring the wanted revision into service.
///
/// Whatever could make another try end differently begins a new one: another revision, pull policy, pull secrets,
/// ready deadline, or [`retry`](crate::lifecycle::Intent::retry).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Tells this try from others: a hash of what it depends on.
    pub id: String,
    /// What is tried.
    pub revision: Revision,
    /// When its first instance was started. The ready deadline counts from here.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// How often the ready deadline passed while nobody planned, and was granted anew.
    #[serde(default)]
    pub extensions: u8,
    /// Its time has passed while it waited for the platform and nothing else could serve: it is waited for, and gets its
    /// whole time once it runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// Whether it was ready once, and waits only to be promoted: the ready deadline is met for good.
    #[serde(default)]
    pub was_ready: bool,
    /// Why it was given up, if it was. It is not tried again under this id.
    #[serde(default)]
    pub withdrawn: Option<Withdrawn>,
}

/// A revision that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Which one.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Failure,
}

/// Failures of a revision in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many, at least 1. Starts again from 1 after an instance that served for the stable period.
    pub count: u32,
    /// Nothing of the revision is started before.
    pub until: Timestamp,
    /// The last one.
    pub last: Failure,
    /// Whether the last one was the platform's, which could not start it and may come to: a registry that is down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub platform: bool,
}

/// What is remembered of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceNote {
    /// When its start was decided; where that is not known, when it was first seen.
    pub since: Timestamp,
    /// Whether it was ever observed. A start that is not observed within some seconds counts as never carried out.
    #[serde(default)]
    pub seen: bool,
    /// When it was first seen ready. Before, it has until the ready deadline; after, it may hang.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_since: Option<Timestamp>,
    /// When it was first seen unhealthy; kept only where the observation's own instant lies in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy_since: Option<Timestamp>,
    /// It is being drained, and stopped then at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_until: Option<Timestamp>,
    /// It has failed and was counted, or was told to stop: how it ends means nothing any more.
    #[serde(default)]
    pub ended: bool,
}
