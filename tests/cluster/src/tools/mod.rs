//! The programs that are built from Go modules: which, of which version, and where they are.

mod build;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hourglass_environment::{go, program};
use sha2::{Digest, Sha256};

use crate::options::{ClusterOptions, Node};

/// Where versions are written into Kubernetes's programs. Without both the server says `v0.0.0-master`, and clients that judge
/// versions misbehave.
const KUBERNETES_VERSIONS: [&str; 2] = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];

/// A program of a cluster, or for the use of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    KubeApiserver,
    /// kubectl.
    Kubectl,
    /// kube-controller-manager.
    KubeControllerManager,
    /// kube-scheduler.
    KubeScheduler,
    /// kwok, which simulates nodes.
    Kwok,
    /// kubelet.
    Kubelet,
    /// kube-proxy.
    KubeProxy,
    /// CoreDNS.
    Coredns,
    /// grpcurl.
    Grpcurl,
    /// helm.
    Helm,
}

impl Tool {
    /// All, those first that others wait for.
    pub const ALL: [Self; 11] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::Kubectl,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kwok,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Coredns,
        Self::Grpcurl,
        Self::Helm,
    ];

    /// The name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::Kubectl => "kubectl",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Coredns => "coredns",
            Self::Grpcurl => "grpcurl",
            Self::Helm => "helm",
        }
    }

    /// The folder of its module in `tests/cluster/tools`.
    fn folder(self) -> &'static str {
        match self {
            Self::KubeApiserver
            | Self::Kubectl
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubelet
            | Self::KubeProxy => "kubernetes",
            other => other.name(),
        }
    }

    /// The module that it is part of, and what is built of it.
    fn source(self) -> (&'static str, &'static str) {
        match self {
            Self::Etcd => ("go.etcd.io/etcd/server/v3", ""),
            Self::KubeApiserver => ("k8s.io/kubernetes", "cmd/kube-apiserver"),
            Self::Kubectl => ("k8s.io/kubernetes", "cmd/kubectl"),
            Self::KubeControllerManager => ("k8s.io/kubernetes", "cmd/kube-controller-manager"),
            Self::KubeScheduler => ("k8s.io/kubernetes", "cmd/kube-scheduler"),
            Self::Kwok => ("sigs.k8s.io/kwok", "cmd/kwok"),
            Self::Kubelet => ("k8s.io/kubernetes", "cmd/kubelet"),
            Self::KubeProxy => ("k8s.io/kubernetes", "cmd/kube-proxy"),
            Self::Coredns => ("github.com/coredns/coredns", ""),
            Self::Grpcurl => ("github.com/fullstorydev/grpcurl", "cmd/grpcurl"),
            Self::Helm => ("helm.sh/helm/v4", "cmd/helm"),
        }
    }

    /// The package that is built.
    fn package(self) -> String {
        let (module, below) = self.source();
        if below.is_empty() { module.to_owned() } else { format!("{module}/{below}") }
    }

    /// How long it takes on two idle cores where nothing of it was built before, in seconds.
    fn cold_seconds(self) -> u32 {
        match self {
            Self::Etcd => 19,
            Self::KubeApiserver => 182,
            Self::Kubectl => 20,
            Self::KubeControllerManager => 69,
            Self::KubeScheduler => 5,
            Self::Kwok => 66,
            Self::Kubelet => 15,
            Self::KubeProxy => 8,
            Self::Coredns => 85,
            Self::Grpcurl => 23,
            Self::Helm => 95,
        }
    }

    /// What the linker is told.
    fn linker_flags(self, version: &str) -> String {
        let mut flags = "-s -w".to_owned();
        if self.folder() == "kubernetes" {
            let mut numbers = version.trim_start_matches('v').split('.');
            let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
            for package in KUBERNETES_VERSIONS {
                for (name, value) in [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor)] {
                    flags.push_str(&format!(" -X {package}.{name}={value}"));
                }
            }
        }
        flags
    }

    /// The folder with the `go.mod` of its module.
    fn module(self) -> PathBuf {
        program::checkout().join("tests/cluster/tools").join(self.folder())
    }
}

/// The tools that such a cluster runs, and kubectl.
pub fn of(options: &ClusterOptions) -> Vec<Tool> {
    let mut tools: Vec<_> = crate::component::Component::of(options).filter_map(|component| component.tool()).collect();
    tools.push(Tool::Kubectl);
    if options.node == Node::Real {
        tools.push(Tool::Coredns);
    }
    tools.dedup();
    tools
}

