/// One kind of objects, and where the API server keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// Of the group.
    pub version: &'static str,
    /// In the plural, as paths and rights spell it.
    pub plural: &'static str,
    /// What one object is.
    pub kind: &'static str,
}

/// The kinds that the operator reads or writes.
pub mod resources {
    use super::Resource;
    use crate::names;

    const fn core(plural: &'static str, kind: &'static str) -> Resource {
        Resource { group: "", version: "v1", plural, kind }
    }

    const fn ours(plural: &'static str, kind: &'static str) -> Resource {
        Resource { group: names::GROUP, version: names::VERSION, plural, kind }
    }

    /// Performers.
    pub const PERFORMERS: Resource = ours("performers", "Performer");
    /// HourglassExecutors.
    pub const EXECUTORS: Resource = ours("hourglassexecutors", "HourglassExecutor");
    /// Pods.
    pub const PODS: Resource = core("pods", "Pod");
    /// Services.
    pub const SERVICES: Resource = core("services", "Service");
    /// Events, as their own group serves them.
    pub const EVENTS: Resource = Resource { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event" };
    /// Leases.
    pub const LEASES: Resource =
        Resource { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" };
    /// NetworkPolicies.
    pub const NETWORK_POLICIES: Resource =
        Resource { group: "networking.k8s.io", version: "v1", plural: "networkpolicies", kind: "NetworkPolicy" };
    /// PodDisruptionBudgets.
    pub const DISRUPTION_BUDGETS: Resource =
        Resource { group: "policy", version: "v1", plural: "poddisruptionbudgets", kind: "PodDisruptionBudget" };
}

impl Resource {
    /// `v1` or `group/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The path of all objects, in one namespace or in every one.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// The path of one object, or of one of its subresources.
    pub fn object(&self, namespace: &str, name: &str, subresource: Option<&str>) -> String {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        let path = format!("{}/{name}", self.collection(namespace));
        subresource.map_or(path.clone(), |subresource| format!("{path}/{subresource}"))
    }
}

#[cfg(test)]
mod tests {
    use super::resources::{PERFORMERS, PODS};

    #[test]
    fn paths() {
        assert_eq!(PODS.collection(None), "/api/v1/pods");
        assert_eq!(PODS.object("a", "b", None), "/api/v1/namespaces/a/pods/b");
        assert_eq!(
            PERFORMERS.object("a", "b", Some("status")),
            "/apis/hourglass.eigenlayer.io/v1alpha1/namespaces/a/performers/b/status"
        );
        assert_eq!(PERFORMERS.api_version(), "hourglass.eigenlayer.io/v1alpha1");
        assert_eq!(PODS.api_version(), "v1");
    }
}
