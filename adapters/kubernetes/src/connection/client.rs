use std::path::PathBuf;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use thiserror::Error;
use tower::{BoxError, ServiceBuilder};

/// How to reach the API server.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// A kubeconfig; where there is none, the variable `KUBECONFIG`, then what a pod is given, then `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; its current one where not given.
    pub context: Option<String>,
    /// Who calls, such as `hourglass-operator/0.1.0`: the audit log and the field managers of unnamed writers show it.
    pub user_agent: String,
}

/// A client, and what its configuration says besides.
#[derive(Clone)]
pub struct Connection {
    /// For calls.
    pub client: Client,
    /// The namespace of the kubeconfig's context, or of the pod.
    pub namespace: String,
    /// Where the API server is, for people.
    pub server: Uri,
}

/// There is no way to the API server.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No usable configuration.
    #[error(
        "no configuration of a cluster: name one with --kubeconfig, or run in a pod with a service account: {message}"
    )]
    NotConfigured {
        /// What was tried and what was seen.
        message: String,
    },
    /// The configuration asks for something that is not supported.
    #[error("the kubeconfig names the proxy {proxy}, which is not supported: remove `proxy-url`")]
    Proxy {
        /// Which one.
        proxy: Uri,
    },
    /// Certificates or credentials cannot be used.
    #[error("the credentials for the cluster cannot be used: {message}")]
    Credentials {
        /// What is wrong.
        message: String,
    },
}

impl ConnectError {
    /// Stable, in CamelCase.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => "ClusterNotConfigured",
            Self::Proxy { .. } => "ClusterProxyUnsupported",
            Self::Credentials { .. } => "ClusterCredentials",
        }
    }
}

/// A client for the API server. Nothing is sent yet.
///
/// Connections are kept alive by probes of the system, so that a peer that vanished without a word is noticed within
/// half a minute, whatever is going on.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(options: &ConnectOptions) -> Result<Connection, ConnectError> {
    connect_with(configuration(options).await?, &options.user_agent)
}

/// [`connect`], with a configuration that is there already.
///
/// # Errors
/// [`ConnectError`].
pub fn connect_with(mut config: Config, user_agent: &str) -> Result<Connection, ConnectError> {
    if let Some(proxy) = config.proxy_url.take() {
        return Err(ConnectError::Proxy { proxy });
    }
    let agent = HeaderValue::from_str(user_agent);
    let agent = agent.map_err(|error| ConnectError::Credentials { message: error.to_string() })?;
    config.headers.push((USER_AGENT, agent));
    let namespace = config.default_namespace.clone();
    let server = config.cluster_url.clone();
    let client = build(&config).map_err(|error| ConnectError::Credentials { message: error.to_string() })?;
    Ok(Connection { client, namespace, server })
}

async fn configuration(options: &ConnectOptions) -> Result<Config, ConnectError> {
    let not_configured = |message: String| ConnectError::NotConfigured { message };
    let context = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    if let Some(path) = &options.kubeconfig {
        let read = Kubeconfig::read_from(path).map_err(|error| not_configured(error.to_string()))?;
        let config = Config::from_custom_kubeconfig(read, &context).await;
        return config.map_err(|error| not_configured(error.to_string()));
    }
    let in_pod = std::env::var_os("KUBECONFIG").is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    if in_pod {
        return Config::incluster().map_err(|error| not_configured(error.to_string()));
    }
    Config::from_kubeconfig(&context).await.map_err(|error| not_configured(error.to_string()))
}

fn build(config: &Config) -> Result<Client, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(Duration::from_secs(5)));
    tcp.set_keepalive(Some(Duration::from_secs(15)));
    tcp.set_keepalive_interval(Some(Duration::from_secs(5)));
    tcp.set_keepalive_retries(Some(3));
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let http: Http<_, Body> = Http::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(60)).build(tls);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
