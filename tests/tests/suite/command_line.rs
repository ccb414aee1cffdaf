//! Every command as users type it, with its exit code.

use std::fs;

use hourglass_tests::binaries::Binaries;
use hourglass_tests::running::caller::task_id;
use hourglass_tests::running::command::{self, Ended};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use serde_json::Value;
use tempfile::TempDir;

/// Runs a command in the site's directory; arguments are split at blanks.
async fn run(site: &Site, line: &str) -> Ended {
    let arguments: Vec<&str> = line.split_whitespace().collect();
    command::run(site.directory(), &arguments, "").await.unwrap()
}

async fn succeeds(site: &Site, line: &str) -> String {
    let ended = run(site, line).await;
    assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    ended.stdout
}

async fn json(site: &Site, line: &str) -> Value {
    let stdout = succeeds(site, line).await;
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{line}: {error}: {stdout}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_says_everything_at_once() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let valid = run(&site, "validate --config executor.yaml").await;
    assert_eq!((valid.code, valid.stdout.as_str()), (Some(0), "the configuration is valid: 1 AVS, docker mode\n"));

    let wrong = r#"
operator_keys: {ecdsa_private_key_path: operator.key}
server: {listen: nowhere, idle_timeuot: 5s}
storage: {retention: 1s}
kubernetes: {namespace: x}
avs_config:
  supported_avs:
    - address: "0x1111111111111111111111111111111111111111"
      deployment_mode: "docker"
      performer_image: a/b
      replicas: 0
    - address: "0x2222222222222222222222222222222222222222"
      deployment_mode: "kubernetes"
      performer_image: a/b
"#;
    fs::write(site.path("wrong.yaml"), wrong).unwrap();
    for command in ["validate", "run", "config print"] {
        let ended = run(&site, &format!("{command} --config wrong.yaml")).await;
        assert_eq!(ended.code, Some(2), "{command}: {ended:?}");
        assert_eq!(ended.stdout, "", "problems go to standard error");
        for part in [
            "mixed deployment modes not supported: all performers must use the same deployment mode (either 'docker' or 'kubernetes')",
            "server.listen",
            "idle_timeuot",
            "idle_timeout",
            "storage.retention",
            "replicas",
            "wrong.yaml:3:",
        ] {
            assert!(ended.stderr.contains(part), "{command}: {part} is missing:\n{}", ended.stderr);
        }
    }
    let missing = run(&site, "validate --config nowhere.yaml").await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("nowhere.yaml"), "{missing:?}");
    let flag = run(&site, "validate --config executor.yaml --set server.idle_timeout=never").await;
    assert_eq!(flag.code, Some(2));
    assert!(flag.stderr.contains("server.idle_timeout"), "{}", flag.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_print_masks_secrets_and_names_sources() {
    let site = Site::new([Avs::ecdsa().env("API_TOKEN", "hunter2-in-the-environment")]).unwrap();
    let key = const_hex::encode(site.operator_ecdsa.to_bytes().expose());
    let yaml = site.yaml().unwrap().replace(
        &format!("ecdsa_private_key_path: {}/operator-ecdsa.key", site.directory().display()),
        &format!("ecdsa_private_key: \"0x{key}\""),
    );
    assert!(yaml.contains(&key));
    fs::write(site.config(), yaml).unwrap();
    for format in ["table", "json"] {
        let line = format!("config print --config executor.yaml --set log_level=debug -o {format}");
        let printed = succeeds(&site, &line).await;
        assert!(!printed.contains(&key) && !printed.contains("hunter2"), "{printed}");
        for part in
            ["operator_keys.ecdsa_private_key", "server.listen", "executor.yaml:", "server.idle_timeout", "log_level"]
        {
            assert!(printed.contains(part), "{part}: {printed}");
        }
    }
    let rows = json(&site, "config print --config executor.yaml --set log_level=debug -o json").await;
    let of = |key: &str| rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(of("log_level")["value"], "debug");
    assert!(of("log_level")["source"].as_str().unwrap().contains("flag"), "{}", of("log_level"));
    assert_eq!(of("server.idle_timeout")["value"], "60s");
    assert_eq!(of("server.idle_timeout")["source"], "default");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_completions_help_and_mistakes() {
    let site = Site::new([]).unwrap();
    let schema = json(&site, "schema").await;
    assert!(schema["properties"]["avs_config"].is_object(), "{schema}");
    for shell in ["bash", "zsh", "fish"] {
        let script = succeeds(&site, &format!("completions {shell}")).await;
        assert!(script.contains("hourglass-executor") && script.contains("journal"), "{shell}");
    }
    for (line, part) in [
        ("--help", "Begin with:"),
        ("run --help", "--config"),
        ("validate --help", "exit 0, or 2"),
        ("submit --help", "Example"),
        ("performers deploy --help", "--digest"),
        ("keys new --help", "--curve"),
        ("journal import --help", "floor"),
    ] {
        let help = succeeds(&site, line).await;
        assert!(help.contains(part), "{line}: {help}");
    }
    assert!(succeeds(&site, "--version").await.starts_with("hourglass-executor "));
    for line in
        ["run --cofnig x", "frobnicate", "keys new --curve rsa --out x", "", "submit --payload a --payload-hex 00"]
    {
        let ended = run(&site, line).await;
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{line}");
    }
    let near = run(&site, "validate --conifg x").await;
    assert!(near.stderr.contains("--config"), "{}", near.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_every_format() {
    let site = Site::new([]).unwrap();
    fs::write(site.path("password"), "correct horse\n").unwrap();
    for (curve, formats) in [("ecdsa", &["hex", "pem", "keystore"][..]), ("bn254", &["hex", "keystore"])] {
        succeeds(&site, &format!("keys new --curve {curve} --out {curve}-0")).await;
        let public = json(&site, &format!("keys show {curve}-0 --curve {curve} -o json")).await;
        // Through every format and back: each file is made from the one before.
        let (mut from, mut opened) = (format!("{curve}-0"), String::new());
        for format in formats.iter().chain(&["hex"]) {
            let to = format!("{curve}-{format}-from-{from}");
            let locked = if *format == "keystore" { "--out-password-file password" } else { "" };
            succeeds(
                &site,
                &format!("keys convert {from} --curve {curve} {opened} --out {to} --format {format} {locked}"),
            )
            .await;
            opened = if *format == "keystore" { "--password-file password".into() } else { String::new() };
            let shown = json(&site, &format!("keys show {to} --curve {curve} {opened} -o json")).await;
            assert_eq!(shown, public, "{to}");
            from = to;
        }
        let (first, last) =
            (fs::read_to_string(site.path(&format!("{curve}-0"))), fs::read_to_string(site.path(&from)));
        assert_eq!(first.unwrap(), last.unwrap());
        let again = run(&site, &format!("keys new --curve {curve} --out {curve}-0")).await;
        assert_eq!(again.code, Some(1), "a key is never overwritten");
        let printed = succeeds(&site, &format!("keys show {curve}-0 --curve {curve}")).await;
        let secret = fs::read_to_string(site.path(&format!("{curve}-0"))).unwrap();
        assert!(!printed.contains(secret.trim().trim_start_matches("0x")), "the private half is never shown");
    }
    let unlocked = run(&site, "keys convert ecdsa-0 --curve ecdsa --out k --format keystore").await;
    assert_eq!(unlocked.code, Some(2), "a keystore needs a password: {unlocked:?}");
    fs::write(site.path("wrong"), "incorrect\n").unwrap();
    succeeds(&site, "keys convert bn254-0 --curve bn254 --out locked --format keystore --out-password-file password")
        .await;
    let wrong = run(&site, "keys show locked --curve bn254 --password-file wrong").await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_and_performers_of_a_running_executor() {
    let site = Site::new([Avs::ecdsa(), Avs::bn254()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let ecdsa = "submit --config executor.yaml --avs squares-ecdsa --aggregator-key aggregator-ecdsa.key";
    let answer = json(&site, &format!("{ecdsa} --payload 1f -o json")).await;
    assert_eq!((answer["verified"].clone(), answer["output"].clone()), (Value::Bool(true), "0x336331".into()));
    let bn254 = "submit --config executor.yaml --avs 0x2222222222222222222222222222222222222222 \
                 --aggregator-key aggregator-bn254.key --aggregator-curve bn254";
    let answer = json(&site, &format!("{bn254} --payload-hex 0x3166 -o json")).await;
    assert_eq!((answer["verified"].clone(), answer["output"].clone()), (Value::Bool(true), "0x336331".into()));
    fs::write(site.path("payload"), "a").unwrap();
    let id = task_id("command line").to_string();
    let shown =
        succeeds(&site, &format!("{ecdsa} --payload-file payload --task-id {id} --reference-timestamp 5")).await;
    assert!(shown.contains("64") && shown.contains("both signatures hold") && shown.contains(&id), "{shown}");
    let conflict = run(&site, &format!("{ecdsa} --payload b --task-id {id} --reference-timestamp 5")).await;
    assert_eq!(conflict.code, Some(1));
    assert!(conflict.stderr.contains("TaskConflict"), "{}", conflict.stderr);
    let foreign = "submit --config executor.yaml --avs squares-ecdsa --aggregator-key operator-ecdsa.key --payload 1";
    let refused = run(&site, foreign).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("NotAnAggregator"), "{}", refused.stderr);

    // A variable of the command line is no key of the configuration.
    let endpoint = format!("127.0.0.1:{}", site.ports.tasks);
    let arguments: Vec<&str> =
        ecdsa.split_whitespace().chain(["--payload", "2", "--set", "server.listen=127.0.0.1:1"]).collect();
    let variables = [("HOURGLASS_ENDPOINT", endpoint.as_str())];
    let found = command::run_with(site.directory(), &arguments, &variables, "").await.unwrap();
    assert_eq!(found.code, Some(0), "{found:?}");
    let piped =
        command::run(site.directory(), &[&arguments[..7], &["--payload-file", "-"]].concat(), "c").await.unwrap();
    assert!(piped.code == Some(0) && piped.stdout.contains("90"), "{piped:?}");

    let list = json(&site, "performers list --config executor.yaml -o json").await;
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    assert!(list.as_array().unwrap().iter().all(|row| row["status"] == "InService"), "{list}");
    let program = &Binaries::get().unwrap().performer;
    let digest = hourglass_tests::running::caller::artifact(&site.avs[0], &[]).unwrap().digest;
    let deploy = format!(
        "performers deploy --config executor.yaml --avs {} --registry file://{} --digest {digest} --env COUNT_IN_ANSWER=1",
        site.avs[0].address,
        program.display()
    );
    let deployed = succeeds(&site, &deploy).await;
    assert!(deployed.contains("Deployment completed successfully"), "{deployed}");
    let answer = json(&site, &format!("{ecdsa} --payload 3 -o json")).await;
    assert_eq!(answer["output"], const_hex::encode_prefixed("9#run1"));
    let id = deployed.split(':').next().unwrap();
    let table =
        succeeds(&site, "performers list --config executor.yaml --avs 0x1111111111111111111111111111111111111111")
            .await;
    assert!(table.starts_with("ID") && table.contains(id) && !table.contains("squares-bn254"), "{table}");
    let removed = succeeds(&site, &format!("performers remove {id} --config executor.yaml")).await;
    assert_eq!(removed, format!("Performer {id} removed successfully\n"));
    let unknown = run(&site, "performers remove nobody --config executor.yaml").await;
    assert_eq!(unknown.code, Some(1));
    let unproven = run(&site, &format!("performers list --endpoint 127.0.0.1:{} --no-auth", site.ports.tasks)).await;
    assert_eq!(unproven.code, Some(1));
    assert!(unproven.stderr.contains("Unauthenticated"), "{}", unproven.stderr);
    executor.stop().await.unwrap();
    let nobody = run(&site, "performers list --config executor.yaml").await;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains("cannot reach an executor at"), "{}", nobody.stderr);
}

/// Moving a key to another host: what was answered there is answered the same here, and what came before the export
/// and is not known is never signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_moves_with_its_key() {
    let site = Site::new([Avs::ecdsa().env("ANSWER_DIFFERENTLY", 1)]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let submit = "submit --config executor.yaml --aggregator-key aggregator-ecdsa.key -o json";
    let id = task_id("moved").to_string();
    let known = format!("{submit} --payload 3 --task-id {id} --reference-timestamp 2000000000");
    let first = json(&site, &known).await;
    executor.stop().await.unwrap();

    let export = "journal export --config executor.yaml --out export";
    let moved = run(&site, export).await;
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert!(moved.stderr.contains("Do not sign with this key on this host again"), "{moved:?}");
    // What goes on signing is told what a backup does not know, and nothing of what a move is told; the records are the same.
    let backup = run(&site, "journal export --config executor.yaml --backup --out backup").await;
    assert_eq!(backup.code, Some(0), "{backup:?}");
    assert!(backup.stderr.contains("exported 1 tasks") && backup.stderr.contains("A backup: "), "{backup:?}");
    assert!(backup.stderr.contains("does not know what is signed from now on"), "{backup:?}");
    assert!(!backup.stderr.contains("Do not sign"), "{backup:?}");
    let tasks = |name| {
        let text = fs::read_to_string(site.path(name)).unwrap();
        text.lines().filter(|line| line.starts_with(r#"{"task":"#)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((tasks("backup").len(), tasks("backup")), (1, tasks("export")));
    let there = run(&site, export).await;
    assert_eq!(there.code, Some(1), "nothing is overwritten");
    let shown = json(&site, &format!("journal show {id} --config executor.yaml -o json")).await;
    assert_eq!(shown["task_id"], Value::from(id.as_str()));
    fs::rename(site.storage(), site.path("left-behind")).unwrap();

    // A new directory: the other host.
    let imported = run(&site, "journal import --config executor.yaml export").await;
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(
        imported.stderr.contains("imported 1 tasks") && imported.stderr.contains("1 floors raised"),
        "{imported:?}"
    );
    let summary = json(&site, "journal show --config executor.yaml -o json").await;
    assert_eq!((&summary["tasks"], summary["floors"].as_array().unwrap().len()), (&Value::from(1), 1), "{summary}");

    let executor = Executor::start(&site).await.unwrap();
    assert_eq!(json(&site, &known).await, first, "byte for byte");
    let old = run(&site, &format!("{submit} --payload 4 --reference-timestamp 1999999999")).await;
    assert_eq!(old.code, Some(1));
    assert!(old.stderr.contains("FailedPrecondition") && old.stderr.contains("floor"), "{}", old.stderr);
    assert_eq!(site.runs(&site.avs[0]).len(), 1, "it was not even run");
    executor.stop().await.unwrap();

    let torn = fs::read_to_string(site.path("export")).unwrap();
    fs::write(site.path("torn"), &torn[..torn.len() / 2]).unwrap();
    assert_eq!(run(&site, "journal import --config executor.yaml torn").await.code, Some(1));
    let elsewhere = TempDir::new().unwrap();
    let set = format!("storage.path={}/none", elsewhere.path().display());
    let none = run(&site, &format!("journal show --config executor.yaml --set {set}")).await;
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("there is no journal at"), "{}", none.stderr);
}
