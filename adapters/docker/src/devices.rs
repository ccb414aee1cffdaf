//! Devices that a container needs, checked against the host before it starts: what cannot be seen counts as missing.

mod nvidia;

use std::path::Path;

use bollard::models::{DeviceMapping, DeviceRequest};
use hourglass_core::hardware::{self, HardwareRequirements};
use hourglass_core::resources::Resources;

use crate::failure::StartFailure;
use crate::options::Options;

/// What of the engine matters to devices.
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineFacts {
    /// The names of its runtimes.
    pub(crate) runtimes: Vec<String>,
}

/// As the engine takes them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Devices {
    /// Through drivers of the engine.
    pub(crate) requests: Vec<DeviceRequest>,
    /// Device files.
    pub(crate) files: Vec<DeviceMapping>,
}

/// The devices of a performer, each of which this host has.
///
/// GPUs are not handed out exclusively: the engine does not know which are in use, and performers that ask for less than
/// all of them share the first ones.
///
/// # Errors
/// Refused, with what to install or to mount.
pub(crate) fn check(
    requirements: &HardwareRequirements,
    resources: &Resources,
    options: &Options,
    facts: &EngineFacts,
) -> Result<Devices, StartFailure> {
    let wanted = hardware::devices(requirements, resources)
        .map_err(|error| StartFailure::refused(error.reason(), format!("{error}; {}", error.remedy())))?;
    let mut devices = Devices::default();
    if wanted.is_empty() {
        return Ok(devices);
    }
    visible(options, Path::new("/"))?;
    for device in &wanted {
        match device {
            hardware::DeviceRequest::Gpus { driver, count, products } => {
                devices.requests.push(nvidia::request(&options.host_root, facts, driver, *count, products)?);
            }
            hardware::DeviceRequest::File { path } => devices.files.push(file(&options.host_root, path)?),
        }
    }
    Ok(devices)
}

/// What to do where the host is not seen from the executor's container.
const MOUNT: &str = "mount the host's /dev, /proc and /sys read-only into the executor's container, as in `-v /dev:/host/dev:ro` \
                     (not its /, where the engine's socket is), and set docker.host_root to /host";

/// Whether the engine's host is seen under `options.host_root`; `own` is our own root.
fn visible(options: &Options, own: &Path) -> Result<(), StartFailure> {
    if options.host_root != Path::new("/") {
        return Ok(());
    }
    let remote = options.host.as_deref().and_then(|host| host.split_once("://")).is_some_and(|(scheme, rest)| {
        let local = ["127.", "localhost", "[::1]"].iter().any(|local| rest.starts_with(local));
        scheme != "unix" && !local
    });
    let contained = own.join(".dockerenv").exists() || own.join("run/.containerenv").exists();
    match (contained, remote) {
        (true, _) => Err(StartFailure::refused(
            "HostNotVisible",
            format!("devices cannot be checked from inside the executor's container: {MOUNT}"),
        )),
        (false, true) => Err(StartFailure::refused(
            "HostNotVisible",
            "devices cannot be checked: the engine is on another host; run the executor where the devices are",
        )),
        (false, false) => Ok(()),
    }
}

fn file(root: &Path, path: &'static str) -> Result<DeviceMapping, StartFailure> {
    if !under(root, "/dev").is_dir() {
        let message =
            format!("docker.host_root is {}, and nothing is mounted at dev below it: {MOUNT}", root.display());
        return Err(StartFailure::refused("HostNotVisible", message));
    }
    if !under(root, path).exists() {
        let message = format!("this host has no {path}: {}", remedy(path));
        return Err(StartFailure::refused("DeviceMissing", message));
    }
    Ok(DeviceMapping {
        path_on_host: Some(path.into()),
        path_in_container: Some(path.into()),
        cgroup_permissions: Some("rw".into()),
    })
}

fn under(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn remedy(path: &str) -> &'static str {
    match path {
        "/dev/sgx_enclave" => {
            "SGX needs a processor that has it, SGX (and FLC) enabled in the BIOS, and Linux 5.11 or later with \
             CONFIG_X86_SGX"
        }
        "/dev/sev" => {
            "SEV needs an AMD EPYC processor, SME/SEV enabled in the BIOS, and the module kvm_amd loaded with sev=1; the \
             device belongs to the host, not to a guest"
        }
        "/dev/tdx_guest" => "run the executor in a TDX guest, with Linux 6.2 or later and CONFIG_TDX_GUEST_DRIVER",
        _ => "load the driver that makes it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tee(name: &str) -> HardwareRequirements {
        HardwareRequirements { tee_type: Some(name.into()), tee_required: true, ..HardwareRequirements::default() }
    }

    fn host(files: &[&str]) -> (tempfile::TempDir, Options) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = under(root.path(), file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let options = Options { host_root: root.path().into(), ..Options::default() };
        (root, options)
    }

    #[test]
    fn nothing_asked_is_nothing_checked() {
        let none = (HardwareRequirements::default(), Resources::default());
        assert_eq!(check(&none.0, &none.1, &Options::default(), &EngineFacts::default()), Ok(Devices::default()));
    }

    #[test]
    fn enclaves() {
        for (name, path) in [("sgx", "/dev/sgx_enclave"), ("SEV", "/dev/sev"), ("tdx", "/dev/tdx_guest")] {
            let ask = |options: &Options| check(&tee(name), &Resources::default(), options, &EngineFacts::default());
            let (_root, options) = host(&[path]);
            let found = ask(&options).unwrap();
            assert_eq!(found.files[0].path_on_host.as_deref(), Some(path));
            assert!(found.requests.is_empty());
            let (_root, options) = host(&["/dev/null"]);
            let failure = ask(&options).unwrap_err();
            assert_eq!((failure.reason, failure.refused), ("DeviceMissing", true));
            assert!(failure.message.contains(path) && failure.message.chars().count() < 280, "{}", failure.message);
        }
        let unknown = check(&tee("x"), &Resources::default(), &Options::default(), &EngineFacts::default());
        assert!(unknown.unwrap_err().refused);
    }

    #[test]
    fn what_cannot_be_seen_is_missing() {
        let (own, _) = host(&["/.dockerenv"]);
        let failure = visible(&Options::default(), own.path()).unwrap_err();
        assert!(failure.refused && failure.message.contains("docker.host_root"));
        let (bare, seen) = host(&[]);
        assert_eq!(visible(&Options::default(), bare.path()), Ok(()));
        assert_eq!(visible(&seen, own.path()), Ok(()), "where the host is mounted, it is seen");
        let unmounted = check(&tee("sgx"), &Resources::default(), &seen, &EngineFacts::default()).unwrap_err();
        assert_eq!(unmounted.reason, "HostNotVisible", "{}", unmounted.message);
        let at = |host: &str| visible(&Options { host: Some(host.into()), ..Options::default() }, bare.path());
        assert!(at("tcp://10.0.0.1:2375").is_err() && at("tcp://127.0.0.1:2375").is_ok() && at("unix:///x").is_ok());
    }
}
