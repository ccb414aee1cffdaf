//! `healthcheck`: asks an executor, or a proxy of the engine's socket, whether it is well. Made for images that have
//! nothing else in them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hourglass_docker::proxy::Listen;

use crate::cli::HealthcheckArgs;
use crate::commands::reach::dialled;
use crate::configuration;

/// Of an answer; the conditions of an executor with many performers are shorter.
const ANSWER_BYTES: u64 = 1 << 20;

pub(crate) fn run(args: &HealthcheckArgs) -> anyhow::Result<()> {
    let patience = Duration::from_secs(args.timeout);
    let (at, path) = match &args.socket_proxy {
        Some(proxy) => (proxy.clone(), "/_ping"),
        None => {
            let config = configuration::load(&args.config)?.config;
            ensure!(config.health.enabled, "health.enabled is false: nothing can be asked");
            (Listen::Tcp(dialled(config.health.listen)), if args.live { "/health" } else { "/ready" })
        }
    };
    let answer = match &at {
        Listen::Tcp(address) => ask(tcp(*address, patience)?, path),
        Listen::Unix(socket) => {
            let stream = UnixStream::connect(socket).with_context(|| format!("cannot reach {}", socket.display()))?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            ask(stream, path)
        }
    };
    let (status, body) = answer.context("no answer")?;
    println!("{}", body.trim_end());
    ensure!(status == 200, "{path} answers {status}");
    Ok(())
}

fn tcp(address: SocketAddr, patience: Duration) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, patience).with_context(|| format!("cannot reach {address}"))?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// One request without a library: a health check starts a process, and must cost little.
fn ask(mut stream: impl Read + Write, path: &str) -> anyhow::Result<(u16, String)> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scripted(&'static [u8], Vec<u8>);

    impl Read for Scripted {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn answers() {
        let say = |text: &'static [u8]| ask(Scripted(text, Vec::new()), "/ready");
        assert_eq!(say(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}\n").unwrap(), (200, "{}\n".to_owned()));
        assert_eq!(say(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap(), (503, String::new()));
        for wrong in [&b""[..], b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 x y\r\n\r\n"] {
            assert!(say(wrong).is_err());
        }
    }
}
