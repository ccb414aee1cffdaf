//! Which Debian packages give what, and installing those that are missing.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::commands;

/// Where only one process at a time gets past.
const LOCK: &str = "/run/lock/hourglass-environment-packages";
/// Says to a package's own scripts whether they may start services.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// How often the package lists and the packages are fetched before it is given up: mirrors fail now and then.
const ATTEMPTS: u32 = 3;

/// Something real that tests or the demo run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Component {
    /// A Docker engine: `dockerd` with what it runs.
    Engine,
    /// An image registry.
    Registry,
    /// Some Go, old or new: enough to fetch the one that is wanted.
    Go,
    /// The roots of certificates that images carry.
    Certificates,
    /// `systemd-analyze`, which judges a unit.
    Systemd,
    /// `docker-compose`, which brings up the compose file.
    Compose,
    /// What a kubelet needs on its machine: a container runtime, plugins for networks, a firewall.
    Node,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Engine, Self::Registry, Self::Go, Self::Certificates, Self::Systemd, Self::Compose, Self::Node];

    /// Those that `make test` and the demo cannot do without.
    pub const NEEDED: [Self; 4] = [Self::Engine, Self::Registry, Self::Certificates, Self::Node];

    /// Its word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Registry => "registry",
            Self::Go => "go",
            Self::Certificates => "certificates",
            Self::Systemd => "systemd",
            Self::Compose => "compose",
            Self::Node => "node",
        }
    }

    /// What it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Engine => "a Docker engine: dockerd, containerd, runc, iptables, ip",
            Self::Registry => "an image registry on loopback: docker-registry",
            Self::Go => "a Go toolchain, with which a newer one is fetched",
            Self::Certificates => "the certificate roots that images carry",
            Self::Systemd => "systemd-analyze, which judges the unit of the executor",
            Self::Compose => "docker-compose, which runs the compose file",
            Self::Node => "a node of a cluster: containerd, runc, plugins for networks, iptables, ip, conntrack",
        }
    }

    /// What proves that it is there, and the package that brings it.
    fn parts(self) -> &'static [(Part, &'static str)] {
        use Part::{Command, File};
        match self {
            Self::Engine => &[
                (Command("dockerd"), "docker.io"),
                (Command("docker-proxy"), "docker.io"),
                (Command("containerd"), "containerd"),
                (Command("containerd-shim-runc-v2"), "containerd"),
                (Command("runc"), "runc"),
                (Command("iptables"), "iptables"),
                (Command("ip"), "iproute2"),
            ],
            Self::Registry => &[(Command("docker-registry"), "docker-registry")],
            Self::Go => &[(Command("go"), "golang-go")],
            Self::Certificates => &[(File("/etc/ssl/certs/ca-certificates.crt"), "ca-certificates")],
            Self::Systemd => &[(Command("systemd-analyze"), "systemd")],
            Self::Compose => &[(Command("docker-compose"), "docker-compose")],
            Self::Node => &[
                (Command("containerd"), "containerd"),
                (Command("containerd-shim-runc-v2"), "containerd"),
                (Command("ctr"), "containerd"),
                (Command("runc"), "runc"),
                (File("/usr/lib/cni/ptp"), "containernetworking-plugins"),
                (File("/usr/lib/cni/portmap"), "containernetworking-plugins"),
                (Command("iptables"), "iptables"),
                (Command("ip"), "iproute2"),
                (Command("conntrack"), "conntrack"),
                (Command("mount"), "mount"),
            ],
        }
    }

    /// The packages that bring what is missing, each once; none where all is there.
    pub fn missing(self) -> Vec<&'static str> {
        let mut packages: Vec<_> =
            self.parts().iter().filter(|(part, _)| !part.is_there()).map(|(_, package)| *package).collect();
        packages.dedup();
        packages
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Component {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|each| each.name() == text).with_context(|| format!("known components: {}", known()))
    }
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Command(&'static str),
    File(&'static str),
}

impl Part {
    fn is_there(self) -> bool {
        match self {
            Self::Command(name) => commands::find(name).is_some(),
            Self::File(path) => Path::new(path).exists(),
        }
    }
}

/// Installs what is missing of these components. Services are neither started nor enabled.
///
/// Waits for other processes that do the same. What it installs it says on standard error.
///
/// # Errors
/// Where something is missing and this process is not root, or the system has no `apt-get`: says what to install. Where
/// `apt-get` fails three times: what it said.
pub fn ensure(components: &[Component]) -> Result<()> {
    if missing(components).is_empty() {
        return Ok(());
    }
    let _alone = alone()?;
    let packages = missing(components);
    if packages.is_empty() {
        return Ok(());
    }
    let wanted = packages.join(" ");
    if !rustix::process::geteuid().is_root() {
        bail!("packages are missing and this user may not install them: run 'apt-get install {wanted}' as root");
    }
    if commands::find("apt-get").is_none() {
        let commands: Vec<_> = components
            .iter()
            .flat_map(|each| each.parts())
            .filter(|(part, _)| !part.is_there())
            .map(|(part, _)| match part {
                Part::Command(name) | Part::File(name) => *name,
            })
            .collect();
        bail!("missing: {}; there is no apt-get: install what Debian has as {wanted}", commands.join(", "));
    }
    eprintln!("==> Installing {wanted} (for: {})", components.iter().map(|c| c.name()).collect::<Vec<_>>().join(", "));
    install(&packages)?;
    let still = missing(components);
    if !still.is_empty() {
        bail!("{} was installed and yet does not give what is needed", still.join(" "));
    }
    Ok(())
}

fn missing(components: &[Component]) -> Vec<&'static str> {
    let mut packages: Vec<_> = components.iter().flat_map(|each| each.missing()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn install(packages: &[&str]) -> Result<()> {
    let no_services = NoServices::begin()?;
    let mut last = None;
    for attempt in 1..=ATTEMPTS {
        // What is known already may be enough, and then no mirror has to be asked for its lists.
        let done = if attempt == 1 { Ok(()) } else { apt(&["update"]) };
        match done.and_then(|()| apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())) {
            Ok(()) => {
                no_services.end();
                return Ok(());
            }
            Err(error) => {
                eprintln!("==> Attempt {attempt} of {ATTEMPTS}: {error:#}");
                last = Some(error);
                if attempt > 1 {
                    std::thread::sleep(Duration::from_secs(5));
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("apt-get was never run")))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        // Another apt may hold the lock for a while.
        .args(["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=3"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("PATH", std::env::join_paths(commands::search_path())?)
        .stdin(Stdio::null())
        .output()
        .context("running apt-get")?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<_> = said.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n");
        bail!("apt-get {}: {}:\n{tail}", arguments.join(" "), output.status);
    }
    Ok(())
}

/// Held while one process installs; the kernel frees it however that ends.
fn alone() -> Result<File> {
    let path = if rustix::process::geteuid().is_root() {
        PathBuf::from(LOCK)
    } else {
        std::env::temp_dir().join("hourglass-environment-packages")
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(&path).with_context(|| path.display().to_string())?;
    file.lock()?;
    Ok(file)
}

/// While it lives, packages that are installed start no service.
struct NoServices {
    /// Whether the policy is ours to remove.
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<Self> {
        let written = OpenOptions::new().write(true).create_new(true).mode(0o755).open(POLICY);
        match written {
            Ok(mut file) => {
                file.write_all(
                    b"#!/bin/sh\n# hourglass-environment: removed again when the packages are installed\nexit 101\n",
                )?;
                Ok(Self { ours: true })
            }
            // Somebody forbids services already, or a process of ours was killed here: both do what is wanted.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let left = fs::read_to_string(POLICY).is_ok_and(|text| text.contains("hourglass-environment"));
                Ok(Self { ours: left })
            }
            Err(error) => Err(error).context(POLICY),
        }
    }

    /// Also not at the next boot, where the machine boots with systemd.
    fn end(self) {
        if Path::new("/run/systemd/system").is_dir() {
            for unit in ["docker.socket", "docker.service", "containerd.service", "docker-registry.service"] {
                // Most are not there; then there is nothing to disable.
                let _absent = commands::run("systemctl", ["disable", "--quiet", unit]);
            }
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _gone = fs::remove_file(POLICY);
        }
    }
}
