//! An executor with its AVSs, and the aggregators that sign for them.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use hourglass_core::ports::{Mandate, PublicKey, ResultSigner};
use hourglass_core::service::SignedResult;
use hourglass_core::task::{EcdsaDomain, RawSubmission, TaskId};
use hourglass_core::{Address, CurveType, keccak256};
use hourglass_environment::ports::free_ports;
use hourglass_executor::aggregator::{Aggregator, Expected, verify};
use hourglass_grpc::api::{ApiOptions, ExecutorApi};
use hourglass_grpc::proto::v1::executor_service_client::ExecutorServiceClient;
use hourglass_grpc::proto::v1::{Performer, TaskResult, TaskSubmission};
use hourglass_keys::{
    Bn254Key, Bn254Signer, CurveVerifier, EcdsaKey, EcdsaSigner, KdfCost, KeyFormat, save_key_file, write_bn254,
    write_ecdsa,
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::process::Process;

/// How long anything may take to become ready: a hundred containers on a small machine do take a while.
const PATIENCE: Duration = Duration::from_secs(300);
const VERIFIER: &str = "0xd0930ee96D07de4F9d493c259232222e46B6EC25";

/// The programs that are measured.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) executor: PathBuf,
    pub(crate) performer: PathBuf,
}

/// How an executor is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// The second signs with BN254, all others with ECDSA.
    pub(crate) avss: usize,
    pub(crate) failures_per_minute: u32,
}

/// What performers run on.
#[derive(Debug, Clone)]
pub(crate) enum Platform {
    /// Child processes of this program.
    Processes(PathBuf),
    /// Containers of this engine, of this image.
    Containers { host: String, image: String },
}

impl Platform {
    fn yaml(&self) -> String {
        match self {
            Self::Processes(_) => "development:\n  enabled: true\n  performers: process\n".to_owned(),
            Self::Containers { host, .. } => format!("docker:\n  host: \"{host}\"\n"),
        }
    }

    fn performer_image(&self) -> String {
        match self {
            Self::Processes(program) => program.display().to_string(),
            Self::Containers { image, .. } => image.clone(),
        }
    }
}

/// An AVS and who plays its aggregator.
pub(crate) struct Avs {
    pub(crate) aggregator: Aggregator,
    pub(crate) expected: Expected,
}

/// A directory with keys and a configuration.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) avss: Vec<Avs>,
    executor: PathBuf,
    tasks: u16,
    management: u16,
    metrics: u16,
    run: [u8; 32],
}

impl World {
    /// Writes keys and a configuration below `parent`; performers are processes.
    pub(crate) fn make(programs: &Programs, parent: &Path, setup: Setup) -> Result<Self> {
        Self::on(&Platform::Processes(programs.performer.clone()), &programs.executor, parent, setup, &[])
    }

