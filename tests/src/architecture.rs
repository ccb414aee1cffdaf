//! The dependency rules of `docs/architecture.md`, judged from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::repository;

/// What the core may name in its manifest: pure crates. A new entry is a decision; most belong into an adapter.
const CORE_DEPENDENCIES: &[&str] = &[
    "async-lock",
    "async-trait",
    "const-hex",
    "figment",
    "futures-channel",
    "futures-core",
    "futures-util",
    "saphyr-parser",
    "schemars",
    "serde",
    "serde_json",
    "sha2",
    "sha3",
    "thiserror",
    "tracing",
    "zeroize",
];

/// What the core may not reach even through others: runtimes, networks, containers, Kubernetes, chains, storage, keys.
const FORBIDDEN_IN_CORE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "async-io",
    "mio",
    "hyper",
    "h2",
    "http",
    "reqwest",
    "tonic",
    "prost",
    "axum",
    "tower",
    "rustls",
    "bollard",
    "kube",
    "k8s-openapi",
    "alloy",
    "ethers",
    "redb",
    "sqlx",
    "secp256k1",
    "ark-bn254",
    "clap",
];

/// A rule that the workspace breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which crate.
    pub package: String,
    /// What it does.
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.package, self.problem)
    }
}

/// The metadata of this checkout, for the platform that runs the test.
///
/// # Errors
/// Where `cargo metadata` fails.
pub fn metadata() -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.current_dir(repository::root());
    command.other_options(["--locked".into(), "--filter-platform".into(), host()?]);
    command.exec().context("cargo metadata")
}

fn host() -> Result<String> {
    let output = std::process::Command::new("rustc").arg("-vV").output().context("rustc -vV")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    Ok(host.to_owned())
}

/// Where a member stands in the picture, by its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Core,
    Adapter,
    /// Apps and the cross-crate tests: the only ones that put adapters together.
    Wiring,
    /// Starts real components for tests and knows nothing of ours: any crate may test with it.
    Environment,
    /// Nowhere that the architecture knows.
    Unknown,
}

fn place(metadata: &Metadata, package: &Package) -> Place {
    let path = package.manifest_path.strip_prefix(&metadata.workspace_root).map(|path| path.as_str());
    match path.unwrap_or_default() {
        "core/Cargo.toml" => Place::Core,
        path if path.starts_with("adapters/") => Place::Adapter,
        path if path.starts_with("apps/") => Place::Wiring,
        // The fuzz targets face every parser there is; they are tests in a workspace of their own.
        // The benchmark measures what is put together, and its parts.
        "tests/environment/Cargo.toml" | "tests/cluster/Cargo.toml" => Place::Environment,
        "tests/Cargo.toml" | "tests/bench/Cargo.toml" | "fuzz/Cargo.toml" => Place::Wiring,
        _ => Place::Unknown,
    }
}

/// Every broken rule, in a stable order. `manifest` gives the text of a crate's manifest.
pub fn violations(metadata: &Metadata, manifest: impl Fn(&Package) -> String) -> Vec<Violation> {
    let mut found = BTreeSet::new();
    let mut report = |package: &Package, problem: String| {
        found.insert(Violation { package: package.name.to_string(), problem });
    };
    let own: BTreeMap<_, _> =
        metadata.packages.iter().filter(|p| p.source.is_none()).map(|p| (p.name.as_str(), p)).collect();

    for package in metadata.workspace_packages() {
        let here = place(metadata, package);
        if here == Place::Unknown {
            report(package, "stands in none of core/, adapters/, apps/, tests/".into());
        }
        if !inherits_lints(&manifest(package)) {
            report(package, "does not inherit the workspace's lints: add [lints] workspace = true".into());
        }
        for dependency in &package.dependencies {
            let Some(on) = own.get(dependency.name.as_str()) else { continue };
            let on_itself = on.id == package.id;
            match (here, place(metadata, on)) {
                (Place::Core, _) if !on_itself => report(package, format!("the core depends on {}", on.name)),
                (Place::Adapter, Place::Adapter) => {
                    report(package, format!("an adapter depends on adapter {}", on.name))
                }
                (Place::Environment, Place::Environment) => {}
                (Place::Environment, _) => report(package, format!("the test environment depends on {}", on.name)),
                (_, Place::Environment) if dependency.kind != DependencyKind::Development && here != Place::Wiring => {
                    report(package, format!("it ships {}", on.name));
                }
                (Place::Adapter, Place::Wiring) => report(package, format!("an adapter depends on {}", on.name)),
                _ => {}
            }
        }
        let names =
            |name: &str| package.dependencies.iter().any(|d| d.name == name && d.kind == DependencyKind::Normal);
        if here == Place::Adapter && !names("hourglass-core") {
            report(package, "an adapter that does not depend on hourglass-core adapts nothing".into());
        }
        if here == Place::Core {
            core_violations(metadata, package, &mut report);
        }
    }
    found.into_iter().collect()
}

fn core_violations(metadata: &Metadata, core: &Package, report: &mut impl FnMut(&Package, String)) {
    for dependency in core.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
        if !CORE_DEPENDENCIES.contains(&dependency.name.as_str()) {
            report(core, format!("{} is not among the crates that the core may name", dependency.name));
        }
    }
    for name in reachable(metadata, &core.id) {
        if FORBIDDEN_IN_CORE.contains(&name.as_str()) {
            report(core, format!("the core reaches {name}"));
        }
    }
}

/// The names of everything that a package is built with, tests apart.
fn reachable(metadata: &Metadata, from: &PackageId) -> BTreeSet<String> {
    let nodes: BTreeMap<_, _> =
        metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(node) = open.pop().and_then(|id| nodes.get(id)) {
        for dependency in &node.deps {
            let shipped = dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            if shipped && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.remove(from);
    metadata.packages.iter().filter(|package| seen.contains(&package.id)).map(|p| p.name.to_string()).collect()
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line.replace(' ', "") == "workspace=true")
}
