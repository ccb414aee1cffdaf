use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Action, ExitCause, Instance, StartInstance};
use hourglass_core::performer::{InstanceName, Revision};
use serde_json::json;

use super::failure::PassError;
use super::gather::Gathered;
use super::pass::Pass;
use super::routing::Routing;
use crate::build::{self, Serving, Site};
use crate::cache::Key;
use crate::connection::resources::{PODS, SERVICES};
use crate::names;
use crate::observe::PodRecord;
use crate::reconcile::refusal;
use crate::writer::{Verb, Write, WriteFailure};

impl Pass<'_> {
    /// Brings the Service to where it should be.
    pub(super) async fn route(&self, service: &str, routing: Routing) -> Result<(), PassError> {
        let key = Key::new(self.key.namespace(), service);
        let write = |verb| Write { resource: SERVICES, key: key.clone(), verb };
        match routing {
            Routing::AsItIs => Ok(()),
            // It is not watched, since it has not our label: whether it is still there is to be asked.
            Routing::Foreign if !self.reread_service(&key).await? => Err(PassError::Stale),
            Routing::Foreign => Err(PassError::ServiceTaken { service: service.to_owned() }),
            // Somebody else's would be mixed with ours by applying; it is not watched, since it has not our label.
            Routing::Write(Verb::Apply { force: false, .. }) if self.reread_service(&key).await? => {
                Err(PassError::Stale)
            }
            Routing::Write(verb) => match self.write(&write(verb)).await {
                Ok(body) => {
                    self.take_service(&body);
                    Ok(())
                }
                Err(failure) => {
                    if failure.is_stale() {
                        self.reread_service(&key).await?;
                    }
                    Err(PassError::of("the Service", failure))
                }
            },
            Routing::Remove(verb) => match self.write(&write(verb)).await {
                Ok(_) | Err(WriteFailure::NotFound) => Ok(()),
                Err(failure) => Err(PassError::of("the Service", failure)),
            },
        }
    }

    /// Creates the pods of new instances, all at once. Returns what the API server did not take, as instances that never
    /// started; only what may be its own trouble is an error.
    pub(super) async fn start_all(
        &self,
        site: &Site<'_>,
        actions: &[Action],
        now: Timestamp,
    ) -> (Vec<Instance>, Result<(), PassError>) {
        let starts = actions.iter().filter_map(|action| match action {
            Action::Start(start) => Some(&**start),
            _ => None,
        });
        let started = join_all(starts.map(async |start| (&start.name, self.start(site, start).await))).await;
        let (mut never, mut result) = (Vec::new(), Ok(()));
        for (name, started) in started {
            match started {
                Ok(None) => {}
                Ok(Some(cause)) => never.push(Instance::never_started(name.clone(), cause, now)),
                Err(error) => result = Err(error),
            }
        }
        (never, result)
    }

    async fn start(&self, site: &Site<'_>, start: &StartInstance) -> Result<Option<ExitCause>, PassError> {
        let pod = match build::pod(start, site) {
            Ok(pod) => pod,
            Err(unbuildable) => return Ok(Some(unbuildable.cause())),
        };
        let key = Key::new(site.namespace, &names::pod(&start.name));
        let body = serde_json::to_value(&pod).map_err(|error| PassError::Defect(error.to_string()))?;
        match self.write(&Write { resource: PODS, key: key.clone(), verb: Verb::Create(body) }).await {
            Ok(body) => {
                self.take_pod(&body);
                Ok(None)
            }
            // It may be ours, from a try whose answer was lost.
            Err(WriteFailure::AlreadyExists) => match self.reread_pod(&key).await? {
                Some(owner) if owner.as_deref() == Some(site.uid) => Ok(None),
                Some(_) => {
                    let message = format!("somebody else has made a pod that is called {}: remove it", key.name());
                    Ok(Some(ExitCause::StartFailed { reason: "PodNameTaken".to_owned(), message }))
                }
                None => Err(PassError::Stale),
            },
            Err(WriteFailure::Refused(refused)) => Ok(Some(refusal::cause(&refused))),
            Err(WriteFailure::Unavailable(failure)) if failure.refusal().is_some_and(refusal::is_worth_telling) => {
                Ok(failure.refusal().map(refusal::cause))
            }
            Err(failure) => Err(PassError::of("a pod", failure)),
        }
    }

    /// Lets pods that are to serve be selected again.
    pub(super) async fn select_again(
        &self,
        gathered: &Gathered,
        revision: &Revision,
        instances: &[InstanceName],
    ) -> Result<(), PassError> {
        for name in instances.iter().filter(|name| name.revision == *revision) {
            if let Some(pod) = gathered.pod(&self.memory.uid, name).filter(|pod| !pod.serving) {
                self.label(pod, Serving::Yes).await?;
            }
        }
        Ok(())
    }

    /// Takes a pod out of the Service, where its revision is what the Service selects.
    pub(super) async fn drain(&self, gathered: &Gathered, name: &InstanceName) -> Result<(), PassError> {
        let selected = |pod: &&Arc<PodRecord>| {
            let service = gathered.service.as_ref().and_then(|service| {
                self.controller.parts.stores.services.get(&Key::new(&service.namespace, &service.name))
            });
            pod.serving && service.is_some_and(|service| service.selects(pod))
        };
        match gathered.pod(&self.memory.uid, name).filter(selected) {
            Some(pod) => self.label(pod, Serving::No).await,
            None => Ok(()),
        }
    }

    async fn label(&self, pod: &PodRecord, serving: Serving) -> Result<(), PassError> {
        let key = Key::new(&pod.namespace, &pod.name);
        let patch = json!({ "metadata": {
            "uid": &*pod.uid,
            "resourceVersion": &*pod.resource_version,
            "labels": { names::LABEL_SERVING: serving.as_str() },
        }});
        self.patch_pod(&key, patch).await
    }

    /// Lets the policy of the executor that it is for now admit that executor to the pods that run already.
    pub(super) async fn admit(&self, gathered: &Gathered, executor: Option<&str>) -> Result<(), PassError> {
        let own =
            gathered.pods.iter().filter(|pod| pod.owner.as_deref() == Some(&*self.memory.uid) && !pod.is_leaving());
        for pod in own {
            if let Some(patch) = pod.admitting(executor) {
                self.patch_pod(&Key::new(&pod.namespace, &pod.name), patch).await?;
            }
        }
        Ok(())
    }

    /// Changes a pod's metadata.
    pub(super) async fn patch_pod(&self, key: &Key, patch: serde_json::Value) -> Result<(), PassError> {
        let verb = Verb::Patch { subresource: None, manager: names::OPERATOR_MANAGER, patch };
        match self.write(&Write { resource: PODS, key: key.clone(), verb }).await {
            Ok(body) => {
                self.take_pod(&body);
                Ok(())
            }
            Err(failure) => {
                if failure.is_stale() {
                    self.reread_pod(key).await?;
                }
                Err(PassError::of("a pod", failure))
            }
        }
    }

    /// Stops an instance, or forgets one that never was.
    pub(super) async fn stop(
        &self,
        gathered: &Gathered,
        name: &InstanceName,
        grace: Duration,
    ) -> Result<(), PassError> {
        let Some(pod) = gathered.pod(&self.memory.uid, name).filter(|pod| !pod.is_leaving()) else { return Ok(()) };
        let key = Key::new(&pod.namespace, &pod.name);
        let verb = Verb::Delete { uid: pod.uid.to_string(), resource_version: None, grace: Some(grace) };
        match self.write(&Write { resource: PODS, key: key.clone(), verb }).await {
            Ok(body) => {
                self.take_pod(&body);
                Ok(())
            }
            // Gone, or another one by now.
            Err(failure) if failure.is_stale() => self.reread_pod(&key).await.map(|_| ()),
            Err(failure) => Err(PassError::of("a pod", failure)),
        }
    }

    /// Carries out what goes: drains before stops.
    pub(super) async fn remove(&self, gathered: &Gathered, actions: &[Action]) -> Result<(), PassError> {
        for action in actions {
            if let Action::Drain { instance, .. } = action {
                self.drain(gathered, instance).await?;
            }
        }
        let stops: Vec<_> = actions
            .iter()
            .filter_map(|action| match action {
                Action::Stop { instance, grace } => Some((instance, *grace)),
                _ => None,
            })
            .collect();
        let stopped = join_all(stops.iter().map(|(instance, grace)| self.stop(gathered, instance, *grace))).await;
        stopped.into_iter().collect()
    }
}
