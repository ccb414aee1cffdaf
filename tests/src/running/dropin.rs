//! What others wrote for the earlier executor: `tests/dropin`, a Go module on their published SDK and stubs.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use hourglass_core::CurveType;
use hourglass_environment::go::Go;
use serde_json::Value;

use crate::binaries::Binaries;
use crate::repository;
use crate::running::site::{Avs, Site, VERIFIER};

/// How long one run of the client may take; it gives up itself before that.
const DEADLINE: Duration = Duration::from_secs(150);

/// The programs of the module, static, built once.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Serves where `GRPC_PORT` says and ends its tasks on SIGTERM; `SHUTDOWN=none` makes it as careless as the other.
    pub performer: PathBuf,
    /// Serves on 8080, whatever it is told, and dies of SIGTERM at once: as the SDK's own examples.
    pub performer_8080: PathBuf,
    /// Calls an executor as known clients do.
    pub client: PathBuf,
}

impl Programs {
    /// Builds them, once in this process; Go knows what is up to date.
    ///
    /// # Errors
    /// Where there is no Go, or they do not build.
    pub fn get() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Programs, String>> = OnceLock::new();
        let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
        built.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

fn build() -> Result<Programs> {
    let beside = Binaries::get()?.executor.parent().context("the executor is in no folder")?;
    let folder = beside.join("dropin");
    std::fs::create_dir_all(&folder)?;
    let module = repository::root().join("tests/dropin");
    let mut command = Go::for_module(&module.join("go.mod"))?.command(&module)?;
    // Without cgo they are static, and an image of one needs nothing else. -mod=readonly: only what go.sum knows.
    command.args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-o"]).arg(&folder).arg("./...");
    command.env("CGO_ENABLED", "0").stdin(Stdio::null());
    let output = command.output().context("cannot run go")?;
    ensure!(output.status.success(), "tests/dropin does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    let program = |name: &str| folder.join(name);
    Ok(Programs {
        performer: program("performer"),
        performer_8080: program("performer-8080"),
        client: program("client"),
    })
}

/// A refusal as the Go client understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code's name in Go: `Unauthenticated`.
    pub code: String,
    /// What people are told.
    pub message: String,
}

/// Runs a command of the Go client: what it printed, or how the executor refused.
///
/// # Errors
/// Where the call failed without an answer, or the answer was not right, with the client's words.
pub async fn client(command: &str, flags: &[(&str, &str)]) -> Result<Result<Value, Refused>> {
    let mut run = tokio::process::Command::new(&Programs::get()?.client);
    run.arg(command).args(flags.iter().map(|(name, value)| format!("-{name}={value}")));
    run.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, run.output()).await.context("the client does not end")??;
    ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout)?;
    Ok(match printed.get("refused") {
        None => Ok(printed),
        Some(refused) => {
            let text = |name: &str| refused.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            Err(Refused { code: text("code"), message: text("message") })
        }
    })
}

/// Runs a management command as the operator; later flags win.
///
/// # Errors
/// As [`client`].
pub async fn manage(site: &Site, command: &str, flags: &[(&str, &str)]) -> Result<Result<Value, Refused>> {
    let executor = format!("127.0.0.1:{}", site.ports.tasks);
    let (operator, key) = (site.operator().checksummed(), file(site, "operator-ecdsa.key"));
    let ours = [("executor", executor.as_str()), ("operator", &operator), ("key", &key)];
    client(command, &[&ours[..], flags].concat()).await
}

/// Submits tasks as the aggregator of an AVS; the client verifies every field and both signatures of each answer. What
/// it prints are the outputs.
///
/// # Errors
/// As [`client`].
pub async fn submit(
    site: &Site,
    avs: &Avs,
    label: &str,
    payload: &str,
    flags: &[(&str, &str)],
) -> Result<Result<Vec<String>, Refused>> {
    let executor = format!("127.0.0.1:{}", site.ports.tasks);
    let aggregator = site.aggregator(avs).address.to_string();
    let (operator, verifier) = (site.operator().to_string(), VERIFIER.to_string());
    let (address, set) = (avs.address.to_string(), avs.set.to_string());
    let mut ours = vec![
        ("executor", executor.as_str()),
        ("aggregator", &aggregator),
        ("operator", &operator),
        ("avs", &address),
        ("set", &set),
        ("label", label),
        ("payload", payload),
    ];
    let (key, operator_key) = match avs.curve {
        CurveType::Ecdsa => (file(site, "aggregator-ecdsa.key"), None),
        CurveType::Bn254 => (file(site, "aggregator-bn254.key"), Some(file(site, "operator-bn254.key"))),
    };
    ours.push(("aggregator-key", &key));
    match &operator_key {
        None => ours.push(("verifier", &verifier)),
        Some(key) => ours.push(("operator-key", key)),
    }
    let printed = match client("submit", &[&ours[..], flags].concat()).await? {
        Ok(printed) => printed,
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(Ok(serde_json::from_value(printed["outputs"].clone())?))
}

fn file(site: &Site, name: &str) -> String {
    site.path(name).display().to_string()
}
