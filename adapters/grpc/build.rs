//! Compiles `proto/` without a system `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message as _;

const FILES: [&str; 6] = [
    "eigenlayer/hourglass/v1/executor.proto",
    "eigenlayer/hourglass/v1/aggregator.proto",
    "eigenlayer/hourglass/v1/common/auth.proto",
    "eigenlayer/hourglass/v1/performer/performer.proto",
    "eigenlayer/hourglass/v1/wire/wire.proto",
    "hourglass/admin/v1/upgrade.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::compile(FILES, [&root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().emit_rerun_if_changed(false).compile_fds(descriptors)?;
    Ok(())
}
