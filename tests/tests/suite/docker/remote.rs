//! An engine that is reached over TCP, with TLS on both sides.

use std::fs;
use std::path::Path;

use hourglass_environment::engine::EngineOptions;
use hourglass_tests::running::caller::{connect, deploy_this};
use hourglass_tests::running::command;
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, port};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::own::Own;
use super::{PATIENCE, answer, artifact};

/// An authority, and what it issues: as `ca.pem`, `cert.pem` and `key.pem` of a directory, as Docker has them.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For a server at this address, or for a client.
    fn issue(&self, folder: &Path, server: Option<&str>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(server.map(str::to_owned).into_iter().collect::<Vec<_>>()).unwrap();
        let usage = server.map_or(ExtendedKeyUsagePurpose::ClientAuth, |_| ExtendedKeyUsagePurpose::ServerAuth);
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("ca.pem"), &self.pem).unwrap();
        fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_certificates_on_both_sides() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let files = tempfile::tempdir().unwrap();
    let folder = |name: &str| files.path().join(name);
    authority.issue(&folder("engine"), Some("127.0.0.1"));
    authority.issue(&folder("client"), None);
    // The right authority, and a certificate of another one.
    stranger.issue(&folder("stranger"), None);
    fs::write(folder("stranger").join("ca.pem"), &authority.pem).unwrap();
    // The other way round.
    authority.issue(&folder("misled"), None);
    fs::write(folder("misled").join("ca.pem"), &stranger.pem).unwrap();

    let host = format!("tcp://127.0.0.1:{}", port().unwrap());
    let of_engine = |flag: &str, file: &str| format!("--{flag}={}", folder("engine").join(file).display());
    let arguments = vec![
        "--tlsverify".to_owned(),
        of_engine("tlscacert", "ca.pem"),
        of_engine("tlscert", "cert.pem"),
        of_engine("tlskey", "key.pem"),
        format!("--host={host}"),
    ];
    let own = Own::start(EngineOptions { arguments, ..EngineOptions::default() }).await;
    let mut site = own.site([Avs::ecdsa()]);
    let variables =
        |name: &str| [("DOCKER_HOST", host.clone()), ("DOCKER_CERT_PATH", folder(name).display().to_string())];

    // What is wrong with it is said before anything starts.
    let config = site.config().display().to_string();
    let doctor = async |name: &str| {
        let variables = variables(name);
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        command::run_with(site.directory(), &["doctor", "--config", &config], &variables, "").await.unwrap()
    };
    for name in ["stranger", "misled"] {
        let ended = doctor(name).await;
        println!("{name}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
        assert!(ended.stdout.contains("correct docker.tls, or the files in DOCKER_CERT_PATH"), "{name}: {ended:?}");
    }
    let well = doctor("client").await;
    assert_eq!(well.code, Some(0), "{well:?}");

    site.env.extend(variables("client").map(|(name, value)| (name.to_owned(), value)));
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    assert_eq!(answer(&site, avs, "over TLS").await, "9");
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(1, PATIENCE).await.unwrap();
    let api = connect(&site).await.unwrap();
    let deployed = deploy_this(&site, &api, artifact(avs, &[("COUNT_IN_ANSWER", "1")])).await.unwrap();
    assert!(deployed.success, "{deployed:?}");
    assert_eq!(answer(&site, avs, "deployed over TLS").await, "9#run1");
    let after = containers.settled(1, PATIENCE).await.unwrap();
    assert_ne!(after[0].id, before[0].id);
    executor.stop().await.unwrap();
}
