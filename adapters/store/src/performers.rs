use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use hourglass_core::lifecycle::PerformerRecord;
use hourglass_core::performer::PerformerName;
use hourglass_core::ports::{JournalError, PerformerStore, StoreError as PortError};
use redb::{ReadableDatabase, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::shared::Shared;
use crate::tables::PERFORMERS;
use crate::transaction::Write;

const VERSION: u32 = 1;

/// The performer store of a [`crate::Store`]; its writes share commits with the journal's.
///
/// Its methods need a tokio runtime with time.
pub struct RedbPerformerStore {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for RedbPerformerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbPerformerStore").field("store", &self.shared.name).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Writing<'a> {
    version: u32,
    performer: &'a PerformerRecord,
}

#[derive(Deserialize)]
struct Reading {
    performer: PerformerRecord,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn parse(name: &str, json: &[u8]) -> Result<PerformerRecord, StoreError> {
    let unusable = |problem: String| StoreError::unusable(format!("the record of performer {name} {problem}"));
    let damaged = |error: serde_json::Error| unusable(format!("cannot be read ({error}): deploy the performer again"));
    let Version { version } = serde_json::from_slice(json).map_err(damaged)?;
    if version != VERSION {
        return Err(unusable(format!(
            "has version {version}, this version reads {VERSION}: use the one that wrote it"
        )));
    }
    let Reading { performer } = serde_json::from_slice(json).map_err(damaged)?;
    Ok(performer)
}

#[async_trait]
impl PerformerStore for RedbPerformerStore {
    async fn load(&self) -> Result<Vec<PerformerRecord>, PortError> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || {
            shared.read(|database| {
                let table = database.begin_read()?.open_table(PERFORMERS)?;
                let mut performers = Vec::new();
                for entry in table.iter()? {
                    let (name, json) = entry?;
                    performers.push(parse(name.value(), json.value()));
                }
                Ok(performers)
            })
        });
        let performers = read.await.map_err(|e| PortError { message: e.to_string() })??;
        performers.into_iter().map(|performer| performer.map_err(PortError::from)).collect()
    }

    async fn save(&self, record: &PerformerRecord) -> Result<(), PortError> {
        let json = serde_json::to_vec(&Writing { version: VERSION, performer: record })
            .map_err(|e| PortError { message: format!("the performer cannot be written as JSON: {e}") })?;
        let name = record.intent.name.to_string();
        self.shared.write(Write::SavePerformer { name, json }).await.map(drop).map_err(failed)
    }

    async fn delete(&self, name: &PerformerName) -> Result<(), PortError> {
        self.shared.write(Write::DeletePerformer { name: name.to_string() }).await.map(drop).map_err(failed)
    }
}

fn failed(error: JournalError) -> PortError {
    match error {
        JournalError::Unavailable { message } | JournalError::Unusable { message } => PortError { message },
        other @ JournalError::BelowFloor { .. } => PortError { message: other.to_string() },
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn other_versions_and_damage_are_named() {
        for (json, expected) in [(r#"{"version":2,"performer":{}}"#, "version 2"), ("{", "cannot be read")] {
            let error = parse("a", json.as_bytes()).unwrap_err();
            assert!(matches!(&error, StoreError::Unusable { message } if message.contains(expected)), "{error}");
        }
    }
}
