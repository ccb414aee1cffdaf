//! The engine: the section, Docker's own variables, and what a container gets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hourglass_core::config::{self, DockerConfig, DockerTls, Loaded, Source, Sources};

use crate::{env, load, problem, sources, valid, with_avs};

fn with(text: &str, variables: &[(&str, &str)]) -> Sources {
    let mut sources = sources(text);
    sources.env.extend(env(variables));
    sources
}

fn loaded(text: &str, variables: &[(&str, &str)]) -> Loaded {
    config::load(&with(text, variables)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn docker(text: &str, variables: &[(&str, &str)]) -> DockerConfig {
    loaded(text, variables).config.docker
}

fn certificates(directory: &str) -> DockerTls {
    let path = |file: &str| Path::new(directory).join(file);
    DockerTls { ca_path: path("ca.pem"), cert_path: path("cert.pem"), key_path: path("key.pem") }
}

#[test]
fn without_a_section_everything_has_its_default() {
    assert_eq!(
        valid("").config.docker,
        DockerConfig {
            host: "unix:///var/run/docker.sock".into(),
            tls: None,
            client_config_path: None,
            network: None,
            executor_container: None,
            host_root: PathBuf::from("/"),
            concurrent_pulls: 3,
            pull_stall_timeout: Duration::from_secs(120),
            call_timeout: Duration::from_secs(20),
            performers_may_connect: false,
            pids_limit: 1024,
            tmpfs_bytes: 64 << 20,
            log_max_bytes: 10 << 20,
            log_max_files: 3,
            run_as_user: 65_532,
        }
    );
}

#[test]
fn every_key_of_the_section() {
    let text = "docker:\n  host: tcp://engine.example:2376\n  tls: {ca_path: /a, cert_path: /b, key_path: /c}\n  \
                client_config_path: /d\n  network: n.1-x_\n  executor_container: e\n  host_root: /host\n  concurrent_pulls: 7\n  \
                pull_stall_timeout: 1m\n  call_timeout: 3s\n  performers_may_connect: true\n  pids_limit: 9\n  tmpfs_size: 1Mi\n  \
                log_max_size: 2k\n  log_max_files: 4\n  run_as_user: 1000\n";
    let expected = DockerConfig {
        host: "tcp://engine.example:2376".into(),
        tls: Some(DockerTls { ca_path: "/a".into(), cert_path: "/b".into(), key_path: "/c".into() }),
        client_config_path: Some("/d".into()),
        network: Some("n.1-x_".into()),
        executor_container: Some("e".into()),
        host_root: "/host".into(),
        concurrent_pulls: 7,
        pull_stall_timeout: Duration::from_secs(60),
        call_timeout: Duration::from_secs(3),
        performers_may_connect: true,
        pids_limit: 9,
        tmpfs_bytes: 1 << 20,
        log_max_bytes: 2000,
        log_max_files: 4,
        run_as_user: 1000,
    };
    let loaded = valid(text);
    assert_eq!(loaded.config.docker, expected);
    let notes: Vec<&str> = loaded.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(notes, ["avs_config.supported_avs"], "nothing to say about the engine");
}

#[test]
fn dockers_variables_stand_between_the_file_and_ours() {
    let file = "docker: {host: 'unix:///file.sock', client_config_path: /file}\n";
    let place = |variables: &[(&str, &str)]| {
        let loaded = loaded(file, variables);
        let (host, client) = (loaded.provenance("docker.host"), loaded.provenance("docker.client_config_path"));
        (loaded.config.docker.host.clone(), host.to_string(), client.to_string())
    };
    let home = ("HOME", "/home/me");
    let text = |host: &str, a: &str, b: &str| (host.to_owned(), a.to_owned(), b.to_owned());
    assert_eq!(place(&[home]), text("unix:///file.sock", "executor.yaml:1:16", "executor.yaml:1:57"));
    let theirs = [home, ("DOCKER_HOST", "tcp://10.0.0.1:1"), ("DOCKER_CONFIG", "/theirs")];
    assert_eq!(place(&theirs), text("tcp://10.0.0.1:1", "variable DOCKER_HOST", "variable DOCKER_CONFIG"));
    let ours = [theirs[0], theirs[1], theirs[2], ("HOURGLASS_DOCKER__HOST", "unix:///ours.sock")];
    assert_eq!(place(&ours), text("unix:///ours.sock", "variable HOURGLASS_DOCKER__HOST", "variable DOCKER_CONFIG"));
    let empty = [("DOCKER_HOST", ""), ("DOCKER_CONFIG", ""), ("DOCKER_CERT_PATH", ""), ("DOCKER_TLS_VERIFY", "")];
    assert_eq!(place(&empty).0, "unix:///file.sock");
}

#[test]
fn the_users_directory_stands_in_for_dockers_own() {
    let path = |variables: &[(&str, &str)]| docker("", variables).client_config_path;
    assert_eq!(path(&[("HOME", "/home/me/")]), Some("/home/me/.docker".into()));
    assert_eq!(path(&[("HOME", "/home/me"), ("DOCKER_CONFIG", "/c")]), Some("/c".into()));
    for unusable in ["", "relative", "/with\nline"] {
        assert_eq!(path(&[("HOME", unusable)]), None, "{unusable:?}");
    }
    let loaded = loaded("", &[("HOME", "/home/me")]);
    assert_eq!(loaded.provenance("docker.client_config_path"), Source::Variable("HOME".into()));
}

#[test]
fn certificates_of_dockers_variables() {
    let tcp = ("DOCKER_HOST", "tcp://10.0.0.1");
    for (variables, expected) in [
        (vec![tcp], None),
        (vec![tcp, ("HOME", "/h")], None),
        (vec![tcp, ("DOCKER_CERT_PATH", "/certs/")], Some("/certs")),
        (vec![tcp, ("DOCKER_CERT_PATH", "/certs"), ("DOCKER_TLS_VERIFY", "1")], Some("/certs")),
        (vec![tcp, ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CONFIG", "/c"), ("HOME", "/h")], Some("/c")),
        (vec![tcp, ("DOCKER_TLS_VERIFY", "0"), ("HOME", "/h")], Some("/h/.docker")),
        (vec![("DOCKER_CERT_PATH", "/certs")], None),
    ] {
        let docker = docker("", &variables);
        assert_eq!(docker.tls, expected.map(certificates), "{variables:?}");
        if variables.contains(&tcp) {
            let port = if expected.is_some() { 2376 } else { 2375 };
            assert_eq!(docker.host, format!("tcp://10.0.0.1:{port}"), "{variables:?}");
        }
    }
    // TLS that is asked for is never silently left out, and what the file says of it is more exact than that.
    let problems = config::load(&with("", &[tcp, ("DOCKER_TLS_VERIFY", "1")])).unwrap_err();
    assert_eq!(problems.as_slice()[0].path, "docker.tls");
    assert_eq!(problems.as_slice()[0].source, Source::Variable("DOCKER_TLS_VERIFY".into()));
    let file = "docker: {tls: {ca_path: /f/ca.pem, cert_path: /f/cert.pem, key_path: /f/key.pem}}\n";
    let tls = docker(file, &[tcp, ("DOCKER_TLS_VERIFY", "1"), ("HOME", "/h")]).tls;
    assert_eq!(tls, Some(certificates("/f")));
    let tls = docker(file, &[tcp, ("DOCKER_CERT_PATH", "/certs")]).tls;
    assert_eq!(tls, Some(certificates("/certs")));
}

#[test]
fn addresses_of_engines() {
    let host = |host: &str| format!("docker: {{host: '{host}'}}\n");
    for (text, expected) in [
        ("unix:///run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"),
        ("tcp://localhost", "tcp://localhost:2375"),
        ("tcp://engine:99/", "tcp://engine:99"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://[fd00::2]:1", "tcp://[fd00::2]:1"),
    ] {
        assert_eq!(valid(&host(text)).config.docker.host, expected);
    }
    for wrong in [
        "unix://",
        "unix:///",
        "unix://relative",
        "/var/run/docker.sock",
        "tcp://",
        "tcp://:1",
        "tcp://a:0",
        "tcp://a:b",
        "tcp://::1",
        "tcp://a:1/path",
        "tcp://u@a:1",
        "tcp://a b",
        "ssh://me@host",
        "npipe:////./pipe/docker",
        "fd://",
    ] {
        let (path, place, message) = problem(&host(wrong));
        assert_eq!((path.as_str(), place.as_str()), ("docker.host", "executor.yaml:1:16"), "{wrong}");
        assert!(message.contains("unix:///var/run/docker.sock"), "{message}");
    }
    let problems = config::load(&with("", &[("DOCKER_HOST", "ssh://me@host")])).unwrap_err();
    assert_eq!(problems.as_slice()[0].source, Source::Variable("DOCKER_HOST".into()));
}

#[test]
fn values_that_cannot_be_meant() {
    for (lines, path) in [
        ("{call_timeout: 0}", "docker.call_timeout"),
        ("{pull_stall_timeout: 0s}", "docker.pull_stall_timeout"),
        ("{concurrent_pulls: 0}", "docker.concurrent_pulls"),
        ("{concurrent_pulls: 65}", "docker.concurrent_pulls"),
        ("{pids_limit: 0}", "docker.pids_limit"),
        ("{pids_limit: -1}", "docker.pids_limit"),
        ("{pids_limit: 4194305}", "docker.pids_limit"),
        ("{tmpfs_size: 0}", "docker.tmpfs_size"),
        ("{log_max_size: 1.5}", "docker.log_max_size"),
        ("{log_max_files: 0}", "docker.log_max_files"),
        ("{run_as_user: 0}", "docker.run_as_user"),
        ("{run_as_user: 2147483648}", "docker.run_as_user"),
        ("{network: 'container:x'}", "docker.network"),
        ("{network: -x}", "docker.network"),
        ("{network: host}", "docker.network"),
        ("{network: none}", "docker.network"),
        ("{executor_container: ''}", "docker.executor_container"),
        ("{executor_container: a/b}", "docker.executor_container"),
        ("{host_root: host}", "docker.host_root"),
        ("{performers_may_connect: maybe}", "docker.performers_may_connect"),
        ("{hots: x}", "docker.hots"),
        ("{host: 'tcp://h', tls: {ca_path: /a, cert_path: /b}}", "docker.tls.key_path"),
        ("{tls: {ca_path: /a, key_path: /b}}", "docker.tls.cert_path"),
        ("{tls: {cert_path: /a, key_path: /b}}", "docker.tls.ca_path"),
        ("[]", "docker"),
    ] {
        let (found, place, message) = problem(&format!("docker: {lines}\n"));
        assert_eq!(found, path, "{lines}: {message}");
        assert!(place.starts_with("executor.yaml:1:"), "{place}");
    }
}

#[test]
fn what_the_user_should_know() {
    let notes = |text: &str| {
        let notes = valid(text).notes;
        notes.into_iter().filter(|note| note.path.starts_with("docker")).map(|note| note.path).collect::<Vec<_>>()
    };
    assert_eq!(notes("docker: {host: 'tcp://10.0.0.1:2375'}\n"), ["docker.host"]);
    assert_eq!(notes("docker: {host: 'tcp://127.0.0.1:2375'}\n"), [""; 0]);
    assert_eq!(notes("docker: {tls: {ca_path: /a, cert_path: /b, key_path: /c}}\n"), ["docker.tls"]);
}

#[test]
fn where_no_containers_are_run_the_section_is_said_to_be_unused() {
    let kubernetes = "deployment_mode: kubernetes\nkubernetes: {namespace: n}\n";
    let process = "development: {enabled: true, performers: process}\n";
    for (mode, when) in [(kubernetes, "in kubernetes mode"), (process, "with development.performers 'process'")] {
        // Whatever engine this host's `docker` uses, it does not matter here.
        let variables = [("DOCKER_HOST", "ssh://me@host"), ("DOCKER_CERT_PATH", "/c"), ("HOME", "/h")];
        let quiet = loaded(mode, &variables);
        assert!(quiet.notes.iter().all(|note| note.path != "docker"), "{:?}", quiet.notes);
        let file = format!("{mode}docker: {{network: host}}\n");
        let noted = loaded(&file, &variables);
        let note = noted.notes.iter().find(|note| note.path == "docker").unwrap_or_else(|| panic!("{mode}"));
        assert_eq!(note.message, format!("this section is unused {when}"));
        let wrong = format!("{mode}docker: {{pids_limit: none}}\n");
        assert_eq!(load(&wrong).unwrap_err().as_slice()[0].path, "docker.pids_limit", "{mode}");
    }
}

#[test]
fn what_one_avs_overrides() {
    let text = with_avs(
        "security: {allow_privilege_escalation: true, pids_limit: 7, tmpfs_size: 1Gi, log_max_size: 1k, log_max_files: 2}",
    );
    let security = valid(&text).config.avs[0].security.clone();
    assert_eq!(security.allow_privilege_escalation, Some(true));
    assert_eq!((security.pids_limit, security.tmpfs_bytes), (Some(7), Some(1 << 30)));
    assert_eq!((security.log_max_bytes, security.log_max_files), (Some(1000), Some(2)));
    let none = valid(&with_avs("security: {allow_privilege_escalation: false}")).config.avs[0].security.clone();
    assert_eq!(none.allow_privilege_escalation, Some(false));
    assert_eq!((none.pids_limit, none.tmpfs_bytes, none.log_max_bytes, none.log_max_files), (None, None, None, None));
    for wrong in
        ["pids_limit: 0", "tmpfs_size: 0", "log_max_size: x", "log_max_files: 0", "allow_privilege_escalation: 2"]
    {
        let (path, _, _) = problem(&with_avs(&format!("security: {{{wrong}}}")));
        let key = wrong.split(':').next().unwrap();
        assert_eq!(path, format!("avs_config.supported_avs[0].security.{key}"));
    }
}

#[test]
fn another_engine_needs_a_restart_and_an_avss_limits_do_not() {
    let old = valid(&with_avs("security: {pids_limit: 7}")).config;
    let diff = old
        .reload_diff(&valid(&format!("docker: {{pids_limit: 9}}\n{}", with_avs("security: {pids_limit: 7}"))).config);
    assert_eq!((diff.needs_restart, diff.applied), (vec!["docker".to_owned()], vec![]));
    let diff = old.reload_diff(&valid(&with_avs("security: {pids_limit: 8}")).config);
    assert_eq!(diff.applied, ["avs_config.supported_avs[0x1234567890abcdef1234567890abcdef12345678].security"]);
}