    /// The same on any platform, with lines more, not indented, in the entry of every AVS.
    pub(crate) fn on(
        platform: &Platform,
        executor: &Path,
        parent: &Path,
        setup: Setup,
        lines: &[&str],
    ) -> Result<Self> {
        let directory = TempDir::with_prefix_in("hourglass-bench-", parent)?;
        let (ecdsa, bn254) = (EcdsaKey::generate()?, Bn254Key::generate()?);
        let cost = KdfCost::default();
        save_key_file(&directory.path().join("ecdsa.key"), &write_ecdsa(&ecdsa, KeyFormat::Hex, None, cost)?)?;
        save_key_file(&directory.path().join("bn254.key"), &write_bn254(&bn254, KeyFormat::Hex, None, cost)?)?;
        let operator = ecdsa.address();
        let keys = (PublicKey::Ecdsa(operator), PublicKey::Bn254(bn254.public_key()));
        let [tasks, management, metrics, health] = free_ports()?;
        let failures = setup.failures_per_minute;
        let place = directory.path().display();
        let platform_section = platform.yaml();
        let mut yaml = format!(
            "deployment_mode: docker\nlog_level: info\nlog_format: json\n\
             {platform_section}\
             performer_config:\n  max_performers: 200\n\
             operator:\n  name: bench\n\
             operator_keys:\n  ecdsa_private_key_path: {place}/ecdsa.key\n  bls_private_key_path: {place}/bn254.key\n\
             server:\n  listen: 127.0.0.1:{tasks}\n  drain_delay: 100ms\n  failures_per_minute_per_peer: {failures}\n\
             management:\n  listen: 127.0.0.1:{management}\n\
             authentication:\n  enabled: false\n\
             storage:\n  path: {place}/data\n\
             metrics:\n  address: 127.0.0.1\n  port: {metrics}\n\
             health:\n  address: 127.0.0.1\n  port: {health}\n\
             avs_config:\n  supported_avs:\n"
        );
        let mut avss = Vec::new();
        for index in 0..setup.avss {
            let curve = if index == 1 { CurveType::Bn254 } else { CurveType::Ecdsa };
            avss.push(avs(index, curve, operator, keys, &platform.performer_image(), &mut yaml)?);
            lines.iter().try_for_each(|line| writeln!(yaml, "      {line}"))?;
        }
        fs::write(directory.path().join("executor.yaml"), yaml)?;
        let run = *keccak256(format!("{place} {:?}", SystemTime::now())).as_bytes();
        Ok(Self { directory, avss, executor: executor.to_owned(), tasks, management, metrics, run })
    }

    /// Starts the executor, on one core if that is given. Does not wait for anything.
    pub(crate) fn start(&self, core: Option<&str>) -> Result<Process> {
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", core]).arg(&self.executor);
                command
            }
            None => Command::new(&self.executor),
        };
        command.args(["run", "--config"]).arg(self.directory.path().join("executor.yaml"));
        Process::start(command.current_dir(self.directory.path()), &self.log())
    }

    /// Starts the executor and waits until every AVS is served.
    pub(crate) async fn serve(&self, core: Option<&str>) -> Result<Process> {
        let mut executor = self.start(core)?;
        self.ready(&mut executor).await?;
        Ok(executor)
    }

    /// Waits until every AVS is served.
    pub(crate) async fn ready(&self, executor: &mut Process) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            executor.alive().with_context(|| self.log_tail())?;
            let serving = self.performers().await.map(|performers| {
                performers.iter().filter(|p| p.status == "InService" && p.application_healthy).count()
            });
            match serving {
                Ok(serving) if serving == self.avss.len() => return Ok(()),
                _ if Instant::now() > deadline => bail!("not ready within {PATIENCE:?}:\n{}", self.log_tail()),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// A connection for management.
    pub(crate) async fn api(&self) -> Result<ExecutorApi> {
        Ok(ExecutorApi::connect(ApiOptions::new(format!("127.0.0.1:{}", self.management))).await?)
    }

    /// Every performer; `container_id` is its process id, or the id of its container.
    pub(crate) async fn performers(&self) -> Result<Vec<Performer>> {
        Ok(self.api().await?.list("", None).await?)
    }

    /// How many instances of the only performer serve, as the metrics say.
    pub(crate) fn ready_replicas(&self) -> Result<u32> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.metrics))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        let line = page.lines().find(|line| line.starts_with("hourglass_performer_ready_replicas{"));
        let count = line.and_then(|line| line.rsplit(' ').next()).context("no such metric")?;
        Ok(count.parse()?)
    }

    /// The process ids of the performers, in order.
    pub(crate) async fn performer_ids(&self) -> Result<Vec<u32>> {
        let performers = self.performers().await?;
        let mut ids = performers.iter().map(|p| p.container_id.parse()).collect::<Result<Vec<u32>, _>>()?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// A connection for tasks.
    pub(crate) async fn client(&self) -> Result<ExecutorServiceClient<Channel>> {
        connect(self.tasks).await
    }

    /// Signed tasks of one AVS, which nobody has seen. The performer echoes the payload.
    pub(crate) async fn submissions(&self, avs: usize, numbers: std::ops::Range<u32>) -> Result<Vec<RawSubmission>> {
        let timestamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let mut signed = Vec::with_capacity(numbers.len());
        // On every core: a pairing-friendly curve takes its time.
        let chunk = numbers.len().div_ceil(crate::machine::cores()).max(1);
        let numbers: Vec<u32> = numbers.collect();
        let mut workers = Vec::new();
        for part in numbers.chunks(chunk) {
            let (aggregator, run, part) = (self.avss[avs].aggregator.clone(), self.run, part.to_vec());
            workers.push(tokio::spawn(async move {
                let mut signed = Vec::with_capacity(part.len());
                for number in part {
                    let id =
                        keccak256([run.as_slice(), &aggregator.avs.as_bytes()[..], &number.to_be_bytes()].concat());
                    let payload = format!("echo of task {number:019}").into_bytes();
                    let timestamp = u32::try_from(timestamp).unwrap_or(u32::MAX);
                    signed.push(aggregator.submission(TaskId::new(*id.as_bytes()), payload, timestamp, 0).await?);
                }
                anyhow::Ok(signed)
            }));
        }
        for worker in workers {
            signed.extend(worker.await??);
        }
        Ok(signed)
    }

    /// Checks a result as an aggregator does.
    pub(crate) fn verify(&self, avs: usize, submission: &RawSubmission, result: TaskResult) -> Result<()> {
        let result = SignedResult::from(result);
        anyhow::ensure!(result.output == submission.payload, "the performer did not echo");
        Ok(verify(&CurveVerifier::new(), &self.avss[avs].expected, submission, &result)?)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("executor.log")
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
    }
}

