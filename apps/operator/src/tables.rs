use std::path::Path;

use anyhow::Context as _;
use hourglass_core::hardware::HardwareTables;
use serde::Deserialize;

/// The operator's own configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    /// What the words of hardware requirements mean in this cluster.
    hardware: HardwareTables,
}

/// What the words of hardware requirements mean here: the built-in meaning, unless a file says otherwise.
pub(crate) fn read(file: Option<&Path>) -> anyhow::Result<HardwareTables> {
    let Some(path) = file else { return Ok(HardwareTables::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let file: File = serde_json::from_str(&text).with_context(|| format!("{}: is not as expected", path.display()))?;
    Ok(file.hardware)
}
