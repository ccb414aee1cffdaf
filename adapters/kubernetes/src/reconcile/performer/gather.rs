use std::collections::BTreeMap;
use std::sync::Arc;

use hourglass_core::lifecycle::{Instance, InstanceState};
use hourglass_core::performer::{InstanceName, PerformerName};

use crate::api::Performer;
use crate::cache::Key;
use crate::names;
use crate::observe::{PodRecord, ServiceRecord, Viewer, drained, instance};
use crate::reconcile::Stores;

/// What there is of a Performer.
pub(super) struct Gathered {
    /// Its pods, and others under its label or names.
    pub(super) pods: Vec<Arc<PodRecord>>,
    /// Its Service, or what has its name.
    pub(super) service: Option<Arc<ServiceRecord>>,
    /// Its pods as instances, with those that could not be made.
    pub(super) instances: Vec<Instance>,
}

impl Gathered {
    pub(super) fn new(
        stores: &Stores,
        key: &Key,
        name: &PerformerName,
        object: &Performer,
        executor: Option<&str>,
        never_started: &mut BTreeMap<InstanceName, Instance>,
    ) -> Self {
        let pods = stores.pods.indexed(key);
        let service = stores.services.get(&Key::new(key.namespace(), &names::service(name)));
        let replicas = executor.map(|executor| stores.replicas_of(key.namespace(), executor)).unwrap_or_default();
        let replicas: Vec<&str> = replicas.iter().map(|replica| crate::watch::Record::name(&**replica)).collect();
        let annotations = object.metadata.annotations.clone().unwrap_or_default();
        let drained = drained(&annotations, &replicas);
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let viewer = Viewer { performer: name, uid, service: service.as_deref(), drained: &drained };
        let mut instances: Vec<Instance> = pods.iter().filter_map(|pod| instance(pod, &viewer)).collect();
        for instance in &mut instances {
            // Nothing is sent to a pod that has not begun to run, whatever selects it: it need not drain.
            instance.routed &= !matches!(instance.state, InstanceState::Starting { .. });
        }
        // One that is there after all is what it is.
        never_started.retain(|name, _| instances.iter().all(|instance| instance.name != *name));
        instances.extend(never_started.values().cloned());
        Self { pods, service, instances }
    }

    /// The pod of an instance, if it is there and ours.
    pub(super) fn pod(&self, uid: &str, name: &InstanceName) -> Option<&Arc<PodRecord>> {
        let pod_name = crate::observe::pod_name(name);
        self.pods.iter().find(|pod| *pod.name == *pod_name && pod.owner.as_deref() == Some(uid))
    }
}
