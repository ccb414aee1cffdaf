//! A container's creation, as the executor writes it: every key that may be there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(super) type Empty = BTreeMap<String, serde::de::IgnoredAny>;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Container {
    pub(super) image: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) host_config: Host,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) networking_config: Option<Networking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) working_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exposed_ports: Option<BTreeMap<String, Nothing>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_timeout: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) healthcheck: Option<Healthcheck>,
    // What clients write although it is off.
    #[serde(skip_serializing)]
    pub(super) tty: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) open_stdin: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) attach_stdin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attach_stdout: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attach_stderr: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) volumes: Option<Empty>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Healthcheck {
    pub(super) test: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Networking {
    pub(super) endpoints_config: BTreeMap<String, Option<Endpoint>>,
}

/// How a container joins a network.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Endpoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aliases: Option<Vec<String>>,
    /// Which of a container's networks leads outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gw_priority: Option<i64>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Host {
    pub(super) network_mode: String,
    pub(super) cap_drop: Vec<String>,
    pub(super) pids_limit: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cap_add: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) security_opt: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) readonly_rootfs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tmpfs: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_swap: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_reservation: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_swappiness: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nano_cpus: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_quota: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_shares: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shm_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ulimits: Option<Vec<Ulimit>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_config: Option<Log>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port_bindings: Option<BTreeMap<String, Option<Vec<Binding>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) init: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) devices: Option<Vec<Device>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_requests: Option<Vec<Gpus>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_policy: Option<Restart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ipc_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cgroupns_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) oom_score_adj: Option<i64>,
    // Named here so that asking for them is answered plainly; they are never passed on.
    #[serde(skip_serializing)]
    pub(super) privileged: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) publish_all_ports: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) auto_remove: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) oom_kill_disable: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) binds: Option<Vec<String>>,
    #[serde(skip_serializing)]
    pub(super) mounts: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(skip_serializing)]
    pub(super) volumes_from: Option<Vec<String>>,
    #[serde(skip_serializing)]
    pub(super) pid_mode: Option<String>,
    #[serde(skip_serializing)]
    pub(super) userns_mode: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Ulimit {
    pub(super) name: String,
    pub(super) soft: i64,
    pub(super) hard: i64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Log {
    pub(super) r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Binding {
    pub(super) host_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host_port: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Device {
    pub(super) path_on_host: String,
    pub(super) path_in_container: String,
    pub(super) cgroup_permissions: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Gpus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) driver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<i64>,
    #[serde(rename = "DeviceIDs", skip_serializing_if = "Option::is_none")]
    pub(super) device_ids: Option<Vec<String>>,
    pub(super) capabilities: Vec<Vec<String>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Restart {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) maximum_retry_count: u32,
}
