use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use hourglass_environment::engine;
use hourglass_tests::images;

/// Of the images of this suite, on an engine that may have others.
pub(crate) const TAG: &str = "0.0.0-suite";

/// What `docker` is told about the engine of the tests.
fn docker(arguments: &[&str]) -> Output {
    let host = engine::shared().unwrap().host();
    Command::new("docker").env("DOCKER_HOST", host).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn prints(arguments: &[&str]) -> String {
    let output = docker(arguments);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "docker {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// As somebody runs it who trusts nobody.
fn run(image: &str, arguments: &[&str]) -> Output {
    let name = format!("{image}:{TAG}");
    let confined = [
        "run",
        "--rm",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--network=none",
        "--pids-limit=64",
    ];
    docker(&[&confined[..], &[&name], arguments].concat())
}

/// `make images`, once in this process, with the binaries that the demo builds.
pub(crate) fn build() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| make(TAG))
}

fn make(tag: &str) -> String {
    images::make(engine::shared().unwrap().host(), tag).unwrap()
}

#[test]
fn the_executor_runs_from_its_image_as_nobody() {
    let built = build();
    println!("{}", built.split("==> Sizes").last().unwrap());
    let version = run("hourglass-executor", &["--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("hourglass-executor {}\n", env!("CARGO_PKG_VERSION")));
    let schema = run("hourglass-executor", &["schema"]);
    assert!(schema.status.success() && serde_json::from_slice::<serde_json::Value>(&schema.stdout).is_ok());
    // A configuration that is not there is said to be missing, by the program and not by a loader.
    let missing = run("hourglass-executor", &["validate"]);
    assert_eq!(missing.status.code(), Some(1), "{}", String::from_utf8_lossy(&missing.stderr));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/etc/hourglass/executor.yaml"));
}

#[test]
fn the_performer_runs_from_its_image_as_nobody() {
    build();
    let version = run("square-performer", &["--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("square-performer {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_operator_runs_from_its_image_as_nobody() {
    build();
    let version = run("hourglass-operator", &["--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("hourglass-operator {}\n", env!("CARGO_PKG_VERSION")));
    let crds = run("hourglass-operator", &["crds"]);
    assert!(String::from_utf8_lossy(&crds.stdout).contains("name: performers.hourglass.eigenlayer.io"));
    let entrypoint =
        prints(&["image", "inspect", "--format", "{{.Config.Entrypoint}}", &format!("hourglass-operator:{TAG}")]);
    assert_eq!(entrypoint, "[/manager]", "manifests name it so");
}

#[test]
fn an_image_holds_what_it_says_and_no_more() {
    build();
    let inspect = |image: &str, what: &str| prints(&["image", "inspect", "--format", what, &format!("{image}:{TAG}")]);
    let programs = [
        ("hourglass-executor", "hourglass-executor"),
        ("hourglass-operator", "manager"),
        ("square-performer", "square-performer"),
    ];
    for (image, program) in programs {
        assert_eq!(inspect(image, "{{.Config.User}}"), "65532:65532");
        assert_eq!(inspect(image, "{{len .RootFS.Layers}}"), "1");
        assert_eq!(inspect(image, "{{index .Config.Labels \"org.opencontainers.image.version\"}}"), TAG);
        let files = files(image);
        assert!(files.iter().any(|file| file == "etc/ssl/certs/ca-certificates.crt"), "{files:?}");
        assert!(files.iter().any(|file| *file == program), "{files:?}");
        let folder = |file: &str| ["bin/", "lib/", "lib64/", "usr/"].iter().any(|folder| file.starts_with(folder));
        let named = |file: &str| ["busybox", "passwd", ".so"].iter().any(|part| file.contains(part));
        let more = |file: &String| folder(file) || named(file);
        assert!(!files.iter().any(more), "{files:?}");
    }
    assert_eq!(inspect("hourglass-executor", "{{json .Config.Volumes}}"), r#"{"/var/lib/hourglass":{}}"#);
}

/// Those of a container of an image that never ran, without what the engine puts there.
fn files(image: &str) -> Vec<String> {
    let container = prints(&["create", &format!("{image}:{TAG}")]);
    let host = engine::shared().unwrap().host();
    let export = format!("docker export {container} | tar -t");
    let listed =
        Command::new("bash").args(["-o", "pipefail", "-c", &export]).env("DOCKER_HOST", host).output().unwrap();
    prints(&["rm", "--volumes", &container]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_new_volume_belongs_to_the_executor_and_the_shell_is_in_the_variant_only() {
    build();
    let name = format!("hourglass-executor:{TAG}-debug");
    let shell = |script: &str| {
        let run = ["run", "--rm", "--read-only", "--cap-drop=ALL", "--network=none", "--entrypoint=/busybox/sh"];
        prints(&[&run[..], &[&name, "-c", script]].concat())
    };
    assert_eq!(
        shell("stat -c '%u:%g %a' /var/lib/hourglass /run/hourglass; touch /var/lib/hourglass/x && echo kept"),
        "65532:65532 700\n65532:65532 700\nkept"
    );
    assert_eq!(
        shell("id -u; /hourglass-executor --version"),
        format!("65532\nhourglass-executor {}", env!("CARGO_PKG_VERSION"))
    );
    // The roots are a bundle that holds certificates.
    let certificates: u32 = shell("grep -c BEGIN.CERTIFICATE $SSL_CERT_FILE").parse().unwrap();
    assert!(certificates > 50, "{certificates}");
}

#[test]
fn the_same_files_are_the_same_layer() {
    build();
    let layers =
        |tag: &str| prints(&["image", "inspect", "--format", "{{.RootFS.Layers}}", &format!("square-performer:{tag}")]);
    let again = format!("{TAG}-again");
    // Gathered again, from other inodes with other times.
    make(&again);
    assert_eq!(layers(TAG), layers(&again));
    for image in ["hourglass-executor", "hourglass-operator", "square-performer"] {
        prints(&["rmi", &format!("{image}:{again}"), &format!("{image}:{again}-debug")]);
    }
}
