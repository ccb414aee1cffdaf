mod bodies;
mod calls;
mod end_to_end;
mod engine;

use http::{Method, Uri};
use serde_json::{Value, json};

use super::permits::Permits;
use super::refusal::Refusal;
use super::rules::{Body, Identity, Pending, judge};

const ID: &str = "0123456789abcdef0123456789abcdef";

fn identity() -> Identity {
    Identity::new(ID.parse().unwrap())
}

/// What becomes of a request: the target that the engine would see, and what else is to be looked at.
fn judged(method: &str, target: &str, body: &[u8], permits: &Permits) -> Result<(String, Pending), Refusal> {
    let method: Method = method.parse().unwrap();
    let uri: Uri = target.parse().unwrap();
    judge(&method, &uri, body, &identity(), permits).map(|(call, pending)| (call.target(None), pending))
}

fn rule_of(method: &str, target: &str, body: &[u8]) -> &'static str {
    match judged(method, target, body, &Permits::default()) {
        Ok((target, pending)) => panic!("let through: {method} {target} {pending:?}"),
        Err(refusal) => refusal.rule,
    }
}

fn labels() -> Value {
    json!({
        "hourglass.eigenlayer.io/executor": ID,
        "hourglass.eigenlayer.io/instance": "performer-a-1",
    })
}

/// A container as the executor makes one.
fn container() -> Value {
    json!({
        "Image": "ghcr.io/my-org/my-avs@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Env": ["GRPC_PORT=9090", "AVS_ADDRESS=0x12"],
        "User": "65532",
        "Labels": labels(),
        "ExposedPorts": { "9090/tcp": {} },
        "Healthcheck": { "Test": ["NONE"] },
        "StopTimeout": 30,
        "HostConfig": {
            "NetworkMode": "hourglass-01234567",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": true,
            "Tmpfs": { "/tmp": "size=67108864,mode=1777,noexec,nosuid,nodev" },
            "PidsLimit": 1024,
            "Memory": 1_073_741_824,
            "MemorySwap": 1_073_741_824,
            "MemoryReservation": 536_870_912,
            "CpuPeriod": 100_000,
            "CpuQuota": 50_000,
            "IpcMode": "private",
            "CpuShares": 512,
            "LogConfig": { "Type": "json-file", "Config": { "max-size": "10485760", "max-file": "3" } },
            "PortBindings": { "9090/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] },
            "RestartPolicy": { "Name": "no" },
            "Privileged": false,
            "Ulimits": [{ "Name": "nofile", "Soft": 65536, "Hard": 65536 }],
        },
        "NetworkingConfig": { "EndpointsConfig": { "hourglass-01234567": { "Aliases": ["performer-a-1"] } } },
    })
}

const CREATE: &str = "/v1.41/containers/create?name=hourglass-01234567-performer-a-1";

/// What the engine would be sent for it.
fn created(body: &Value, permits: &Permits) -> Result<(Value, Vec<String>), Refusal> {
    match judged("POST", CREATE, body.to_string().as_bytes(), permits)?.1 {
        Pending::Joined { networks, body } => Ok((serde_json::from_slice(&body).unwrap(), networks)),
        other => panic!("{other:?}"),
    }
}

fn is_ready(pending: &Pending) -> bool {
    matches!(pending, Pending::Ready(Body::None | Body::Credentials))
}
