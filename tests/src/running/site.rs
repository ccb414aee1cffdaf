//! A directory with keys and a configuration, in which an executor runs.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result};
use hourglass_core::ports::{Mandate, PublicKey, ResultSigner};
use hourglass_core::task::EcdsaDomain;
use hourglass_core::{Address, CurveType, Secret};
use hourglass_executor::aggregator::{Aggregator, Expected};
use hourglass_grpc::api::ApiOptions;
use hourglass_keys::{
    Bn254Key, Bn254Signer, EcdsaKey, EcdsaSigner, KdfCost, KeyFormat, save_key_file, write_bn254, write_ecdsa,
};
use tempfile::TempDir;

use crate::binaries::Binaries;
use crate::running::{containers, processes};

/// The verifier contract of every ECDSA operator set here.
pub const VERIFIER: Address = Address::new([0xd0; 20]);

/// One AVS of a site.
#[derive(Debug, Clone)]
pub struct Avs {
    /// Its name and that of its performer.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// Its only operator set.
    pub set: u32,
    /// The curve of that set, and of its aggregator.
    pub curve: CurveType,
    /// Variables of its performer, besides `COUNT_FILE`.
    pub env: Vec<(String, String)>,
    /// Its image, where it is not the site's.
    pub image: Option<String>,
    /// More lines of its entry in the configuration, without indentation.
    pub lines: Vec<String>,
}

impl Avs {
    /// An AVS whose operators sign on secp256k1.
    pub fn ecdsa() -> Self {
        Self::new("squares-ecdsa", Address::new([0x11; 20]), 0, CurveType::Ecdsa)
    }

    /// An AVS whose operators sign on BN254.
    pub fn bn254() -> Self {
        Self::new("squares-bn254", Address::new([0x22; 20]), 1, CurveType::Bn254)
    }

    fn new(name: &str, address: Address, set: u32, curve: CurveType) -> Self {
        Self { name: name.to_owned(), address, set, curve, env: Vec::new(), image: None, lines: Vec::new() }
    }

    /// With a variable for its performer.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// With an image of its own.
    #[must_use]
    pub fn image(mut self, reference: impl Into<String>) -> Self {
        self.image = Some(reference.into());
        self
    }

    /// Another AVS of the same kind, told apart by a number: its name and its address carry it.
    #[must_use]
    pub fn numbered(mut self, number: u8) -> Self {
        let mut address = *self.address.as_bytes();
        address[19] = number;
        self.address = Address::new(address);
        self.name = format!("{}-{number}", self.name);
        self
    }

    /// With one more line in the configuration.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }
}

/// Where everything listens, on loopback.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Tasks, and management unless it has a listener of its own.
    pub tasks: u16,
    /// `/metrics`.
    pub metrics: u16,
    /// `/health`, `/ready`, `/startup`.
    pub health: u16,
    /// Free for what the test wants.
    pub spare: u16,
}

/// The engine on which a site's performers are containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnEngine {
    /// `unix://…` or `tcp://…`.
    pub host: String,
    /// What performers run where their AVS names no image: the sample performer.
    pub image: String,
}

/// What a site is made of. Dropping it kills every process and removes every container that belongs to it.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
    /// Where everything listens.
    pub ports: Ports,
    /// The AVSs; [`Site::write`] puts a change into the configuration.
    pub avs: Vec<Avs>,
    /// Where performers are containers; without it they are processes.
    pub engine: Option<OnEngine>,
    /// `--set` flags of the executor, as in `server.idle_timeout=1s`.
    pub set: Vec<String>,
    /// Variables of the executor.
    pub env: Vec<(String, String)>,
    /// The operator's key on secp256k1.
    pub operator_ecdsa: EcdsaKey,
    /// The operator's key on BN254.
    pub operator_bn254: Bn254Key,
    /// The aggregator's key on secp256k1.
    pub aggregator_ecdsa: EcdsaKey,
    /// The aggregator's key on BN254.
    pub aggregator_bn254: Bn254Key,
}

