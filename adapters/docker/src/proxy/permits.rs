use std::collections::BTreeSet;

/// What containers may have besides the least; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permits {
    /// Capabilities that may be added, without `CAP_`, in capitals.
    pub capabilities: BTreeSet<String>,
    /// Devices of the host, by their path.
    pub devices: BTreeSet<String>,
    /// Other runtimes of the engine, such as `kata-qemu-snp`.
    pub runtimes: BTreeSet<String>,
    /// Existing networks that containers may join, by name.
    pub networks: BTreeSet<String>,
    /// GPUs, through the engine's device requests.
    pub gpus: bool,
    /// Gaining privileges through files that are set-user-id.
    pub new_privileges: bool,
    /// The name of the executor's own container: it may be inspected, and connected to our networks.
    pub executor_container: Option<String>,
}

/// A permission that must not be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermitError {
    /// It would be as good as the host itself.
    #[error("{what} '{value}' would give a container the host: it is never permitted")]
    Host {
        /// What it was.
        what: &'static str,
        /// Which.
        value: String,
    },
    /// It is none.
    #[error("'{value}' is no {what}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What was given.
        value: String,
    },
}

/// Those with which a process in a container leaves it, or has all of them.
const HOST_CAPABILITIES: &[&str] = &[
    "ALL",
    "BPF",
    "DAC_READ_SEARCH",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
];

impl Permits {
    /// Written one way, and nothing in it that makes the proxy pointless.
    ///
    /// # Errors
    /// [`PermitError`], naming it.
    pub fn checked(mut self) -> Result<Self, PermitError> {
        self.capabilities = self.capabilities.iter().map(|capability| plain_capability(capability)).collect();
        let host = |what, value: &str| Err(PermitError::Host { what, value: value.to_owned() });
        if let Some(capability) = self.capabilities.iter().find(|own| HOST_CAPABILITIES.contains(&own.as_str())) {
            return host("capability", capability);
        }
        if let Some(network) = self.networks.iter().find(|own| matches!(own.as_str(), "host" | "none" | "default")) {
            return host("network", network);
        }
        if let Some(network) = self.networks.iter().find(|own| !super::call::is_name(own)) {
            return Err(PermitError::Malformed { what: "name of a network", value: network.clone() });
        }
        if let Some(device) = self.devices.iter().find(|own| !is_device(own)) {
            return Err(PermitError::Malformed { what: "device, as in /dev/sev", value: device.clone() });
        }
        // A disk or the memory is the host, whoever asks for it.
        let memory =
            ["/dev/mem", "/dev/kmem", "/dev/port", "/dev/sd", "/dev/nvme", "/dev/vd", "/dev/dm-", "/dev/mapper/"];
        if let Some(device) = self.devices.iter().find(|own| memory.iter().any(|prefix| own.starts_with(prefix))) {
            return host("device", device);
        }
        Ok(self)
    }
}

/// As the engine reads it: `cap_net_raw` is `NET_RAW`.
pub(super) fn plain_capability(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}

fn is_device(path: &str) -> bool {
    let rest = path.strip_prefix("/dev/").unwrap_or_default();
    let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte));
    plain && !rest.is_empty() && rest.split('/').all(|part| !part.is_empty())
}
