use hourglass_core::Address;
use serde_json::{Value, json};

use super::*;

fn spec() -> PerformerSpec {
    let avs: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
    PerformerSpec::new(avs, "registry.example/performer:v1".parse().unwrap())
}

fn image() -> ImageFacts {
    ImageFacts {
        id: format!("sha256:{}", "ab".repeat(32)),
        exposed_tcp: Vec::new(),
        user: String::new(),
        stop_signal: None,
    }
}

/// As the engine gets it, its keys in order.
fn made(spec: &PerformerSpec, image: &ImageFacts, publish: bool) -> Value {
    let owner = ExecutorId::new([0xcd; 16]);
    let name = "square-0123456789-4".parse().unwrap();
    let body = body(Blueprint {
        owner: &owner,
        name: &name,
        spec,
        image,
        environment: BTreeMap::from([("MODEL".to_owned(), "small".to_owned())]),
        devices: Devices::default(),
        network: if publish { "hourglass-cdcdcdcd" } else { "hourglass-cdcdcdcd-square" },
        publish,
        defaults: &ContainerDefaults::default(),
    });
    serde_json::to_value(body).unwrap()
}

fn shown(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn nothing_asked_for() {
    insta::assert_snapshot!(shown(&made(&spec(), &image(), true)));
}

#[test]
fn everything_asked_for() {
    let mut spec = spec();
    spec.command = vec!["/bin/performer".into(), "--verbose".into()];
    spec.args = vec!["serve".into()];
    spec.port = std::num::NonZeroU16::new(7000);
    for (name, request, limit) in [("cpu", "250m", "1.5"), ("memory", "64Mi", "128Mi")] {
        spec.resources.requests.insert(name.into(), request.parse().unwrap());
        spec.resources.limits.insert(name.into(), limit.parse().unwrap());
    }
    spec.scheduling.runtime_class = Some("runsc".into());
    spec.security.run_as_user = Some(1000);
    spec.security.read_only_root = Some(false);
    spec.security.add_capabilities = vec!["NET_BIND_SERVICE".into()];
    spec.security.allow_privilege_escalation = Some(true);
    spec.security.pids_limit = Some(64);
    spec.security.tmpfs_bytes = Some(1 << 20);
    spec.security.log_max_bytes = Some(1 << 16);
    spec.security.log_max_files = Some(2);
    spec.upgrade.stop_grace = std::time::Duration::from_millis(2500);
    insta::assert_snapshot!(shown(&made(&spec, &image(), false)));
}

#[test]
fn users() {
    let user = |named: &str, asked: Option<u32>| {
        let mut spec = spec();
        spec.security.run_as_user = asked;
        made(&spec, &ImageFacts { user: named.into(), ..image() }, true)["User"].clone()
    };
    for root in ["", "root", "0", "root:root", "0:0", "00"] {
        assert_eq!(user(root, None), "65532:65532", "{root}");
    }
    assert_eq!(user("nobody", None), "nobody");
    assert_eq!(user("1000:1000", None), "1000:1000");
    assert_eq!(user("nobody", Some(7)), "7");
    assert_eq!(user("nobody", Some(0)), "0", "root is had by asking for it");
}

#[test]
fn ports() {
    let port = |asked: Option<u16>, exposed: &[u16]| {
        let mut spec = spec();
        spec.port = asked.and_then(std::num::NonZeroU16::new);
        port(&spec, &ImageFacts { exposed_tcp: exposed.to_vec(), ..image() })
    };
    assert_eq!(port(None, &[]), 9090);
    assert_eq!(port(None, &[8080]), 8080);
    assert_eq!(port(None, &[8080, 9999]), 9090, "which of them is not known");
    assert_eq!(port(Some(1), &[8080]), 1);
}

#[test]
fn limits_at_their_edges() {
    let host = |requests: &[(&str, &str)], limits: &[(&str, &str)]| {
        let mut spec = spec();
        let amounts = |list: &[(&str, &str)]| {
            list.iter().map(|(name, amount)| ((*name).to_owned(), amount.parse().unwrap())).collect()
        };
        (spec.resources.requests, spec.resources.limits) = (amounts(requests), amounts(limits));
        made(&spec, &image(), true)["HostConfig"].clone()
    };
    let plain = host(&[], &[]);
    for field in ["Memory", "MemorySwap", "MemoryReservation", "CpuQuota", "CpuPeriod", "CpuShares", "NanoCpus"] {
        assert_eq!(plain.get(field), None, "{field}");
    }
    let reserved = host(&[("memory", "1Gi")], &[("memory", "64Mi")]);
    assert_eq!((&reserved["Memory"], &reserved["MemorySwap"]), (&json!(64 << 20), &json!(64 << 20)));
    assert_eq!(reserved["MemoryReservation"], 64 << 20, "no more than the limit, which the engine would refuse");
    let small = host(&[("cpu", "1m")], &[("cpu", "1m")]);
    assert_eq!((&small["CpuShares"], &small["CpuQuota"]), (&json!(2), &json!(1000)));
    let large = host(&[("cpu", "1000000")], &[("cpu", "64")]);
    assert_eq!((&large["CpuShares"], &large["CpuQuota"]), (&json!(262_144), &json!(6_400_000)));
    assert_eq!(host(&[], &[("memory", "1000P")])["Memory"], json!(1_000_000_000_000_000_000_i64));
    assert_eq!(host(&[], &[("memory", "1000E")])["Memory"], json!(i64::MAX));
}

#[test]
fn secrets_are_not_in_labels() {
    let body = made(&spec(), &image(), true);
    let labels = shown(&body["Labels"]);
    assert!(!labels.contains("MODEL") && !labels.contains("small"));
    assert!(shown(&body["Env"]).contains("MODEL=small"));
}
