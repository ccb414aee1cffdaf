use std::net::Ipv4Addr;
use std::time::Duration;

use hourglass_core::Secret;
use hourglass_grpc::api::{ApiError, ApiOptions, ApiTls, ExecutorApi};
use hourglass_grpc::server::{ExecutorServer, ServerError, ServerOptions};
use hourglass_grpc::tls::{TlsError, TlsOptions};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::AsyncReadExt as _;

use crate::support::{Running, Tasks, result, start, submission, within};

/// An authority that makes certificates for `localhost`.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self) -> (Vec<u8>, Secret<Vec<u8>>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem().into_bytes(), Secret::new(key.serialize_pem().into_bytes()))
    }

    fn server(&self, client_ca: Option<&Self>) -> TlsOptions {
        let (certificate, key) = self.issue();
        TlsOptions { certificate, key, client_ca: client_ca.map(|ca| ca.pem.clone().into_bytes()) }
    }
}

async fn call(server: &Running, ca: &Authority, identity: Option<&Authority>) -> Result<(), ApiError> {
    let tls = ApiTls {
        ca: ca.pem.clone().into_bytes(),
        identity: identity.map(Authority::issue),
        server_name: Some("localhost".into()),
    };
    let options = ApiOptions { tls: Some(tls), ..ApiOptions::new(server.addr().to_string()) };
    within("a TLS call", async { ExecutorApi::connect(options).await?.submit(submission()).await }).await?;
    Ok(())
}

async fn serve(tls: TlsOptions) -> Running {
    start(|options| options.tls = Some(tls), Some(Tasks::new(Ok(result()))), None).await
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_served() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = serve(ours.server(None)).await;
    call(&server, &ours, None).await.unwrap();
    assert!(call(&server, &other, None).await.is_err(), "the client does not trust it");
    let plain = ExecutorApi::connect(ApiOptions::new(server.addr().to_string())).await.unwrap();
    for _ in 0..3 {
        let refused = within("the refusal", plain.submit(submission())).await.unwrap_err();
        assert!(matches!(refused, ApiError::TlsExpected { .. }), "plaintext is not served: {refused:?}");
        assert!(refused.to_string().contains("--tls-ca") && !refused.retryable(), "{refused}");
    }
    let listed = within("the refusal", plain.list("", None)).await.unwrap_err();
    assert_eq!(listed.reason(), "TlsExpected");
}

#[tokio::test]
async fn tls_where_there_is_none_is_explained() {
    let (ours, plain) = (Authority::new(), start(|_| {}, Some(Tasks::new(Ok(result()))), None).await);
    let refused = call(&plain, &ours, None).await.unwrap_err();
    assert!(matches!(refused, ApiError::TlsNotOffered { .. }), "{refused:?}");
    assert!(refused.to_string().contains("leave out --tls-ca") && !refused.retryable(), "{refused}");
    // What does not trust, or is not there, is something else.
    let server = serve(ours.server(None)).await;
    let untrusted = call(&server, &Authority::new(), None).await.unwrap_err();
    assert_eq!(untrusted.reason(), "ExecutorUnreachable", "{untrusted:?}");
    let refused = call(&serve(ours.server(Some(&ours))).await, &ours, None).await.unwrap_err();
    assert!(!matches!(refused, ApiError::TlsNotOffered { .. } | ApiError::TlsExpected { .. }), "{refused:?}");
    let nobody = ApiOptions::new("127.0.0.1:1");
    assert_eq!(ExecutorApi::connect(nobody).await.err().unwrap().reason(), "ExecutorUnreachable");
}

#[tokio::test]
async fn with_a_client_authority_only_its_clients_are_served() {
    let (ours, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let server = serve(ours.server(Some(&clients))).await;
    call(&server, &ours, Some(&clients)).await.unwrap();
    assert!(call(&server, &ours, None).await.is_err(), "no certificate");
    assert!(call(&server, &ours, Some(&strangers)).await.is_err(), "somebody else's certificate");
}

#[tokio::test]
async fn certificates_are_renewed_while_serving() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = serve(old.server(None)).await;
    call(&server, &old, None).await.unwrap();
    server.handle.reload_tls(&new.server(None)).unwrap();
    call(&server, &new, None).await.unwrap();
    assert!(call(&server, &old, None).await.is_err());
    let broken = TlsOptions { key: Secret::new(b"no key".to_vec()), ..new.server(None) };
    assert!(matches!(server.handle.reload_tls(&broken), Err(TlsError::Malformed { what: "key", .. })));
    call(&server, &new, None).await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut() {
    let tls = Authority::new().server(None);
    let change = |options: &mut ServerOptions| {
        options.tls = Some(tls);
        options.handshake_timeout = Duration::from_millis(100);
    };
    let server = start(change, Some(Tasks::new(Ok(result()))), None).await;
    let mut tcp = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    let mut heard = Vec::new();
    within("the server closes", tcp.read_to_end(&mut heard)).await.unwrap();
}

#[tokio::test]
async fn a_key_of_another_certificate_is_an_error_at_start() {
    let authority = Authority::new();
    let tls = TlsOptions { key: authority.issue().1, ..authority.server(None) };
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let options = ServerOptions { listen, tls: Some(tls), ..ServerOptions::default() };
    let refused = ExecutorServer::builder(options).bind().await;
    assert!(matches!(refused, Err(ServerError::Tls(TlsError::Mismatch(_)))));
}
