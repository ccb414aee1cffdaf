use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::PassError;
use super::pass::Pass;
use crate::cache::{Key, Store};
use crate::connection::resources::{PERFORMERS, PODS, SERVICES};
use crate::connection::{Call, Resource, send};
use crate::observe::{PodRecord, ServiceRecord};
use crate::reconcile::PerformerRecord;
use crate::watch::Record;
use crate::writer::{Verb, Write, WriteFailure};

/// How long a single object may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl Pass<'_> {
    pub(super) async fn write(&self, write: &Write) -> Result<Bytes, WriteFailure> {
        self.controller.parts.writer.write(&self.term, write).await
    }

    /// Writes the Performer itself, and takes the answer into memory.
    pub(super) async fn write_performer(&self, verb: Verb) -> Result<(), PassError> {
        let stores = &self.controller.parts.stores;
        match self.write(&Write { resource: PERFORMERS, key: self.key.clone(), verb }).await {
            Ok(body) => {
                take::<PerformerRecord>(&stores.performers, PERFORMERS, &body);
                Ok(())
            }
            Err(failure) => {
                if failure.is_stale() {
                    self.reread(&stores.performers, PERFORMERS, &self.key).await?;
                }
                Err(PassError::of("the Performer", failure))
            }
        }
    }

    pub(super) fn take_pod(&self, body: &[u8]) {
        take::<PodRecord>(&self.controller.parts.stores.pods, PODS, body);
    }

    pub(super) fn take_service(&self, body: &[u8]) {
        take::<ServiceRecord>(&self.controller.parts.stores.services, SERVICES, body);
    }

    /// Looks what a pod is by now. Returns the uid of the Performer that owns it; `None` where it is gone.
    pub(super) async fn reread_pod(&self, key: &Key) -> Result<Option<Option<Box<str>>>, PassError> {
        let pods = &self.controller.parts.stores.pods;
        let there = self.reread(pods, PODS, key).await?;
        Ok(there.map(|pod| pod.owner.as_deref().map(Into::into)))
    }

    /// Looks what a Service is by now. Whether it is there.
    pub(super) async fn reread_service(&self, key: &Key) -> Result<bool, PassError> {
        let there = self.reread(&self.controller.parts.stores.services, SERVICES, key).await?;
        Ok(there.is_some())
    }

    /// Reads one object anew where memory seems to lag behind.
    async fn reread<R: Record + Clone>(
        &self,
        store: &Store<R>,
        resource: Resource,
        key: &Key,
    ) -> Result<Option<R>, PassError> {
        let uri = resource.object(key.namespace(), key.name(), None);
        match send(&self.controller.parts.client, &Call::get(uri, READ_WITHIN)).await {
            Ok(reply) => {
                let record: R = serde_json::from_slice(&reply.body)
                    .map_err(|error| PassError::Defect(format!("{} {key}: {error}", resource.kind)))?;
                store.put(record.clone());
                Ok(Some(record))
            }
            Err(failure) if failure.code() == Some(404) => {
                if let Some(known) = store.get(key) {
                    store.remove(key, known.uid());
                }
                Ok(None)
            }
            Err(failure) => Err(PassError::Read { what: resource.kind, failure }),
        }
    }
}

/// Takes an answer into memory, where it is an object of this kind: some deletions are answered with a word.
pub(super) fn take<R: Record + DeserializeOwned>(store: &Store<R>, resource: Resource, body: &[u8]) {
    let is_object = serde_json::from_slice::<Kind>(body).is_ok_and(|found| found.kind == resource.kind);
    if !is_object {
        return;
    }
    match serde_json::from_slice::<R>(body) {
        Ok(record) => drop(store.put(record)),
        Err(error) => tracing::warn!(kind = resource.kind, %error, "an answer cannot be read"),
    }
}
