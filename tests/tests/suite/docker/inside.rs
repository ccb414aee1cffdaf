//! Looking into a container: from the kernel's side, and through a program that runs in it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bollard::Docker;
use bollard::exec::StartExecResults;
use bollard::models::ContainerInspectResponse;
use bollard::models::ExecConfig;
use bollard::query_parameters::InspectContainerOptions;
use futures_util::StreamExt as _;
use hourglass_environment::image::Image;
use hourglass_environment::statics;
use hourglass_tests::repository;
use hourglass_tests::running::ground::performer;

/// Where the guest is in images of [`image`].
const GUEST: &str = "/guest";

/// The guest, compiled once.
fn guest() -> &'static Path {
    static GUEST: OnceLock<PathBuf> = OnceLock::new();
    GUEST.get_or_init(|| {
        let source = repository::root().join("tests/tests/suite/docker/guest.rs");
        let program = tempfile::tempdir().unwrap().keep().join("guest");
        statics::compile(&source, &program).unwrap();
        program
    })
}

/// The sample performer with the guest beside it.
pub(super) fn image(name: &str) -> Image {
    performer(name).unwrap().file(GUEST, fs::read(guest()).unwrap(), 0o755)
}

/// What became of each target: see the guest.
pub(super) type Reached = BTreeMap<String, String>;

fn read(text: &str) -> Reached {
    let lines = text.lines().filter_map(|line| line.trim_end().rsplit_once(' '));
    lines.map(|(target, outcome)| (target.to_owned(), outcome.to_owned())).collect()
}

/// Tries targets from the host: what is not reached from there either proves nothing.
pub(super) fn from_host(targets: &[String]) -> Reached {
    let output = Command::new(guest()).args(targets).output().unwrap();
    let reached = read(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(reached.len(), targets.len(), "{output:?}");
    reached
}

/// Tries targets from within a container.
pub(super) async fn from_container(docker: &Docker, id: &str, targets: &[String]) -> Reached {
    let command = std::iter::once(GUEST.to_owned()).chain(targets.iter().cloned()).collect();
    let config =
        ExecConfig { cmd: Some(command), attach_stdout: Some(true), attach_stderr: Some(true), ..Default::default() };
    let exec = docker.create_exec(id, config).await.unwrap().id;
    let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec, None).await.unwrap() else {
        panic!("it was to be attached")
    };
    let mut text = String::new();
    while let Some(part) = output.next().await {
        text.push_str(&part.unwrap().to_string());
    }
    let reached = read(&text);
    assert_eq!(reached.len(), targets.len(), "{text}");
    reached
}

/// Those that answered.
pub(super) fn answering(reached: &Reached) -> Vec<&str> {
    reached.iter().filter(|(_, outcome)| *outcome == "answers").map(|(target, _)| target.as_str()).collect()
}

/// Every IPv4 address of this host, loopback included.
pub(super) fn host_addresses() -> Vec<Ipv4Addr> {
    let output = Command::new("ip").args(["-4", "-o", "address", "show"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let addresses = text.lines().filter_map(|line| line.split_whitespace().nth(3)?.split('/').next()?.parse().ok());
    addresses.collect()
}

pub(super) async fn inspect(docker: &Docker, container: &str) -> ContainerInspectResponse {
    docker.inspect_container(container, None::<InspectContainerOptions>).await.unwrap()
}

/// Its addresses, by network.
pub(super) async fn addresses(docker: &Docker, container: &str) -> BTreeMap<String, IpAddr> {
    let networks = inspect(docker, container).await.network_settings.unwrap().networks.unwrap_or_default();
    let address = |settings: bollard::models::EndpointSettings| settings.ip_address?.parse().ok();
    networks.into_iter().filter_map(|(name, settings)| Some((name, address(settings)?))).collect()
}

/// The first process of a container, as the kernel of this host sees it.
#[derive(Debug)]
pub(super) struct Inside {
    pid: i64,
}

impl Inside {
    pub(super) async fn of(docker: &Docker, container: &str) -> Self {
        let pid = inspect(docker, container).await.state.unwrap().pid.unwrap();
        assert!(pid > 0, "{container} does not run");
        Self { pid }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid)).unwrap()
    }

    /// A line of `/proc/<pid>/status`.
    pub(super) fn status(&self, name: &str) -> String {
        let text = self.file("status");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A soft limit.
    pub(super) fn limit(&self, name: &str) -> String {
        let text = self.file("limits");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).split_whitespace().next().unwrap().to_owned()
    }

    /// The options of what is mounted at a path: those of the mount, then those of the file system.
    pub(super) fn mount(&self, path: &str) -> Vec<String> {
        let text = self.file("mountinfo");
        let line = text.lines().find(|line| line.split(' ').nth(4) == Some(path));
        let line = line.unwrap_or_else(|| panic!("nothing at {path}: {text}"));
        let options = line.split(' ').nth(5).into_iter().chain(line.rsplit(' ').next());
        options.flat_map(|options| options.split(',').map(str::to_owned)).collect()
    }

    /// Where anything is mounted.
    pub(super) fn mounts(&self) -> Vec<String> {
        self.file("mountinfo").lines().filter_map(|line| line.split(' ').nth(4).map(str::to_owned)).collect()
    }

    /// A number of its control group: by the file's name in version 1 with its controller, and in version 2.
    pub(super) fn group(&self, (controller, one): (&str, &str), two: &str) -> String {
        let membership = self.file("cgroup");
        let of = |wanted: &str| {
            membership.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                let (names, path) = (parts.next()?, parts.next()?);
                names.split(',').any(|name| name == wanted).then(|| path.trim_start_matches('/').to_owned())
            })
        };
        let file = match of(controller) {
            Some(path) => Path::new("/sys/fs/cgroup").join(controller).join(path).join(one),
            None => Path::new("/sys/fs/cgroup").join(of("").unwrap()).join(two),
        };
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        text.trim().to_owned()
    }
}
