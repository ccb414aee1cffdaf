use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener};

/// Where the proxy is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A socket that its owner and group may use.
    Unix(PathBuf),
    /// An address. Whoever reaches it is let through as the executor is.
    Tcp(SocketAddr),
}

/// Text that is no [`Listen`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected unix:///path/to/socket or tcp://127.0.0.1:2375")]
pub struct ListenError;

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp", address)) => address.parse().map(Self::Tcp).map_err(|_| ListenError),
            _ => Err(ListenError),
        }
    }
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {at}")]
pub struct BindError {
    at: String,
    #[source]
    source: io::Error,
}

#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

pub(super) async fn bind(listen: &Listen) -> Result<Listener, BindError> {
    match listen {
        Listen::Tcp(address) => TcpListener::bind(address)
            .await
            .map(Listener::Tcp)
            .map_err(|source| BindError { at: address.to_string(), source }),
        Listen::Unix(path) => {
            unix(path).map(Listener::Unix).map_err(|source| BindError { at: path.display().to_string(), source })
        }
    }
}

fn unix(path: &Path) -> io::Result<UnixListener> {
    // A predecessor that was killed leaves its socket behind; one that answers is in use.
    if std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            _ => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process serves it")),
        }
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}
