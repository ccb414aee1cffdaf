use std::collections::BTreeSet;

use crate::lifecycle::{Health, Instance, InstanceState, Owner};
use crate::performer::{InstanceName, Revision};
use crate::ports::{Target, TargetState};

/// Which instances of a performer get tasks: what the plan's routing actions said last.
///
/// It lives in memory only. After a restart nothing is routed until the plan says so again, which it does as soon as an
/// instance is healthy.
#[derive(Debug, Default)]
pub(super) struct Routing {
    revision: Option<Revision>,
    draining: BTreeSet<InstanceName>,
    /// What the client was told last.
    sent: Vec<Target>,
}

impl Routing {
    /// Tasks go to this revision and no other; those of `instances` that were draining are back.
    ///
    /// Instances of the revision that come later are routed to without another plan: a replacement of one that crashed
    /// serves as soon as it is healthy.
    pub(super) fn route(&mut self, revision: &Revision, instances: &[InstanceName]) {
        self.draining.retain(|draining| !instances.contains(draining));
        self.revision = Some(revision.clone());
    }

    /// This instance gets no more tasks.
    pub(super) fn drain(&mut self, instance: &InstanceName) {
        self.draining.insert(instance.clone());
    }

    /// Whether nothing was routed to yet.
    pub(super) const fn is_cold(&self) -> bool {
        self.revision.is_none()
    }

    /// Whether an instance waits to become idle: only then does a plan depend on the number of running tasks.
    pub(super) fn is_draining(&self) -> bool {
        !self.draining.is_empty()
    }

    /// Whether the client is to be told.
    pub(super) fn differs(&self, targets: &[Target]) -> bool {
        self.sent != targets
    }

    /// The client was told.
    pub(super) fn sent(&mut self, targets: Vec<Target>) {
        self.sent = targets;
    }

    /// Every running instance of ours that can be reached. One that gets no tasks yet is among them, so that its health
    /// is known when it is to be routed to.
    pub(super) fn targets(&mut self, instances: &[Instance]) -> Vec<Target> {
        self.draining.retain(|draining| instances.iter().any(|instance| instance.name == *draining));
        let ours = instances.iter().filter(|instance| instance.owner == Owner::Ours);
        let running = ours.filter(|instance| instance.state == InstanceState::Running);
        let target = |instance: &Instance| {
            Some(Target {
                instance: instance.name.clone(),
                endpoint: instance.endpoint.clone()?,
                routed: self.revision.as_ref() == Some(&instance.name.revision)
                    && !self.draining.contains(&instance.name),
            })
        };
        running.filter_map(target).collect()
    }
}

/// Fills in what the client knows and the runtime does not.
pub(super) fn fill(instances: &mut [Instance], states: &[TargetState]) {
    for instance in instances {
        match states.iter().find(|state| state.instance == instance.name) {
            Some(state) => {
                instance.routed = state.routed;
                instance.health = state.health.clone();
                instance.in_flight = Some(state.in_flight);
            }
            None => {
                instance.routed = false;
                instance.health = Health::Unknown;
                instance.in_flight = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::performer::Endpoint;
    use crate::time::Timestamp;

    fn instance(name: &str, state: InstanceState, owner: Owner) -> Instance {
        Instance {
            name: name.parse().unwrap(),
            owner,
            state,
            health: Health::Unknown,
            endpoint: Some(Endpoint { host: "h".into(), port: 1 }),
            started_at: Timestamp::EPOCH,
            routed: false,
            in_flight: None,
            platform_id: None,
            image: None,
        }
    }

    #[test]
    fn only_running_instances_of_ours_and_of_the_routed_revision_get_tasks() {
        let instances = [
            instance("p-aaaaaaaaaa-1", InstanceState::Running, Owner::Ours),
            instance("p-aaaaaaaaaa-2", InstanceState::Running, Owner::Ours),
            instance("p-bbbbbbbbbb-3", InstanceState::Running, Owner::Ours),
            instance("p-bbbbbbbbbb-4", InstanceState::Stopping, Owner::Ours),
            instance("p-bbbbbbbbbb-5", InstanceState::Running, Owner::Foreign),
        ];
        let mut routing = Routing::default();
        let routed = |routing: &mut Routing| {
            let targets = routing.targets(&instances);
            assert_eq!(targets.len(), 3, "every running one of ours is checked");
            targets.iter().filter(|target| target.routed).map(|target| target.instance.suffix).collect::<Vec<_>>()
        };
        assert!(routed(&mut routing).is_empty());
        let (old, new) = ("aaaaaaaaaa".parse().unwrap(), "bbbbbbbbbb".parse().unwrap());
        routing.route(&old, &[instances[0].name.clone()]);
        assert_eq!(routed(&mut routing), [1, 2]);
        routing.drain(&instances[0].name);
        assert_eq!(routed(&mut routing), [2]);
        routing.route(&new, &[instances[2].name.clone()]);
        assert_eq!(routed(&mut routing), [3]);
        routing.route(&old, &[instances[1].name.clone()]);
        assert_eq!(routed(&mut routing), [2], "one that is draining is not back unless it is named");
        routing.route(&old, &[instances[0].name.clone(), instances[1].name.clone()]);
        assert_eq!(routed(&mut routing), [1, 2]);
    }
}
