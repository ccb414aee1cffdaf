//! What tests run inside a container of a performer, and beside it on the host. A program without dependencies, compiled by
//! the suite, static. Says of each address or path one line: itself, a blank, and what became of it.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const LIMIT: Duration = Duration::from_millis(1500);

fn main() {
    let targets: Vec<String> = std::env::args().skip(1).collect();
    let asked: Vec<_> = targets
        .into_iter()
        .map(|target| (target.clone(), std::thread::spawn(move || if target.starts_with('/') { path(&target) } else { address(&target) })))
        .collect();
    for (target, asked) in asked {
        println!("{target} {}", asked.join().unwrap_or("panicked"));
    }
}

/// `answers` where somebody serves; anything else where nobody does, or not us.
fn address(target: &str) -> &'static str {
    let Ok(mut found) = target.to_socket_addrs() else { return "unknown" };
    let Some(address) = found.next() else { return "unknown" };
    let Ok(mut stream) = TcpStream::connect_timeout(&address, LIMIT) else { return "unreachable" };
    let _ = stream.set_read_timeout(Some(LIMIT));
    // A server of HTTP/2 speaks as soon as it is spoken to, and so does one of HTTP/1: with an error.
    let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    match stream.read(&mut [0; 64]) {
        Ok(0) => "closed",
        Ok(_) => "answers",
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => "silent",
        Err(_) => "closed",
    }
}

/// `answers` where somebody listens at a socket, `there` for any other file.
fn path(target: &str) -> &'static str {
    if std::fs::symlink_metadata(target).is_err() {
        return "missing";
    }
    if UnixStream::connect(target).is_ok() { "answers" } else { "there" }
}
