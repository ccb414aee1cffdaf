//! Where the checkout is.

use std::path::{Path, PathBuf};

/// The root of the checkout. What cargo says now counts, not what it said to the compiler: a cache of builds is shared by
/// checkouts at several places.
pub fn root() -> PathBuf {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let here = Path::new(&here);
    here.ancestors().find(|above| above.join("deny.toml").is_file()).unwrap_or(here).to_path_buf()
}

/// Whether this runs in CI, where a missing component is a failure and never a reason to skip.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}