impl Site {
    /// Makes keys and writes a configuration.
    ///
    /// # Errors
    /// Where the binaries do not build or the directory cannot be written.
    pub fn new(avs: impl IntoIterator<Item = Avs>) -> Result<Self> {
        Self::make(None, avs.into_iter().collect())
    }

    /// The same, with containers on this engine.
    ///
    /// Containers share no directory with the test: [`Site::runs`] stays empty.
    ///
    /// # Errors
    /// As [`Site::new`].
    pub fn docker(engine: OnEngine, avs: impl IntoIterator<Item = Avs>) -> Result<Self> {
        Self::make(Some(engine), avs.into_iter().collect())
    }

    fn make(engine: Option<OnEngine>, avs: Vec<Avs>) -> Result<Self> {
        let site = Self {
            directory: TempDir::with_prefix("hourglass-site-")?,
            ports: Ports { tasks: port()?, metrics: port()?, health: port()?, spare: port()? },
            avs,
            engine,
            set: Vec::new(),
            env: Vec::new(),
            operator_ecdsa: EcdsaKey::generate()?,
            operator_bn254: Bn254Key::generate()?,
            aggregator_ecdsa: EcdsaKey::generate()?,
            aggregator_bn254: Bn254Key::generate()?,
        };
        let save = |name: &str, text: Secret<String>| save_key_file(&site.path(name), &text);
        let cost = KdfCost::default();
        save("operator-ecdsa.key", write_ecdsa(&site.operator_ecdsa, KeyFormat::Hex, None, cost)?)?;
        save("operator-bn254.key", write_bn254(&site.operator_bn254, KeyFormat::Hex, None, cost)?)?;
        save("aggregator-ecdsa.key", write_ecdsa(&site.aggregator_ecdsa, KeyFormat::Hex, None, cost)?)?;
        save("aggregator-bn254.key", write_bn254(&site.aggregator_bn254, KeyFormat::Hex, None, cost)?)?;
        site.write()?;
        Ok(site)
    }

    /// With one more `--set`.
    #[must_use]
    pub fn set(mut self, assignment: impl Into<String>) -> Self {
        self.set.push(assignment.into());
        self
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("executor.yaml")
    }

    /// Where the journal is.
    pub fn storage(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes the configuration as it is now.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self) -> Result<()> {
        Ok(fs::write(self.config(), self.yaml()?)?)
    }

    /// The configuration as it is now.
    ///
    /// # Errors
    /// Where the binaries do not build.
    pub fn yaml(&self) -> Result<String> {
        let directory = self.directory().display();
        let Ports { tasks, metrics, health, .. } = self.ports;
        let how = match &self.engine {
            None => "development: {enabled: true, performers: process}".to_owned(),
            Some(engine) => format!("docker: {{host: \"{}\"}}", engine.host),
        };
        let mut text = format!(
            "deployment_mode: docker\nlog_level: info\nlog_format: json\n{how}\n\
             operator_keys:\n  ecdsa_private_key_path: {directory}/operator-ecdsa.key\n  \
             bls_private_key_path: {directory}/operator-bn254.key\n\
             server: {{listen: \"127.0.0.1:{tasks}\", drain_delay: 200ms, drain_timeout: 20s}}\n\
             storage: {{path: \"{directory}/data\"}}\n\
             metrics: {{address: 127.0.0.1, port: {metrics}}}\n\
             health: {{address: 127.0.0.1, port: {health}}}\n\
             avs_config:\n  supported_avs:{}\n",
            if self.avs.is_empty() { " []" } else { "" }
        );
        let performer = match &self.engine {
            None => Binaries::get()?.performer.display().to_string(),
            Some(engine) => engine.image.clone(),
        };
        for avs in &self.avs {
            text.push_str(&self.entry(avs, &performer));
        }
        Ok(text)
    }

