//! Whether the aggregator is reached.

use std::sync::Arc;
use std::time::Duration;

use hourglass_core::config::AggregatorEndpoint;
use hourglass_docker::Finding;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Longer than any connection that is of use.
const LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn aggregator(configured: &AggregatorEndpoint) -> Option<Finding> {
    let endpoint = configured.endpoint.as_ref()?;
    let connect = async {
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(|e| e.to_string())?;
        if configured.tls { handshake(&endpoint.host, stream).await } else { Ok(()) }
    };
    let limit = configured.timeout.min(LIMIT);
    let problem = match tokio::time::timeout(limit, connect).await {
        Ok(Ok(())) => {
            let how = if configured.tls { " over TLS" } else { "" };
            return Some(Finding::good("aggregator", format!("{endpoint} is reached{how}")));
        }
        Ok(Err(problem)) => problem,
        Err(_) => format!("no connection within {limit:?}"),
    };
    let remedy = "correct aggregator_endpoint (and aggregator_tls_enabled), or let this host through to it";
    Some(Finding::bad("aggregator", format!("{endpoint}: {problem}"), remedy))
}

async fn handshake(host: &str, stream: TcpStream) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| "its name cannot stand in a certificate".to_owned())?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use hourglass_docker::Outcome;

    use super::*;

    #[tokio::test]
    async fn there_or_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Some(hourglass_core::performer::Endpoint { host: "127.0.0.1".into(), port });
        let plain = AggregatorEndpoint { endpoint, tls: false, timeout: Duration::from_millis(500) };
        assert_eq!(aggregator(&plain).await.unwrap().outcome, Outcome::Good);
        // It accepts and says nothing.
        let tls = AggregatorEndpoint { tls: true, ..plain.clone() };
        assert_eq!(aggregator(&tls).await.unwrap().outcome, Outcome::Bad);
        drop(listener);
        assert_eq!(aggregator(&plain).await.unwrap().outcome, Outcome::Bad);
        assert_eq!(aggregator(&AggregatorEndpoint { endpoint: None, ..plain }).await, None);
    }
}
