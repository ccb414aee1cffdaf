//! The network of a cluster: the machine's loopback, or one of its own.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hourglass_environment::commands;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::site::{OWN_ADDRESS, Site};

/// Where `ip` mounts the namespaces that it makes.
const NAMESPACES: &str = "/run/netns";

/// Where a cluster's processes are, as far as networks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    /// The namespace; none is the one that this process is in.
    path: Option<PathBuf>,
}

impl Network {
    pub(crate) fn of(site: &Site) -> Self {
        Self { path: site.namespace().map(|name| Path::new(NAMESPACES).join(name)) }
    }

    /// The namespace as a file, where it is one of the cluster's own.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Runs something inside. A process that is started there stays there.
    pub(crate) fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> Result<T> {
        let Some(path) = &self.path else { return Ok(run()) };
        // A thread changes its namespace for good: so it is one of its own.
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter(path)?;
                Ok(run())
            });
            thread.join().map_err(|_| anyhow!("what ran in the network of the cluster panicked"))?
        })
    }
}

/// Moves this thread into a network namespace, for good.
fn enter(path: &Path) -> Result<()> {
    let namespace = File::open(path).with_context(|| path.display().to_string())?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .with_context(|| format!("entering {}", path.display()))
}

/// Makes the namespace of a cluster: loopback alone, on which the cluster's address is, so that nothing leaves it.
pub(crate) fn create(name: &str) -> Result<()> {
    commands::run("ip", ["netns", "add", name])?;
    let ip = |words: &[&str]| commands::run("ip", [&["-n", name], words].concat());
    ip(&["link", "set", "lo", "up"])?;
    // A kubelet takes no address of 127.0.0.0/8 for its own.
    ip(&["address", "add", &format!("{OWN_ADDRESS}/32"), "dev", "lo"])?;
    // What goes to a Service must not seem to come from 127.0.0.1, to which no pod could answer.
    ip(&["route", "add", "default", "dev", "lo", "src", &OWN_ADDRESS.to_string()])?;
    Ok(())
}

/// Removes it, where it is.
pub(crate) fn remove(name: &str) -> Result<()> {
    if Path::new(NAMESPACES).join(name).exists() {
        commands::run("ip", ["netns", "delete", name])?;
    }
    Ok(())
}

/// A port of the machine's loopback behind which something in a cluster's network answers. It ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: AtomicBool,
    frozen: AtomicBool,
}

impl Relay {
    /// From this port on, of the network that this thread is in, to that address inside the other. Port 0 is any.
    pub(crate) fn start(port: u16, network: &Network, to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port}"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let (shared, path) = (Arc::clone(&state), network.path.clone());
        let (told, entered) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // The listener stays where it was made; whatever this thread opens from now on is inside.
            let done = path.as_deref().map_or(Ok(()), enter);
            let failed = done.is_err();
            if told.send(done).is_err() || failed {
                return;
            }
            for client in listener.incoming().flatten() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // Whatever fails between two others is theirs to notice.
                    let _closed = shared.pass(client, to);
                });
            }
        });
        entered.recv().context("the relay's thread ended")??;
        Ok(Self { address, state })
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing passes, in either direction: connections stay, silent.
    pub(crate) fn freeze(&self) {
        self.state.frozen.store(true, Ordering::SeqCst);
    }

    /// Everything passes again, what was held back first.
    pub(crate) fn thaw(&self) {
        self.state.frozen.store(false, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // The thread that accepts looks up only when somebody comes.
        let _woken = TcpStream::connect(self.address);
    }
}

impl State {
    fn pass(self: &Arc<Self>, client: TcpStream, to: SocketAddr) -> Result<()> {
        // A server that does not run refuses, and so do we: the client sees its connection closed.
        let server = TcpStream::connect(to)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from, into) = (client.try_clone()?, server.try_clone()?);
        let shared = Arc::clone(self);
        let back = std::thread::spawn(move || shared.copy(&server, &client));
        self.copy(&from, &into);
        back.join().map_err(|_| anyhow!("a relay panicked"))
    }

    /// Until one side is closed, which the other learns.
    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        let copied: io::Result<()> = (|| {
            loop {
                let read = io::Read::read(&mut from, &mut buffer)?;
                while self.frozen.load(Ordering::SeqCst) && !self.ended.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                if read == 0 {
                    return Ok(());
                }
                io::Write::write_all(&mut to, buffer.get(..read).unwrap_or_default())?;
            }
        })();
        // A connection that broke is broken in both directions; one that ended may still be answered.
        let end = if copied.is_ok() { Shutdown::Write } else { Shutdown::Both };
        let _gone = to.shutdown(end);
        if copied.is_err() {
            let _gone = from.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_is_sent_comes_out_at_the_other_end_and_ends_there() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let relay = Relay::start(0, &Network { path: None }, server.local_addr().unwrap()).unwrap();
        let mut client = TcpStream::connect(relay.address()).unwrap();
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        let mut text = String::new();
        accepted.read_to_string(&mut text).unwrap();
        assert_eq!(text, "question");
        accepted.write_all(b"answer").unwrap();
        drop(accepted);
        text.clear();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "answer");
    }

    #[test]
    fn a_frozen_one_holds_back_and_then_passes_on() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let relay = Relay::start(0, &Network { path: None }, server.local_addr().unwrap()).unwrap();
        relay.freeze();
        let mut client = TcpStream::connect(relay.address()).unwrap();
        client.write_all(b"x").unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        accepted.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        accepted.read(&mut [0]).unwrap_err();
        relay.thaw();
        accepted.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(accepted.read(&mut [0]).unwrap(), 1);
    }
}
