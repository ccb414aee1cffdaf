//! Images, which come onto the real node from files: there is no registry that it could pull from.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use hourglass_environment::image::Image;
use hourglass_environment::{commands, go, program, statics};
use sha2::{Digest, Sha256};

use super::runtime;
use crate::site::Site;
use crate::tools::{self, Tool};

/// What every pod begins with.
pub(super) const PAUSE: &str = "hourglass.local/pause:1";
/// What resolves names.
pub(super) const COREDNS: &str = "hourglass.local/coredns:1";

/// Brings the images onto the node that it needs itself.
pub(crate) fn load_images(site: &Site) -> Result<()> {
    let pause = fs::read(pause()?)?;
    load(site, &Image::new(PAUSE).file("/pause", pause, 0o755).entrypoint(["/pause"]).user("65532:65532"))?;
    let coredns = fs::read(tools::path(Tool::Coredns)?)?;
    load(site, &Image::new(COREDNS).file("/coredns", coredns, 0o755).entrypoint(["/coredns"]).user("65532:65532"))
}

/// Brings an image onto the node.
pub(crate) fn load(site: &Site, image: &Image) -> Result<()> {
    let mut archive = tempfile::NamedTempFile::new_in(&site.data)?;
    std::io::Write::write_all(&mut archive, &image.archive()?)?;
    let socket = runtime::socket(site);
    let words = ["--address".as_ref(), socket.as_os_str(), "--namespace".as_ref(), "k8s.io".as_ref()];
    let order = ["images".as_ref(), "import".as_ref(), archive.path().as_os_str()];
    commands::run("ctr", words.into_iter().chain(order)).with_context(|| format!("loading {}", image.name())).map(drop)
}

/// The program that does nothing, compiled once for its source.
fn pause() -> Result<PathBuf> {
    let source = program::checkout().join("tests/cluster/guests/pause.rs");
    let text = fs::read(&source).with_context(|| source.display().to_string())?;
    let key = const_hex::encode(Sha256::digest(text).get(..6).unwrap_or_default());
    let above = go::cache()?.join("cluster-tools");
    let file = above.join(format!("pause-{key}"));
    if !file.is_file() {
        fs::create_dir_all(&above)?;
        let scratch = tempfile::Builder::new().prefix("building-").tempdir_in(&above)?;
        let made = scratch.path().join("pause");
        statics::compile(&source, &made)?;
        // Whoever else made it made the same.
        fs::rename(&made, &file).with_context(|| file.display().to_string())?;
    }
    Ok(file)
}
