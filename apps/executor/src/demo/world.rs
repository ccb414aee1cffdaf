//! Keys, a configuration, and the executor that runs with them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hourglass_core::config::{self, ConfigFile, Sources};
use hourglass_core::ports::ResultSigner;
use hourglass_core::{Address, Secret};
use hourglass_grpc::api::{ApiOptions, ExecutorApi};
use hourglass_keys::{
    Bn254Key, Bn254Signer, EcdsaKey, EcdsaSigner, KdfCost, KeyFormat, save_key_file, write_bn254, write_ecdsa,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::aggregator::{Aggregator, Expected};
use crate::cli::DemoArgs;
use crate::demo::containers::Containers;
use crate::keyring::Keyring;

/// How long anything may take to become ready.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One AVS of the demo, and who plays its aggregator.
pub(crate) struct Avs {
    pub(crate) name: &'static str,
    pub(crate) aggregator: Aggregator,
    pub(crate) expected: Expected,
}

/// What the demo runs on.
pub(crate) struct World {
    directory: PathBuf,
    _temporary: Option<TempDir>,
    yaml: String,
    keyring: Keyring,
    pub(crate) performer: Performer,
    pub(crate) endpoint: ApiOptions,
    health: u16,
    pub(crate) avs: [Avs; 2],
}

/// What answers tasks.
pub(crate) enum Performer {
    /// Processes of this program.
    Program(PathBuf),
    /// Containers.
    Containers(Containers),
}

impl Performer {
    /// How it is run, for people.
    pub(crate) const fn describe(&self) -> &'static str {
        match self {
            Self::Program(_) => "local processes",
            Self::Containers(_) => "containers",
        }
    }
}

/// The executor as a child process.
pub(crate) struct Executor {
    child: Child,
    /// What it is told where the demo fails half-way.
    farewell: Signal,
}

