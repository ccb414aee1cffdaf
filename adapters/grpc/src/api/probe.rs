//! What a listener speaks, asked after a call has failed: "protocol error" helps nobody.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(2);
/// The HTTP/2 preface and empty settings.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of the frame with which an HTTP/2 server begins.
const SETTINGS: u8 = 4;

/// Whether `host:port` answers the beginning of a TLS handshake in kind: with a handshake or an alert.
pub(super) async fn speaks_tls(authority: &str) -> bool {
    let Some(hello) = hello() else { return false };
    matches!(answer(authority, &hello).await, Some([0x15 | 0x16, 0x03, ..]))
}

/// Whether `host:port` answers plaintext HTTP/2 in kind.
pub(super) async fn speaks_plaintext(authority: &str) -> bool {
    matches!(answer(authority, HTTP2).await, Some([0, _, _, SETTINGS, _]))
}

/// The first bytes that come back.
async fn answer(authority: &str, begin: &[u8]) -> Option<[u8; 5]> {
    let asked = async {
        let mut tcp = TcpStream::connect(authority).await.ok()?;
        tcp.write_all(begin).await.ok()?;
        let mut first = [0; 5];
        tcp.read_exact(&mut first).await.ok()?;
        Some(first)
    };
    timeout(LOOK, asked).await.ok().flatten()
}

/// How a TLS client begins. It trusts nobody: nothing but the first answer is of interest.
fn hello() -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let mut config = versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").ok()?).ok()?;
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).ok()?;
    Some(bytes)
}