/// Where a tool is. It is built first where it is not: once on a machine for its version and the flags that it is built with.
/// Others who want it meanwhile wait. What is built, and how long that takes, is said on standard error.
///
/// # Errors
/// Where its module names no version, no Go toolchain is to be had, or it does not build: what the compiler said.
pub fn path(tool: Tool) -> Result<PathBuf> {
    let recipe = Recipe::of(tool)?;
    let file = recipe.file();
    if !file.is_file() {
        build::build(&recipe)?;
    }
    Ok(file)
}

/// Where those tools of this list are, of which some are built first.
///
/// # Errors
/// As [`path`].
pub fn ensure(tools: &[Tool]) -> Result<()> {
    let mut left: Vec<_> = tools.iter().map(|tool| Recipe::of(*tool)).collect::<Result<_>>()?;
    left.retain(|recipe| !recipe.file().is_file());
    let seconds: u32 = left.iter().map(|recipe| recipe.tool.cold_seconds()).sum();
    if left.len() > 1 {
        let names: Vec<_> = left.iter().map(|recipe| recipe.tool.name()).collect();
        eprintln!(
            "==> Building {} tools of the test cluster, once: {} (up to {} min on two idle cores)",
            left.len(),
            names.join(", "),
            seconds.div_ceil(60)
        );
    }
    left.iter().try_for_each(build::build)
}

/// kwok's own description of what its nodes and pods go through.
///
/// # Errors
/// As [`path`].
pub(crate) fn kwok_stages() -> Result<PathBuf> {
    Ok(path(Tool::Kwok)?.with_file_name(build::STAGES))
}

/// How a tool is built, and so where it is kept.
struct Recipe {
    tool: Tool,
    version: String,
    module: PathBuf,
    flags: String,
    folder: PathBuf,
}

impl Recipe {
    fn of(tool: Tool) -> Result<Self> {
        let module = tool.module();
        let read = |name: &str| {
            let file = module.join(name);
            fs::read_to_string(&file).with_context(|| file.display().to_string())
        };
        let (manifest, sums) = (read("go.mod")?, read("go.sum")?);
        let version = version_in(&manifest, tool.source().0)
            .with_context(|| format!("{}/go.mod requires no {}", module.display(), tool.source().0))?;
        let flags = tool.linker_flags(&version);
        let mut key = Sha256::new();
        for part in [tool.package().as_str(), &manifest, &sums, &flags, std::env::consts::ARCH] {
            key.update(part.as_bytes());
            key.update([0]);
        }
        let key = const_hex::encode(key.finalize().get(..6).unwrap_or_default());
        let folder = go::cache()?.join("cluster-tools").join(format!("{}-{version}-{key}", tool.name()));
        Ok(Self { tool, version, module, flags, folder })
    }

    fn file(&self) -> PathBuf {
        self.folder.join(self.tool.name())
    }

    /// What only one process at a time holds.
    fn lock(&self) -> PathBuf {
        let mut name = self.folder.as_os_str().to_owned();
        name.push(".lock");
        name.into()
    }

    fn above(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }
}

/// The version in which a `go.mod` requires a module.
fn version_in(manifest: &str, module: &str) -> Option<String> {
    let required = |line: &str| {
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        (words.next()? == module).then(|| words.next().map(str::to_owned))?
    };
    manifest.lines().filter(|line| !line.contains("=>")).filter_map(required).find(|version| version.starts_with('v'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_required() {
        let manifest =
            "tool k8s.io/a/cmd/b\n\nrequire (\n\tk8s.io/a v1.2.3 // indirect\n)\nreplace k8s.io/a => k8s.io/a v9\n";
        assert_eq!(version_in(manifest, "k8s.io/a").as_deref(), Some("v1.2.3"));
        assert_eq!(version_in("require k8s.io/b v1.0.0\n", "k8s.io/b").as_deref(), Some("v1.0.0"));
        assert_eq!(version_in(manifest, "k8s.io"), None);
    }

    #[test]
    fn every_tool_has_a_module_with_its_package() {
        for tool in Tool::ALL {
            let recipe = Recipe::of(tool).unwrap();
            let manifest = fs::read_to_string(recipe.module.join("go.mod")).unwrap();
            assert!(manifest.lines().any(|line| line.trim().trim_start_matches("tool ") == tool.package()), "{tool:?}");
        }
    }

    #[test]
    fn programs_of_kubernetes_know_their_version() {
        let flags = Tool::Kubectl.linker_flags("v1.34.4");
        assert!(flags.contains("-X k8s.io/client-go/pkg/version.gitVersion=v1.34.4"), "{flags}");
        assert!(flags.contains("-X k8s.io/component-base/version.gitMinor=34"), "{flags}");
        assert_eq!(Tool::Etcd.linker_flags("v3.6.7"), "-s -w");
    }
}
