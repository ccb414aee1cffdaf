use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Where something is served, as Go programs spell it: `:8080` on every address, `0` nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindAddress {
    Nowhere,
    Everywhere(u16),
    At(SocketAddr),
}

impl BindAddress {
    /// The socket address, if it is to be served anywhere. Everywhere is `[::]`, where IPv4 arrives too; on a system
    /// without IPv6 that is `0.0.0.0`.
    pub(crate) fn socket(self) -> Option<SocketAddr> {
        match self {
            Self::Nowhere => None,
            Self::Everywhere(port) => {
                let everywhere = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
                let has_v6 = std::net::UdpSocket::bind(everywhere).is_ok();
                let any = if has_v6 { everywhere.ip() } else { IpAddr::from([0, 0, 0, 0]) };
                Some(SocketAddr::new(any, port))
            }
            Self::At(address) => Some(address),
        }
    }
}

impl FromStr for BindAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self::Nowhere);
        }
        let expected = || format!("'{text}' is no address: expected :8080, 127.0.0.1:8080, or 0 for nowhere");
        match text.strip_prefix(':') {
            Some(port) => port.parse().map(Self::Everywhere).map_err(|_| expected()),
            None => text.parse().map(Self::At).map_err(|_| expected()),
        }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("0"),
            Self::Everywhere(port) => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
        }
    }
}