impl World {
    pub(crate) fn make(args: &DemoArgs, performer: Performer) -> anyhow::Result<Self> {
        let (directory, temporary) = match &args.keep {
            Some(keep) => {
                fs::create_dir(keep).with_context(|| format!("--keep: {} must be a new directory", keep.display()))?;
                (keep.canonicalize()?, None)
            }
            None => {
                let temporary = TempDir::with_prefix("hourglass-demo-")?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let (operator_ecdsa, operator_bn254) = (EcdsaKey::generate()?, Bn254Key::generate()?);
        let (aggregator_ecdsa, aggregator_bn254) = (EcdsaKey::generate()?, Bn254Key::generate()?);
        let save = |name: &str, text: Secret<String>| save_key_file(&directory.join(name), &text);
        let cost = KdfCost::default();
        save("operator-ecdsa.key", write_ecdsa(&operator_ecdsa, KeyFormat::Hex, None, cost)?)?;
        save("operator-bn254.key", write_bn254(&operator_bn254, KeyFormat::Hex, None, cost)?)?;
        save("aggregator-ecdsa.key", write_ecdsa(&aggregator_ecdsa, KeyFormat::Hex, None, cost)?)?;
        save("aggregator-bn254.key", write_bn254(&aggregator_bn254, KeyFormat::Hex, None, cost)?)?;

        let ports = free_ports::<3>()?;
        let bn254_aggregator = Address::new([0xb2; 20]);
        let yaml = configuration(
            &directory,
            &performer,
            ports,
            &aggregator_ecdsa.address(),
            &bn254_aggregator,
            &const_hex::encode_prefixed(aggregator_bn254.public_key().0),
        );
        fs::write(directory.join("executor.yaml"), &yaml)?;
        let file = Some(ConfigFile { name: "executor.yaml".into(), text: yaml.clone() });
        let loaded = config::load(&Sources { file, ..Sources::default() })
            .map_err(|problems| anyhow::anyhow!("the demo's own configuration is wrong: {problems}"))?;
        let config = loaded.config;
        let keyring = Keyring::read(&config)?;

        let signers: [(Address, Arc<dyn ResultSigner>); 2] = [
            (aggregator_ecdsa.address(), Arc::new(EcdsaSigner::new(aggregator_ecdsa))),
            (bn254_aggregator, Arc::new(Bn254Signer::new(aggregator_bn254))),
        ];
        let avs = |index: usize, name: &'static str| -> anyhow::Result<Avs> {
            let configured = config.avs.get(index).context("the demo's configuration has two AVSs")?;
            let set = configured.operator_sets.first().context("each with an operator set")?;
            let key = keyring.signers.get(set.mandate.curve()).context("and a key for it")?.public_key();
            let (address, signer) = signers.get(index).cloned().context("and an aggregator")?;
            Ok(Avs {
                name,
                aggregator: Aggregator {
                    address,
                    signer: Some(signer),
                    avs: configured.address,
                    operator_set_id: set.id,
                    operator: keyring.operator,
                },
                expected: Expected { operator: keyring.operator, key, mandate: set.mandate },
            })
        };
        let avs = [avs(0, "squares-ecdsa")?, avs(1, "squares-bn254")?];
        let endpoint = ApiOptions {
            connect_timeout: Duration::from_secs(2),
            call_timeout: Duration::from_secs(60),
            ..ApiOptions::new(format!("127.0.0.1:{}", ports[0]))
        };
        Ok(Self { directory, _temporary: temporary, yaml, keyring, performer, endpoint, health: ports[2], avs })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory, where it stays.
    pub(crate) fn kept(&self) -> Option<&Path> {
        self._temporary.is_none().then_some(&*self.directory)
    }

    pub(crate) fn configuration(&self) -> &str {
        &self.yaml
    }

    /// Where the executor keeps what it must not forget.
    pub(crate) fn storage(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Gives the first AVS's performer another environment, and with it another revision.
    pub(crate) async fn revise(&self) -> anyhow::Result<()> {
        let revised = self.yaml.replacen(REVISION, "{name: REVISION, value: \"2\"}", 1);
        anyhow::ensure!(revised != self.yaml, "the demo's configuration has no revision");
        let (file, new) = (self.directory.join("executor.yaml"), self.directory.join("executor.yaml.new"));
        tokio::fs::write(&new, revised).await?;
        Ok(tokio::fs::rename(new, file).await?)
    }

    /// Starts the executor and waits until it can answer tasks of both AVSs.
    pub(crate) async fn start(&self) -> anyhow::Result<Executor> {
        let log = File::options().append(true).create(true).open(self.directory.join("executor.log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["run", "--config"])
            .arg(self.directory.join("executor.yaml"))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the executor")?;
        // It stops its processes itself; containers it would leave, and start again while they are removed.
        let farewell = match self.performer {
            Performer::Program(_) => Signal::TERM,
            Performer::Containers(_) => Signal::KILL,
        };
        let mut executor = Executor { child, farewell };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = executor.child.try_wait()? {
                anyhow::bail!("the executor ended with {status}:\n{}", self.log_tail());
            }
            if self.serves().await.unwrap_or(false) {
                return Ok(executor);
            }
            anyhow::ensure!(Instant::now() < deadline, "the executor is not ready after 30 s:\n{}", self.log_tail());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether every performer serves, by `/ready`: whoever asked for the list each time would soon be out of challenges.
    async fn serves(&self) -> anyhow::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.health)).await?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut page = String::new();
        tokio::time::timeout(Duration::from_secs(2), stream.read_to_string(&mut page)).await??;
        Ok(page.starts_with("HTTP/1.1 200") && page.contains("every performer serves"))
    }

    /// Every performer, asked with the operator's signature.
    pub(crate) async fn performers(&self) -> anyhow::Result<Vec<hourglass_grpc::proto::v1::Performer>> {
        let api = self.api().await?;
        let proof = self.keyring.prove(&api).await?;
        Ok(api.list(String::new(), Some(proof)).await?)
    }

    pub(crate) async fn api(&self) -> anyhow::Result<ExecutorApi> {
        Ok(ExecutorApi::connect(self.endpoint.clone()).await?)
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.directory.join("executor.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
    }
}

impl Executor {
    /// SIGKILL: no chance to write, drain or say good-bye.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(kill_process(pid.context("the executor has ended")?, signal)?)
    }

    /// SIGTERM, and waits for the end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let status =
            tokio::time::timeout(PATIENCE * 2, self.child.wait()).await.context("the executor does not stop")??;
        anyhow::ensure!(status.success(), "the executor ended with {status}");
        Ok(())
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // It fails where it has ended, which is what is wanted.
        let _gone = self.signal(self.farewell);
    }
}

/// The revision of the first AVS's performer, as the configuration has it first.
const REVISION: &str = "{name: REVISION, value: \"1\"}";

/// The sample performer: given, or beside this binary.
pub(crate) fn performer(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name("square-performer"),
    };
    let context = || {
        format!(
            "the sample performer is not at {}: build it (cargo build -p square-performer) or give --performer",
            path.display()
        )
    };
    path.canonicalize().with_context(context)
}

fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let listeners: Vec<TcpListener> =
        (0..N).map(|_| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).collect::<Result<_, _>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn configuration(
    directory: &Path,
    performer: &Performer,
    [tasks, metrics, health]: [u16; 3],
    ecdsa_aggregator: &Address,
    bn254_aggregator: &Address,
    bn254_key: &str,
) -> String {
    let directory = directory.display();
    let (warning, development, performer) = match performer {
        Performer::Program(program) => (
            "Development only: the keys lie beside it in plain text.",
            "development:\n  enabled: true\n  performers: process\n",
            program.display().to_string(),
        ),
        Performer::Containers(containers) => {
            ("The keys lie beside it in plain text: use others.", "", containers.image().to_owned())
        }
    };
    let ecdsa_aggregator = ecdsa_aggregator.checksummed();
    format!(
        r#"# Written by `hourglass-executor demo`. {warning}
deployment_mode: docker
log_level: info
log_format: json
{development}operator:
  name: demo
operator_keys:
  ecdsa_private_key_path: {directory}/operator-ecdsa.key
  bls_private_key_path: {directory}/operator-bn254.key
server:
  listen: 127.0.0.1:{tasks}
  drain_delay: 100ms
  drain_timeout: 10s
storage:
  path: {directory}/data
metrics:
  address: 127.0.0.1
  port: {metrics}
health:
  address: 127.0.0.1
  port: {health}
tasks:
  deadline: 5s
avs_config:
  supported_avs:
    - address: "0x1111111111111111111111111111111111111111"
      name: squares-ecdsa
      performer_image: {performer}
      aggregators:
        - address: "{ecdsa_aggregator}"
      operator_sets:
        - id: 0
          curve: ecdsa
          verifier_address: "0xd0930ee96D07de4F9d493c259232222e46B6EC25"
          domain_version: "1"
      env:
        - {REVISION}
    - address: "0x2222222222222222222222222222222222222222"
      name: squares-bn254
      performer_image: {performer}
      aggregators:
        - address: "{bn254_aggregator}"
          bn254_public_key: "{bn254_key}"
      operator_sets:
        - id: 1
          curve: bn254
"#
    )
}
