//! How a running executor is reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use hourglass_core::Secret;
use hourglass_core::config::Config;
use hourglass_grpc::api::{ApiOptions, ApiTls};

use crate::cli::EndpointArgs;

/// Which listener is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Tasks,
    Management,
}

/// The options for a connection: what the flags say, else what the configuration says.
pub(crate) fn options(args: &EndpointArgs, config: Option<&Config>, listener: Listener) -> anyhow::Result<ApiOptions> {
    let own = config.map(|config| match listener {
        Listener::Management => config.management.listen.unwrap_or(config.server.listen),
        Listener::Tasks => config.server.listen,
    });
    let address = args.endpoint.clone().or_else(|| own.map(|address| dialled(address).to_string()));
    let tls = match &args.tls_ca {
        None => None,
        Some(ca) => Some(ApiTls {
            ca: read(ca)?,
            identity: match (&args.tls_cert, &args.tls_key) {
                (Some(certificate), Some(key)) => Some((read(certificate)?, Secret::new(read(key)?))),
                _ => None,
            },
            server_name: args.tls_server_name.clone(),
        }),
    };
    Ok(ApiOptions {
        tls,
        call_timeout: Duration::from_secs(args.timeout),
        ..ApiOptions::new(address.unwrap_or_else(|| "127.0.0.1:9095".into()))
    })
}

/// A listener on every interface is reached on this host.
pub(crate) fn dialled(listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() { SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port()) } else { listen }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
