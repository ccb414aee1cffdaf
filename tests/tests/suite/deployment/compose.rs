use hourglass_tests::{repository, yaml};
use serde_json::{Value, json};

fn file() -> Value {
    yaml::read(&std::fs::read_to_string(repository::root().join("deploy/docker-compose.yml")).unwrap()).unwrap()
}

fn mounts(service: &Value) -> Vec<String> {
    let mounts = service["volumes"].as_array().unwrap();
    mounts.iter().map(|mount| mount.as_str().map_or_else(|| mount.to_string(), str::to_owned)).collect()
}

#[test]
fn both_services_are_hardened_and_never_the_host() {
    for name in ["hourglass-executor", "socket-proxy"] {
        let service = &file()["services"][name];
        assert_eq!(service["read_only"], json!(true), "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}");
        assert_eq!(service["user"], json!("65532:65532"), "{name}");
        assert!(service["pids_limit"].is_i64() && !service["mem_limit"].is_null(), "{name}");
        assert_eq!(service["healthcheck"]["test"][1], json!("/hourglass-executor"), "{name}");
        assert!(service["logging"]["options"]["max-size"].is_string(), "{name}");
        for never in ["privileged", "pid", "ipc", "userns_mode", "cap_add", "devices"] {
            assert!(service[never].is_null(), "{name}: {never}");
        }
    }
}

#[test]
fn the_executor_is_found_by_its_name_and_drains() {
    let executor = &file()["services"]["hourglass-executor"];
    // `docker logs hourglass-executor` is in the specification.
    assert_eq!(executor["container_name"], json!("hourglass-executor"));
    assert!(executor["profiles"].is_null(), "docker-compose up -d alone starts it");
    let seconds: u64 = executor["stop_grace_period"].as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap();
    // server.drain_delay and server.drain_timeout of the example, and 15 s for stopping.
    assert!(seconds >= 5 + 30 + 15, "{seconds}");
    let ports: Vec<_> = executor["ports"].as_array().unwrap().iter().map(|port| port.as_str().unwrap()).collect();
    assert_eq!(
        ports,
        [
            "${EXECUTOR_LISTEN:-0.0.0.0:9095}:9095",
            "${EXECUTOR_MANAGEMENT:-127.0.0.1:9096}:9096",
            "${EXECUTOR_METRICS:-127.0.0.1:8080}:8080",
            "${EXECUTOR_HEALTH:-127.0.0.1:8090}:8090"
        ]
    );
    let mounts = mounts(executor);
    assert!(mounts.contains(&"journal:/var/lib/hourglass".to_owned()), "{mounts:?}");
    for (target, source) in [("/etc/hourglass", "EXECUTOR_CONFIG"), ("/keys", "EXECUTOR_KEYS")] {
        let mount = executor["volumes"].as_array().unwrap().iter().find(|mount| mount["target"] == target).unwrap();
        assert_eq!(mount["read_only"], json!(true), "{target}");
        assert!(mount["source"].as_str().unwrap().contains(source), "{mount}");
    }
}

/// Engines before 28 publish ports through the first network by name, and break their connections when another becomes it.
#[test]
fn no_network_of_a_performer_takes_the_ports() {
    let name = file()["networks"]["default"]["name"].as_str().unwrap().to_owned();
    let default = name.strip_prefix("${EXECUTOR_NETWORK:-").and_then(|rest| rest.strip_suffix('}')).unwrap();
    assert!(default < "hourglass-", "{default}");
}

#[test]
fn with_the_profile_only_the_proxy_has_the_socket() {
    let file = file();
    let (executor, proxy) = (&file["services"]["hourglass-executor"], &file["services"]["socket-proxy"]);
    assert_eq!(proxy["profiles"], json!(["socket-proxy"]));
    assert_eq!(proxy["network_mode"], json!("none"));
    let of_proxy = mounts(proxy);
    assert!(
        of_proxy.contains(&"${DOCKER_SOCKET:-/var/run/docker.sock}:/var/run/docker.sock".to_owned()),
        "{of_proxy:?}"
    );
    assert!(of_proxy.contains(&"journal:/var/lib/hourglass:ro".to_owned()), "{of_proxy:?}");
    // The executor's only way to the engine is this one variable, which the file of the profile sets.
    let of_executor = mounts(executor);
    let engine: Vec<_> = of_executor.iter().filter(|mount| mount.contains("docker.sock")).collect();
    assert_eq!(engine, ["${EXECUTOR_ENGINE:-/var/run/docker.sock:/run/hourglass/docker.sock}"]);
    let variables = std::fs::read_to_string(repository::root().join("deploy/socket-proxy.env")).unwrap();
    let variables: Vec<_> = variables.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(variables, ["COMPOSE_PROFILES=socket-proxy", "EXECUTOR_ENGINE=engine:/run/hourglass"]);
    // Both mean the same socket, whose directory is the shared volume.
    assert!(of_proxy.contains(&"engine:/run/hourglass".to_owned()), "{of_proxy:?}");
    let socket = "unix:///run/hourglass/docker.sock";
    assert_eq!(executor["environment"]["DOCKER_HOST"], json!(socket));
    let command: Vec<_> = proxy["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert!(command.contains(&format!("--listen={socket}").as_str()), "{command:?}");
    assert!(command.contains(&"--executor-container=hourglass-executor"), "{command:?}");
    assert!(!command.iter().any(|word| word.starts_with("--allow")), "nothing is permitted unasked: {command:?}");
}

#[test]
fn the_images_are_of_this_version() {
    let image = file()["services"]["hourglass-executor"]["image"].as_str().unwrap().to_owned();
    assert_eq!(image, format!("${{EXECUTOR_IMAGE:-hourglass-executor:{}}}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn compose_itself_reads_it_where_it_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["docker-compose.yml", "socket-proxy.env"] {
        std::fs::copy(repository::root().join("deploy").join(name), folder.path().join(name)).unwrap();
    }
    // The first generation, which the specification writes with a hyphen, and the plugin of newer clients.
    for program in [&["docker-compose"][..], &["docker", "compose"]] {
        let compose = |arguments: &[&str], group: &str| {
            let mut command = std::process::Command::new(program[0]);
            command.args(&program[1..]).args(arguments).env("DOCKER_GID", group).current_dir(folder.path());
            command.output()
        };
        if !compose(&["version"], "1").is_ok_and(|output| output.status.success()) {
            println!("not installed, so not asked: {}", program.join(" "));
            continue;
        }
        let without = compose(&["config"], "").unwrap();
        assert!(!without.status.success(), "DOCKER_GID must be demanded");
        assert!(String::from_utf8_lossy(&without.stderr).contains("stat -c %g"));
        for (arguments, mount) in [
            (&["config"][..], "/var/run/docker.sock:/run/hourglass/docker.sock"),
            (&["--env-file", "socket-proxy.env", "config"], "engine:/run/hourglass"),
        ] {
            let output = compose(arguments, "998").unwrap();
            assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
            let resolved = yaml::read(&String::from_utf8_lossy(&output.stdout)).unwrap();
            let executor = &resolved["services"]["hourglass-executor"];
            assert_eq!(executor["container_name"], json!("hourglass-executor"), "{program:?}");
            let of_executor = mounts(executor).join(" ").replace('"', "");
            // The plugin writes mounts in their long form.
            let (source, target) = mount.split_once(':').unwrap();
            let long = format!("source:{source},target:{target}");
            assert!(of_executor.contains(mount) || of_executor.contains(&long), "{program:?}: {of_executor}");
        }
    }
}
