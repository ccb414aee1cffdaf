use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::site::Site;
use crate::api::HourglassExecutorSpec;

/// What the claim of the journal's volume is called; of a replica it is `journal-<replica>`.
pub(super) const CLAIM: &str = "journal";
const DEFAULT_SIZE: &str = "1Gi";

/// The volume of a journal. A StatefulSet never changes it once it exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// Its size.
    pub size: Quantity,
    /// Its StorageClass, where it is not that of the cluster.
    pub class: Option<String>,
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.as_deref().unwrap_or("of the cluster");
        write!(f, "{} of StorageClass {class}", self.size.0)
    }
}

impl Volume {
    /// What the resource asks for.
    pub fn asked(spec: &HourglassExecutorSpec) -> Self {
        let persistence = spec.persistence.clone().unwrap_or_default();
        Self {
            size: persistence.size.unwrap_or_else(|| Quantity(DEFAULT_SIZE.into())),
            class: persistence.storage_class_name,
        }
    }

    /// What a StatefulSet has.
    pub fn of(set: &StatefulSet) -> Option<Self> {
        let claims = set.spec.as_ref()?.volume_claim_templates.as_deref()?;
        let claim = claims.iter().find(|claim| claim.metadata.name.as_deref() == Some(CLAIM))?.spec.as_ref()?;
        let size = claim.resources.as_ref()?.requests.as_ref()?.get("storage")?.clone();
        Some(Self { size, class: claim.storage_class_name.clone() })
    }

    /// Whether both mean the same; amounts can be spelled in several ways.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let amount = |volume: &Self| {
            let amount = volume.size.0.parse::<hourglass_core::resources::Quantity>();
            amount.map(|amount| amount.millis()).map_err(|_| volume.size.0.clone())
        };
        self.class == other.class && amount(self) == amount(other)
    }

    pub(super) fn claim(&self, site: &Site<'_>) -> PersistentVolumeClaim {
        let mut claim = PersistentVolumeClaim::default();
        claim.metadata.name = Some(CLAIM.into());
        claim.metadata.labels = Some(site.selecting());
        claim.spec = Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: self.class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), self.size.clone())])),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        });
        claim
    }
}
