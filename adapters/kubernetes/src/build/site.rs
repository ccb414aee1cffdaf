use hourglass_core::hardware::HardwareTables;
use hourglass_core::performer::PerformerName;
use k8s_openapi::api::core::v1::{PodAffinity, PodAntiAffinity};

/// Where a performer's objects are made, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The Performer's namespace, which everything of it is in.
    pub namespace: &'a str,
    /// The Performer's name.
    pub performer: &'a PerformerName,
    /// The Performer's uid: a Performer of the same name that came before owns nothing of this one.
    pub uid: &'a str,
    /// The executor that the Performer refers to.
    pub executor: Option<&'a str>,
    /// What the words of hardware requirements mean in this cluster.
    pub tables: &'a HardwareTables,
    /// What core's specification does not know.
    pub extras: &'a PodExtras,
}

/// What the Performer's specification says of its pods beyond core's: it is carried to the pod as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PodExtras {
    /// Nearness to other pods.
    pub pod_affinity: Option<PodAffinity>,
    /// Distance from other pods.
    pub pod_anti_affinity: Option<PodAntiAffinity>,
    /// How replicas are spread; `None` is over nodes, as far as possible, where there are several.
    pub spread: Option<Spread>,
    /// Whether the Service has no address of its own, so that its name resolves to the pods.
    pub headless: bool,
}

/// How replicas are spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// The node label whose values they are spread over.
    pub topology_key: String,
    /// How many more replicas one value may have than another; at least 1.
    pub max_skew: u32,
    /// Whether a replica that would break this waits.
    pub when_unsatisfiable: WhenUnsatisfiable,
}

/// What becomes of a replica that cannot be spread as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenUnsatisfiable {
    /// It is placed all the same.
    #[default]
    ScheduleAnyway,
    /// It waits.
    DoNotSchedule,
}

impl Default for Spread {
    fn default() -> Self {
        Self {
            topology_key: "kubernetes.io/hostname".into(),
            max_skew: 1,
            when_unsatisfiable: WhenUnsatisfiable::default(),
        }
    }
}
