//! TLS and mutual TLS, with the command line as the client.

use std::fs;

use hourglass_tests::running::command::{self, Ended};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::waiting::until_async;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::process::Signal;

/// An authority whose files are `NAME.pem`, and what it issues.
struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new(site: &Site, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(site.path(&format!("{name}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
        Self(Issuer::new(params, key))
    }

    /// Writes `NAME.crt` and `NAME.key`, for a host name.
    fn issue(&self, site: &Site, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["executor.example".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(site.path(&format!("{name}.crt")), certificate.pem()).unwrap();
        fs::write(site.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

async fn submit(site: &Site, flags: &str) -> Ended {
    let base = "submit --config executor.yaml --aggregator-key aggregator-ecdsa.key --payload 3 --timeout 10";
    let line = format!("{base} {flags}");
    let arguments: Vec<&str> = line.split_whitespace().collect();
    command::run(site.directory(), &arguments, "").await.unwrap()
}

const NAMED: &str = "--tls-ca ca.pem --tls-server-name executor.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let authority = Authority::new(&site, "ca");
    authority.issue(&site, "server");
    Authority::new(&site, "other");
    let site = site.set("server.tls.cert_path=server.crt").set("server.tls.key_path=server.key");
    let executor = Executor::start(&site).await.unwrap();

    let good = submit(&site, NAMED).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.stdout.contains("both signatures hold"));
    let plaintext = submit(&site, "").await;
    assert!(plaintext.code == Some(1) && plaintext.stderr.contains("--tls-ca"), "{plaintext:?}");
    for (what, flags) in [
        ("another authority", "--tls-ca other.pem --tls-server-name executor.example"),
        ("another name", "--tls-ca ca.pem"),
    ] {
        let refused = submit(&site, flags).await;
        assert_eq!(refused.code, Some(1), "{what}: {refused:?}");
        assert!(refused.stderr.starts_with("error: "), "{what}: {refused:?}");
    }

    // Renewed certificates are read on SIGHUP: a new authority's, so that the difference shows.
    let renewed = Authority::new(&site, "renewed");
    renewed.issue(&site, "server");
    executor.signal(Signal::HUP).unwrap();
    let served = until_async("the new certificate", std::time::Duration::from_secs(30), async || {
        let ended = submit(&site, "--tls-ca renewed.pem --tls-server-name executor.example").await;
        anyhow::ensure!(ended.code == Some(0), "{ended:?}");
        Ok(())
    });
    served.await.unwrap();
    executor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let authority = Authority::new(&site, "ca");
    authority.issue(&site, "server");
    let clients = Authority::new(&site, "clients");
    clients.issue(&site, "client");
    authority.issue(&site, "stranger");
    let site = site
        .set("server.tls.cert_path=server.crt")
        .set("server.tls.key_path=server.key")
        .set("server.tls.client_ca_path=clients.pem");
    let _executor = Executor::start(&site).await.unwrap();

    let good = submit(&site, &format!("{NAMED} --tls-cert client.crt --tls-key client.key")).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    for (what, flags) in [
        ("no certificate", NAMED.to_owned()),
        ("another authority's", format!("{NAMED} --tls-cert stranger.crt --tls-key stranger.key")),
    ] {
        let refused = submit(&site, &flags).await;
        assert_eq!(refused.code, Some(1), "{what}: {refused:?}");
    }
    assert_eq!(site.runs(&site.avs[0]).len(), 1);
}
