//! Executes what the documents promise.
//!
//! A fenced block of `bash` or `console` is preceded by a comment that says what becomes of it:
//!
//! | comment | meaning |
//! |---|---|
//! | `<!-- run -->`, `<!-- run: name -->`, `<!-- run: name, within 300 s -->` | it is executed and must succeed |
//! | `<!-- not run: reason -->` | it is not, for this reason |
//! | `<!-- engine -->`, on a line of its own | the document's blocks find a Docker engine, a registry and our images |
//! | `<!-- output -->` before the next block of any language | what the block before it prints, `…` standing for anything |
//!
//! A `console` block holds `$ command` lines, each followed by what it prints. All blocks of a document run in one
//! shell, in a temporary folder, with the workspace's binaries on `PATH` and the checkout in `CHECKOUT`. With an engine, which
//! is the document's own, `DOCKER_HOST` and `DOCKER_SOCKET` say where it is, `REGISTRY` (`127.0.0.1:port`) where the registry is, and
//! the engine has what `make images` builds.
//! A block without such a comment is an error: every promise is executed, or says why it is not.

mod expected;
mod links;
mod markdown;
mod reasons;
mod shell;
mod surroundings;

pub use expected::{Mismatch, matches};
pub use links::dead_links;
pub use markdown::{Block, Comparison, DocumentError, Step, parse};
pub use reasons::{explained, stated};
pub use shell::{StepFailure, run};
pub use surroundings::{Surroundings, wants_engine};

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The documents whose commands are executed: README, CONTRIBUTING, CHANGELOG and everything under `docs/`.
///
/// # Errors
/// Where a folder cannot be read.
pub fn all(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![root.join("README.md"), root.join("CONTRIBUTING.md"), root.join("CHANGELOG.md")];
    found.retain(|file| file.exists());
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
