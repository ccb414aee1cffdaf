//! How bytes reach the engine: one connection for each request, so that no half-dead connection is ever used again.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::BollardRequest;
use bollard::errors::Error;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::options::{EngineTls, Options};
use crate::runtime::OpenError;

const DEFAULT: &str = "unix:///var/run/docker.sock";

/// Where the engine listens.
#[derive(Clone)]
pub(crate) struct Transport {
    text: Arc<str>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Unix(Arc<Path>),
    Tcp(Arc<str>),
    Tls { authority: Arc<str>, name: ServerName<'static>, connector: TlsConnector },
}

impl Transport {
    /// Reads addresses and certificates; connects to nothing.
    pub(crate) fn new(options: &Options) -> Result<Self, OpenError> {
        let text = options.host.as_deref().unwrap_or(DEFAULT);
        let way = match (text.split_once("://"), &options.tls) {
            (Some(("unix", path)), None) if path.starts_with('/') => Way::Unix(PathBuf::from(path).into()),
            (Some(("unix", path)), Some(_)) if path.starts_with('/') => return Err(OpenError::TlsOverSocket),
            (Some(("tcp" | "http", rest)), None) => Way::Tcp(authority(text, rest, 2375)?.into()),
            (Some(("tcp" | "https", rest)), Some(tls)) => {
                let authority = authority(text, rest, 2376)?;
                let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let name = ServerName::try_from(host).map_err(|_| OpenError::Address(text.into()))?;
                Way::Tls { authority: authority.into(), name, connector: connector(tls)? }
            }
            _ => return Err(OpenError::Address(text.into())),
        };
        Ok(Self { text: text.into(), way })
    }

    /// One request on a connection of its own. Resolves when the head of the answer is there.
    pub(crate) async fn send(&self, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        match &self.way {
            Way::Unix(path) => exchange(UnixStream::connect(path).await?, "docker", request).await,
            Way::Tcp(authority) => exchange(tcp(authority).await?, authority, request).await,
            Way::Tls { authority, name, connector } => {
                let stream = connector.connect(name.clone(), tcp(authority).await?).await?;
                exchange(stream, authority, request).await
            }
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.text).finish()
    }
}

/// `host:port`, the port filled in where it is not there.
fn authority(text: &str, rest: &str, port: u16) -> Result<String, OpenError> {
    let rest = rest.trim_end_matches('/');
    let wrong = || OpenError::Address(text.into());
    let parsed: hyper::http::uri::Authority = rest.parse().map_err(|_| wrong())?;
    if parsed.host().is_empty() || rest.contains('@') {
        return Err(wrong());
    }
    Ok(format!("{}:{}", parsed.host(), parsed.port_u16().unwrap_or(port)))
}

fn connector(tls: &EngineTls) -> Result<TlsConnector, OpenError> {
    let unreadable = |path: &Path, error: &dyn fmt::Display| OpenError::TlsFile {
        path: path.to_owned(),
        message: error.to_string(),
    };
    let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>, OpenError> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        let found: Vec<_> = read.map_err(|error| unreadable(path, &error))?;
        if found.is_empty() { Err(unreadable(path, &"there is no certificate in it")) } else { Ok(found) }
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca)? {
        roots.add(certificate).map_err(|error| unreadable(&tls.ca, &error))?;
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| unreadable(&tls.key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(&tls.ca, &error))?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&tls.cert)?, key)
        .map_err(|error| unreadable(&tls.cert, &error))?;
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn tcp(authority: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn exchange<S>(stream: S, host: &str, mut request: BollardRequest) -> Result<Response<Incoming>, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    *request.uri_mut() = target.parse::<Uri>()?;
    let host = HeaderValue::from_str(host).map_err(hyper::http::Error::from)?;
    request.headers_mut().insert(HOST, host);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, or when nobody waits for the answer any longer.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the container engine broke");
        }
    });
    Ok(sender.send_request(request).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let open = |host: &str| Transport::new(&Options { host: Some(host.into()), ..Options::default() });
        for right in ["unix:///run/x.sock", "tcp://localhost", "tcp://[::1]:1", "http://10.0.0.1:2375/"] {
            assert!(open(right).is_ok(), "{right}");
        }
        for wrong in ["", "/run/x.sock", "unix://x", "ssh://host", "tcp://", "tcp://u@h:1", "npipe:////x", "https://h"]
        {
            assert!(matches!(open(wrong), Err(OpenError::Address(_))), "{wrong}");
        }
        let tls = EngineTls { ca: "/no/ca".into(), cert: "/no/cert".into(), key: "/no/key".into() };
        let options = Options { host: Some("tcp://h".into()), tls: Some(tls.clone()), ..Options::default() };
        assert!(
            matches!(Transport::new(&options), Err(OpenError::TlsFile { path, .. }) if path == Path::new("/no/ca"))
        );
        let options = Options { tls: Some(tls), ..Options::default() };
        assert!(matches!(Transport::new(&options), Err(OpenError::TlsOverSocket)));
    }
}