    fn entry(&self, avs: &Avs, performer: &str) -> String {
        let Avs { name, address, set, .. } = avs;
        let aggregator = self.aggregator_address(avs);
        let mut lines = vec![
            format!("name: {name}"),
            format!("performer_image: {}", avs.image.as_deref().unwrap_or(performer)),
            "aggregators:".to_owned(),
            format!("  - address: \"{aggregator}\""),
        ];
        if avs.curve == CurveType::Bn254 {
            let key = const_hex::encode_prefixed(self.aggregator_bn254.public_key().0);
            lines.push(format!("    bn254_public_key: \"{key}\""));
        }
        lines.push("operator_sets:".to_owned());
        lines.push(match avs.curve {
            CurveType::Ecdsa => {
                format!("  - {{id: {set}, curve: ecdsa, verifier_address: \"{VERIFIER}\", domain_version: \"1\"}}")
            }
            CurveType::Bn254 => format!("  - {{id: {set}, curve: bn254}}"),
        });
        let variable = |name: &str, value: &str| format!("  - {{name: {name}, value: \"{value}\"}}");
        let count = self.engine.is_none().then(|| variable("COUNT_FILE", &self.count_file(avs).display().to_string()));
        let env: Vec<_> = count.into_iter().chain(avs.env.iter().map(|(name, value)| variable(name, value))).collect();
        lines.push(format!("env:{}", if env.is_empty() { " []" } else { "" }));
        lines.extend(env);
        lines.extend(avs.lines.iter().cloned());
        let indented: String = lines.iter().map(|line| format!("      {line}\n")).collect();
        format!("    - address: \"{address}\"\n{indented}")
    }

    fn aggregator_address(&self, avs: &Avs) -> Address {
        match avs.curve {
            CurveType::Ecdsa => self.aggregator_ecdsa.address(),
            CurveType::Bn254 => Address::new([0xb2; 20]),
        }
    }

    /// The file in which the AVS's performers note every run.
    pub fn count_file(&self, avs: &Avs) -> PathBuf {
        self.path(&format!("runs-{}", avs.name))
    }

    /// The tasks that the AVS's performers began to run, in order, repetitions included.
    pub fn runs(&self, avs: &Avs) -> Vec<String> {
        let text = fs::read_to_string(self.count_file(avs)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The operator's address.
    pub fn operator(&self) -> Address {
        self.operator_ecdsa.address()
    }

    /// Who submits the tasks of an AVS.
    pub fn aggregator(&self, avs: &Avs) -> Aggregator {
        let signer: Arc<dyn ResultSigner> = match avs.curve {
            CurveType::Ecdsa => Arc::new(EcdsaSigner::new(self.aggregator_ecdsa.clone())),
            CurveType::Bn254 => Arc::new(Bn254Signer::new(self.aggregator_bn254.clone())),
        };
        Aggregator {
            address: self.aggregator_address(avs),
            signer: Some(signer),
            avs: avs.address,
            operator_set_id: avs.set,
            operator: self.operator(),
        }
    }

    /// What answers for an AVS must be signed with.
    pub fn expected(&self, avs: &Avs) -> Expected {
        let (key, mandate) = match avs.curve {
            CurveType::Ecdsa => (PublicKey::Ecdsa(self.operator()), Mandate::Ecdsa(EcdsaDomain::new("1", &VERIFIER))),
            CurveType::Bn254 => (PublicKey::Bn254(self.operator_bn254.public_key()), Mandate::Bn254),
        };
        Expected { operator: self.operator(), key, mandate }
    }

    /// How the executor is reached.
    pub fn endpoint(&self) -> ApiOptions {
        ApiOptions::new(format!("127.0.0.1:{}", self.ports.tasks))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // The executor first: it would start again what is removed.
        processes::kill_all(self.directory());
        if let Some(engine) = &self.engine {
            containers::remove_all(&engine.host, &self.storage());
        }
    }
}

/// A loopback port that nobody listens on and that the system never gives away by itself: below the ephemeral range,
/// each only once in this process, begun at another place in each process.
///
/// # Errors
/// Where none is left.
pub fn port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    let start = u16::try_from(std::process::id() % 311).unwrap_or(0) * 64;
    for _ in 0..COUNT {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    None.context("no loopback port is free")
}