/// One AVS, added to the configuration.
fn avs(
    index: usize,
    curve: CurveType,
    operator: Address,
    (ecdsa_key, bn254_key): (PublicKey, PublicKey),
    performer: &str,
    yaml: &mut String,
) -> Result<Avs> {
    let avs = Address::new([0x10 + u8::try_from(index)?; 20]);
    write!(yaml, "    - address: \"{avs}\"\n      name: avs-{index}\n      performer_image: {performer}\n")?;
    let (address, signer, key, mandate): (_, Arc<dyn ResultSigner>, _, _) = match curve {
        CurveType::Ecdsa => {
            let aggregator = EcdsaKey::generate()?;
            let address = aggregator.address();
            write!(
                yaml,
                "      aggregators:\n        - address: \"{address}\"\n\
                 \x20     operator_sets:\n        - id: 1\n          curve: ecdsa\n          verifier_address: \"{VERIFIER}\"\n\
                 \x20         domain_version: \"1\"\n"
            )?;
            let mandate = Mandate::Ecdsa(EcdsaDomain::new("1", &VERIFIER.parse()?));
            (address, Arc::new(EcdsaSigner::new(aggregator)), ecdsa_key, mandate)
        }
        CurveType::Bn254 => {
            let aggregator = Bn254Key::generate()?;
            let (address, public) = (Address::new([0xb2; 20]), const_hex::encode_prefixed(aggregator.public_key().0));
            write!(
                yaml,
                "      aggregators:\n        - address: \"{address}\"\n          bn254_public_key: \"{public}\"\n\
                 \x20     operator_sets:\n        - id: 1\n          curve: bn254\n"
            )?;
            (address, Arc::new(Bn254Signer::new(aggregator)), bn254_key, Mandate::Bn254)
        }
    };
    let aggregator = Aggregator { address, signer: Some(signer), avs, operator_set_id: 1, operator };
    Ok(Avs { aggregator, expected: Expected { operator, key, mandate } })
}

/// A connection to whatever serves tasks on a port of loopback; waits until something does.
pub(crate) async fn connect(port: u16) -> Result<ExecutorServiceClient<Channel>> {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match endpoint.connect().await {
            Ok(channel) => return Ok(ExecutorServiceClient::new(channel)),
            Err(error) if Instant::now() > deadline => return Err(error).context("nobody serves"),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// The message of a submission.
pub(crate) fn message(submission: &RawSubmission) -> TaskSubmission {
    submission.clone().into()
}
