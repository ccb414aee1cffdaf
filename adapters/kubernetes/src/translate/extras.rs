use std::collections::BTreeMap;

use hourglass_core::performer::PerformerSpec;
use k8s_openapi::api::core::v1::{Affinity, PodAffinity, PodAntiAffinity};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::api::{Spread, UnsatisfiableSpread};

const POD_AFFINITY: &str = "podAffinity";
const POD_ANTI_AFFINITY: &str = "podAntiAffinity";
const SPREAD: &str = "spread";

/// What Kubernetes knows of a pod's placement and core does not.
///
/// It travels in [`hourglass_core::scheduling::Scheduling::extras`], as text: part of the revision, and kept in the
/// planner's history with everything else that a good revision needs when it is started again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PodExtras {
    /// Near which pods.
    pub pod_affinity: Option<PodAffinity>,
    /// Away from which pods.
    pub pod_anti_affinity: Option<PodAntiAffinity>,
    /// How replicas are spread, every field filled in; `None` is the default.
    pub spread: Option<Spread>,
}

/// A specification whose extras nobody of this version wrote.
#[derive(Debug, Error)]
#[error("the extra '{name}' of the pods' placement cannot be read: {source}")]
pub struct ExtrasError {
    name: &'static str,
    source: serde_json::Error,
}

impl PodExtras {
    /// What a specification carries.
    ///
    /// # Errors
    /// [`ExtrasError`] where a newer version wrote it.
    pub fn of(spec: &PerformerSpec) -> Result<Self, ExtrasError> {
        let texts = &spec.scheduling.extras;
        Ok(Self {
            pod_affinity: read(texts, POD_AFFINITY)?,
            pod_anti_affinity: read(texts, POD_ANTI_AFFINITY)?,
            spread: read(texts, SPREAD)?,
        })
    }

    /// What a Performer says; what says nothing is nothing.
    pub(super) fn written(affinity: Option<&Affinity>, spread: Option<&Spread>) -> Self {
        let near = affinity.and_then(|affinity| affinity.pod_affinity.clone());
        let away = affinity.and_then(|affinity| affinity.pod_anti_affinity.clone());
        Self {
            pod_affinity: near.filter(|it| *it != PodAffinity::default()),
            pod_anti_affinity: away.filter(|it| *it != PodAntiAffinity::default()),
            spread: spread.map(filled_in).filter(|spread| *spread != filled_in(&Spread::default())),
        }
    }

    /// As a specification carries it.
    pub(super) fn to_texts(&self) -> BTreeMap<String, String> {
        let texts = [
            (POD_AFFINITY, self.pod_affinity.as_ref().map(canonical)),
            (POD_ANTI_AFFINITY, self.pod_anti_affinity.as_ref().map(canonical)),
            (SPREAD, self.spread.as_ref().map(canonical)),
        ];
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
    }
}

fn filled_in(spread: &Spread) -> Spread {
    let key = spread.topology_key.clone().filter(|key| !key.is_empty());
    Spread {
        topology_key: Some(key.unwrap_or_else(|| "kubernetes.io/hostname".into())),
        max_skew: Some(spread.max_skew.unwrap_or(1).max(1)),
        when_unsatisfiable: Some(spread.when_unsatisfiable.unwrap_or(UnsatisfiableSpread::ScheduleAnyway)),
    }
}

/// JSON: fields in the order of the types, maps in the order of their keys. The same value is the same text.
fn canonical<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read<T: DeserializeOwned>(texts: &BTreeMap<String, String>, name: &'static str) -> Result<Option<T>, ExtrasError> {
    let Some(text) = texts.get(name) else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|source| ExtrasError { name, source })
}
