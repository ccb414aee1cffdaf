use super::*;
use crate::proxy::PermitError;

fn with(path: &str, value: Value) -> Value {
    let mut body = container();
    let mut place = &mut body;
    for part in path.split('.') {
        place = place.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
    }
    *place = value;
    body
}

fn refusal(path: &str, value: Value) -> Refusal {
    match created(&with(path, value), &Permits::default()) {
        Ok((body, _)) => panic!("let through: {body}"),
        Err(refusal) => refusal,
    }
}

#[test]
fn a_container_as_the_executor_makes_it_is_sent_unchanged() {
    let (sent, networks) = created(&container(), &Permits::default()).unwrap();
    let mut expected = container();
    expected["HostConfig"].as_object_mut().unwrap().remove("Privileged");
    expected["HostConfig"]["RestartPolicy"]["MaximumRetryCount"] = 0.into();
    assert_eq!(sent, expected);
    assert_eq!(networks, ["hourglass-01234567"]);
}

#[test]
fn what_would_give_it_the_host_is_refused() {
    for (path, value, rule) in [
        ("HostConfig.Privileged", json!(true), "privileged"),
        ("HostConfig.Binds", json!(["/:/host"]), "mounts"),
        ("HostConfig.Mounts", json!([{ "Type": "bind", "Source": "/", "Target": "/host" }]), "mounts"),
        ("HostConfig.VolumesFrom", json!(["other"]), "mounts"),
        ("Volumes", json!({ "/data": {} }), "mounts"),
        ("HostConfig.PidMode", json!("host"), "namespaces"),
        ("HostConfig.PidMode", json!("container:abc"), "namespaces"),
        ("HostConfig.IpcMode", json!("host"), "namespaces"),
        ("HostConfig.IpcMode", json!("shareable"), "namespaces"),
        ("HostConfig.UsernsMode", json!("host"), "namespaces"),
        ("HostConfig.CgroupnsMode", json!("host"), "namespaces"),
        ("HostConfig.NetworkMode", json!("host"), "namespaces"),
        ("HostConfig.NetworkMode", json!("container:abc"), "namespaces"),
        ("HostConfig.NetworkMode", json!(""), "namespaces"),
        ("HostConfig.UTSMode", json!("host"), "body"),
        ("HostConfig.CgroupParent", json!("/"), "body"),
        ("HostConfig.Sysctls", json!({ "kernel.x": "1" }), "body"),
        ("HostConfig.DeviceCgroupRules", json!(["a *:* rwm"]), "body"),
        ("HostConfig.MaskedPaths", json!([]), "body"),
        ("HostConfig.ReadonlyPaths", json!([]), "body"),
        ("HostConfig.VolumeDriver", json!("x"), "body"),
        ("HostConfig.ExtraHosts", json!(["a:1.2.3.4"]), "body"),
        ("HostConfig.GroupAdd", json!(["docker"]), "body"),
        ("HostConfig.CapDrop", json!([]), "capabilities"),
        ("HostConfig.CapDrop", json!(["NET_RAW"]), "capabilities"),
        ("HostConfig.CapAdd", json!(["SYS_ADMIN"]), "capabilities"),
        ("HostConfig.CapAdd", json!(["cap_net_bind_service"]), "capabilities"),
        ("HostConfig.SecurityOpt", json!([]), "security-options"),
        ("HostConfig.SecurityOpt", json!(["no-new-privileges", "seccomp=unconfined"]), "security-options"),
        ("HostConfig.SecurityOpt", json!(["no-new-privileges", "apparmor=unconfined"]), "security-options"),
        ("HostConfig.SecurityOpt", json!(["no-new-privileges:false"]), "security-options"),
        ("HostConfig.SecurityOpt", json!(["no-new-privileges", "systempaths=unconfined"]), "security-options"),
        ("HostConfig.Devices", json!([device("/dev/sda")]), "devices"),
        ("HostConfig.DeviceRequests", json!([{ "Count": -1, "Capabilities": [["gpu"]] }]), "devices"),
        ("HostConfig.Runtime", json!("kata"), "runtime"),
        ("HostConfig.PidsLimit", json!(0), "pids-limit"),
        ("HostConfig.PidsLimit", json!(-1), "pids-limit"),
        ("HostConfig.PidsLimit", Value::Null, "body"),
        ("HostConfig.OomKillDisable", json!(true), "lifecycle"),
        ("HostConfig.OomScoreAdj", json!(-1000), "lifecycle"),
        ("HostConfig.AutoRemove", json!(true), "lifecycle"),
        ("HostConfig.RestartPolicy", json!({ "Name": "always" }), "restart-policy"),
        ("HostConfig.PublishAllPorts", json!(true), "ports"),
        ("HostConfig.PortBindings", json!({ "9090/tcp": [{ "HostIp": "0.0.0.0" }] }), "ports"),
        ("HostConfig.PortBindings", json!({ "9090/tcp": [{ "HostIp": "" }] }), "ports"),
        ("HostConfig.PortBindings", json!({ "9090/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "22" }] }), "ports"),
        ("HostConfig.Tmpfs", json!({ "/proc/x": "" }), "tmpfs"),
        ("HostConfig.Tmpfs", json!({ "//proc": "" }), "tmpfs"),
        ("HostConfig.Tmpfs", json!({ "/a/../../x": "" }), "tmpfs"),
        ("HostConfig.Tmpfs", json!({ "/tmp": "bind:/" }), "tmpfs"),
        ("HostConfig.LogConfig", json!({ "Type": "syslog", "Config": {} }), "logging"),
        ("HostConfig.LogConfig", json!({ "Type": "json-file", "Config": { "labels": "x" } }), "logging"),
        ("HostConfig.Ulimits", json!([{ "Name": "rtprio", "Soft": 1, "Hard": 1 }]), "ulimits"),
        ("Tty", json!(true), "terminal"),
        ("OpenStdin", json!(true), "terminal"),
        ("Healthcheck", json!({ "Test": ["CMD", "x"] }), "healthcheck"),
        ("Labels", json!({}), "labels"),
        ("Labels", json!({ "hourglass.eigenlayer.io/executor": "ffffffffffffffffffffffffffffffff" }), "labels"),
        ("NetworkingConfig", json!({ "EndpointsConfig": { "x": { "IPAMConfig": {} } } }), "body"),
        ("NetworkingConfig", json!({ "EndpointsConfig": { "a/b": {} } }), "namespaces"),
        ("MacAddress", json!("00:00:00:00:00:00"), "body"),
        ("HostConfig", Value::Null, "body"),
    ] {
        assert_eq!(refusal(path, value.clone()).rule, rule, "{path} {value}");
    }
}

fn device(path: &str) -> Value {
    json!({ "PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rw" })
}

#[test]
fn labels_for_other_software_are_refused() {
    let mut body = container();
    body["Labels"]["traefik.http.routers.x.rule"] = json!("Host(`x`)");
    assert_eq!(created(&body, &Permits::default()).unwrap_err().rule, "labels");
}

#[test]
fn keys_that_the_engine_would_read_otherwise_are_refused() {
    let raw = container().to_string();
    let body = |from: &str, to: &str| {
        assert!(raw.contains(from), "{from}");
        rule_of("POST", CREATE, raw.replace(from, to).as_bytes())
    };
    let before = r#""Memory":"#;
    for key in
        ["privileged", "PRIVILEGED", "binds", "Bind\\u0073 ", "Mount\u{017f}", "capAdd", "NetworkMode ", "hostconfig"]
    {
        assert_eq!(body(before, &format!(r#""{key}":null,"Memory":"#)), "body", "{key}");
    }
    // Twice: the engine takes the last, or merges them.
    assert_eq!(body(before, r#""Memory":1,"Memory":"#), "body");
    assert_eq!(body(r#""Privileged":false"#, r#""Privileged":false,"Privileged":true"#), "body");
    assert_eq!(body(r#""Image":"#, r#""HostConfig":{},"Image":"#), "body");
    assert_eq!(body(r#""Privileged":false"#, r#""Privi\u006ceged":true"#), "privileged", "an escape is the same key");
    // More than one document, or none.
    assert_eq!(rule_of("POST", CREATE, format!("{raw}{raw}").as_bytes()), "body");
    for text in ["", "null", "[]", "{}", "{", "\"x\"", "\u{feff}{}"] {
        assert_eq!(rule_of("POST", CREATE, text.as_bytes()), "body", "{text}");
    }
    assert_eq!(rule_of("POST", CREATE, "[".repeat(100_000).as_bytes()), "body");
    // Of two labels the last counts, and only that one is sent.
    let executor = "hourglass.eigenlayer.io/executor";
    let twice = raw.replace(&format!(r#""{executor}":"{ID}""#), &format!(r#""{executor}":"{ID}","{executor}":"x""#));
    assert_eq!(rule_of("POST", CREATE, twice.as_bytes()), "labels");
}

#[test]
fn names_are_this_executors() {
    let raw = container().to_string();
    for name in
        ["other", "hourglass-76543210-a", "hourglass-01234567", "hourglass-01234567x-a", "hourglass-01234567-%2F"]
    {
        let target = format!("/containers/create?name={name}");
        assert_eq!(rule_of("POST", &target, raw.as_bytes()), "names", "{name}");
    }
    assert_eq!(rule_of("POST", "/containers/create", raw.as_bytes()), "names");
}

#[test]
fn what_is_permitted_is_let_through() {
    let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let permits = Permits {
        capabilities: set(&["CAP_NET_BIND_SERVICE"]),
        devices: set(&["/dev/sgx_enclave"]),
        runtimes: set(&["kata"]),
        gpus: true,
        new_privileges: true,
        ..Permits::default()
    };
    let permits = permits.checked().unwrap();
    for (path, value) in [
        ("HostConfig.CapAdd", json!(["NET_BIND_SERVICE"])),
        ("HostConfig.CapAdd", json!(["cap_net_bind_service"])),
        ("HostConfig.Devices", json!([device("/dev/sgx_enclave")])),
        ("HostConfig.Runtime", json!("kata")),
        ("HostConfig.SecurityOpt", json!(["no-new-privileges:false"])),
        ("HostConfig.DeviceRequests", json!([{ "Driver": "nvidia", "Count": 2, "Capabilities": [["gpu"]] }])),
    ] {
        assert!(created(&with(path, value.clone()), &permits).is_ok(), "{path} {value}");
    }
    let both = with("HostConfig.Devices", json!([device("/dev/sgx_enclave"), device("/dev/sgx_provision")]));
    assert_eq!(created(&both, &permits).unwrap_err().rule, "devices");
    let elsewhere =
        json!([{ "PathOnHost": "/dev/sgx_enclave", "PathInContainer": "/dev/x", "CgroupPermissions": "rw" }]);
    assert_eq!(created(&with("HostConfig.Devices", elsewhere), &permits).unwrap_err().rule, "devices");
    let other = json!([{ "Driver": "cdi", "Count": 1, "Capabilities": [["gpu"]] }]);
    assert_eq!(created(&with("HostConfig.DeviceRequests", other), &permits).unwrap_err().rule, "devices");
}

#[test]
fn some_things_are_never_permitted() {
    let one = |value: &str| [value.to_owned()].into();
    for permits in [
        Permits { capabilities: one("cap_sys_admin"), ..Permits::default() },
        Permits { capabilities: one("all"), ..Permits::default() },
        Permits { networks: one("host"), ..Permits::default() },
        Permits { devices: one("/dev/sda1"), ..Permits::default() },
        Permits { devices: one("/dev/mem"), ..Permits::default() },
    ] {
        assert!(matches!(permits.clone().checked(), Err(PermitError::Host { .. })), "{permits:?}");
    }
    for permits in [
        Permits { networks: one("container:x"), ..Permits::default() },
        Permits { devices: one("/dev/../etc"), ..Permits::default() },
        Permits { devices: one("/etc/shadow"), ..Permits::default() },
    ] {
        assert!(matches!(permits.clone().checked(), Err(PermitError::Malformed { .. })), "{permits:?}");
    }
}

#[test]
fn networks_are_plain_bridges_of_this_executor() {
    let network = json!({
        "Name": "hourglass-01234567", "Driver": "bridge", "Labels": labels(),
        "Options": { "com.docker.network.bridge.enable_icc": "false" },
    });
    let judge = |body: &Value| judged("POST", "/networks/create", body.to_string().as_bytes(), &Permits::default());
    match judge(&network).unwrap().1 {
        Pending::Ready(Body::Json(sent)) => assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), network),
        other => panic!("{other:?}"),
    }
    for (key, value, rule) in [
        ("Name", json!("bridge"), "names"),
        ("Name", json!("hourglass-012345678"), "names"),
        ("Driver", json!("host"), "network"),
        ("Driver", json!("macvlan"), "network"),
        ("Options", json!({ "com.docker.network.bridge.name": "docker0" }), "network"),
        ("Options", json!({ "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0" }), "network"),
        ("Attachable", json!(true), "network"),
        ("Ingress", json!(true), "network"),
        ("IPAM", json!({ "Config": [] }), "body"),
        ("ConfigFrom", json!({ "Network": "x" }), "body"),
        ("Labels", json!({}), "labels"),
    ] {
        let mut body = network.clone();
        body[key] = value;
        assert_eq!(judge(&body).unwrap_err().rule, rule, "{body}");
    }
    let connect =
        |body: &str| judged("POST", "/networks/hourglass-01234567/connect", body.as_bytes(), &Permits::default());
    assert!(connect(r#"{"Container":"abc","EndpointConfig":{"Aliases":["x"]}}"#).is_ok());
    assert!(connect(r#"{"Container":"abc","EndpointConfig":{"GwPriority":-1}}"#).is_ok());
    for body in [r#"{"Container":"a/b"}"#, r#"{"Container":".."}"#] {
        assert_eq!(connect(body).unwrap_err().rule, "names");
    }
    assert_eq!(connect(r#"{"Container":"abc","EndpointConfig":{"IPAMConfig":{}}}"#).unwrap_err().rule, "body");
}
