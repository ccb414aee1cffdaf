use std::time::Duration;

use tokio::time::Instant;

use super::failure::PassError;
use super::pass::Pass;
use crate::api::{Performer, PerformerStatus};
use crate::names;
use crate::status::{can_wait, patch};
use crate::writer::Verb;

/// What tells nothing but that work goes on is written when it has lasted for so long.
const LASTS: Duration = Duration::from_secs(2);

/// And longer by this for each Performer that is on its way: where a thousand start at once, each is told of once.
const LASTS_LONGER: Duration = Duration::from_millis(25);

/// What came of a report.
pub(super) enum Reported {
    /// The status says what there is to say.
    Said,
    /// It will, after so long, if it is still so.
    Later(Duration),
}

impl Pass<'_> {
    /// Writes the status where it differs: now, where it matters or `at_once`; else when it has lasted.
    pub(super) async fn report(
        &mut self,
        object: &Performer,
        new: &PerformerStatus,
        at_once: bool,
    ) -> Result<Reported, PassError> {
        let old = object.status.as_ref();
        let version = object.metadata.resource_version.as_deref().unwrap_or_default();
        let Some(patch) = patch(old, new, version) else {
            self.memory.unsaid_since = None;
            return Ok(Reported::Said);
        };
        if !at_once && can_wait(old, new) {
            let lasts = LASTS + LASTS_LONGER * u32::try_from(self.controller.memories.len()).unwrap_or(u32::MAX);
            let since = *self.memory.unsaid_since.get_or_insert_with(Instant::now);
            if let Some(left) = lasts.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
                return Ok(Reported::Later(left));
            }
        }
        self.write_performer(Verb::Patch { subresource: Some("status"), manager: names::STATUS_MANAGER, patch })
            .await?;
        self.memory.unsaid_since = None;
        Ok(Reported::Said)
    }
}
