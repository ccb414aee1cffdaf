use std::collections::BTreeMap;

use bollard::models::CreateImageInfo;

/// How far a pull has come, from the engine's messages about its layers.
#[derive(Debug, Default)]
pub(super) struct Progress {
    layers: BTreeMap<String, Layer>,
    /// What the engine said last of the whole image.
    status: String,
    /// Whether it said last of some layer that it tries again.
    broke_off: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Layer {
    phase: Phase,
    /// Bytes downloaded; all of them once it is downloaded.
    have: u64,
    total: u64,
    /// How far a step after the download has come.
    step: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Waiting,
    Downloading,
    Downloaded,
    Extracting,
    Complete,
}

/// More layers than any image may have.
const MAX_LAYERS: usize = 512;

impl Progress {
    /// Takes a message in. Returns whether the pull has come further: an engine that only says that it tries again, or
    /// says the same again, has not.
    pub(super) fn take(&mut self, info: &CreateImageInfo) -> bool {
        let status = info.status.as_deref().unwrap_or_default();
        let Some(id) = info.id.as_deref().filter(|_| phase(status).is_some() || status.starts_with("Retrying")) else {
            let new = !status.is_empty() && status != self.status;
            if new {
                self.status = status.chars().take(200).collect();
            }
            return new;
        };
        if self.layers.len() >= MAX_LAYERS && !self.layers.contains_key(id) {
            return false;
        }
        let fresh = !self.layers.contains_key(id);
        let layer = self.layers.entry(id.to_owned()).or_default();
        // Only forward: after a broken download the engine begins the layer again.
        let Some(phase) = phase(status) else {
            self.broke_off = true;
            return fresh;
        };
        let number = |value: Option<i64>| value.and_then(|v| u64::try_from(v).ok()).unwrap_or(0);
        let (current, total) =
            info.progress_detail.as_ref().map_or((0, 0), |detail| (number(detail.current), number(detail.total)));
        let before = (layer.phase, layer.have, layer.step);
        layer.phase = layer.phase.max(phase);
        match phase {
            Phase::Downloading => {
                layer.total = layer.total.max(total);
                layer.have = layer.have.max(current);
            }
            Phase::Extracting => layer.step = layer.step.max(current),
            Phase::Waiting | Phase::Downloaded | Phase::Complete => {}
        }
        if layer.phase >= Phase::Downloaded {
            layer.have = layer.total;
        }
        let further = before != (layer.phase, layer.have, layer.step);
        self.broke_off &= !further;
        fresh || further
    }

    /// For people: `pulling: 3 of 7 layers, 12 of 80 MiB`.
    pub(super) fn line(&self) -> String {
        if self.layers.is_empty() {
            return "pulling: asking the registry".into();
        }
        let done = self.layers.values().filter(|layer| layer.phase == Phase::Complete).count();
        let have: u64 = self.layers.values().map(|layer| layer.have).fold(0, u64::saturating_add);
        let total: u64 = self.layers.values().map(|layer| layer.total).fold(0, u64::saturating_add);
        let count = self.layers.len();
        let layers = if count == 1 { "layer" } else { "layers" };
        let mut line = format!("pulling: {done} of {count} {layers}");
        if total > 0 {
            let mib = |bytes: u64| if bytes == 0 { 0 } else { bytes.div_ceil(1 << 20) };
            line.push_str(&format!(", {} of {} MiB", mib(have).min(mib(total)), mib(total)));
        }
        if self.broke_off {
            line.push_str(": downloads break off and are tried again");
        }
        line
    }
}

/// What a layer's status means; `None` for what is said of the image.
fn phase(status: &str) -> Option<Phase> {
    match status {
        "Pulling fs layer" | "Waiting" => Some(Phase::Waiting),
        "Downloading" => Some(Phase::Downloading),
        "Verifying Checksum" | "Download complete" => Some(Phase::Downloaded),
        "Extracting" => Some(Phase::Extracting),
        "Pull complete" | "Already exists" => Some(Phase::Complete),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn says(id: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        CreateImageInfo {
            id: (!id.is_empty()).then(|| id.into()),
            status: Some(status.into()),
            progress_detail: (total > 0).then_some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn layers_and_bytes_are_summed() {
        let mut progress = Progress::default();
        assert_eq!(progress.line(), "pulling: asking the registry");
        progress.take(&says("v1", "Pulling from my-org/p", 0, 0));
        assert_eq!(progress.line(), "pulling: asking the registry");
        for id in ["a", "b", "c"] {
            progress.take(&says(id, "Pulling fs layer", 0, 0));
        }
        progress.take(&says("a", "Already exists", 0, 0));
        progress.take(&says("b", "Downloading", 3 << 20, 40 << 20));
        progress.take(&says("c", "Downloading", 1, 40 << 20));
        assert_eq!(progress.line(), "pulling: 1 of 3 layers, 4 of 80 MiB");
        progress.take(&says("b", "Download complete", 0, 0));
        progress.take(&says("b", "Extracting", 5, 40 << 20));
        assert_eq!(progress.line(), "pulling: 1 of 3 layers, 41 of 80 MiB");
        progress.take(&says("b", "Pull complete", 0, 0));
        assert_eq!(progress.line(), "pulling: 2 of 3 layers, 41 of 80 MiB");
    }

    #[test]
    fn trying_again_is_no_progress() {
        let mut progress = Progress::default();
        assert!(progress.take(&says("a", "Pulling fs layer", 0, 0)));
        assert!(progress.take(&says("a", "Downloading", 10, 100)));
        assert!(!progress.take(&says("a", "Downloading", 10, 100)));
        for second in (1..=5).rev() {
            assert!(!progress.take(&says("a", &format!("Retrying in {second} seconds"), 0, 0)));
        }
        assert!(!progress.take(&says("a", "Downloading", 5, 100)), "what it had before is no progress");
        assert!(progress.line().ends_with(": downloads break off and are tried again"), "{}", progress.line());
        assert!(progress.take(&says("a", "Downloading", 11, 100)));
        assert!(progress.line().ends_with(" MiB"), "{}", progress.line());
        assert!(!progress.take(&CreateImageInfo::default()));
    }

    #[test]
    fn numbers_that_cannot_be_are_harmless() {
        let mut progress = Progress::default();
        progress.take(&says("a", "Downloading", i64::MIN, i64::MAX));
        progress.take(&says("b", "Downloading", i64::MAX, i64::MAX));
        progress.take(&says("c", "Downloading", i64::MAX, i64::MAX));
        assert!(progress.line().starts_with("pulling: 0 of 3 layers, "));
        for id in 0..2 * MAX_LAYERS {
            progress.take(&says(&id.to_string(), "Waiting", 0, 0));
        }
        assert!(progress.layers.len() <= MAX_LAYERS);
    }
}
