//! The Engine API, as little of it as the environment needs: one request, one answer, no connection kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The longest that an answer may keep silent: images are large, and disks slow.
const SILENCE: Duration = Duration::from_secs(120);

/// An engine, by its address.
#[derive(Debug, Clone)]
pub struct Api {
    address: Address,
    silence: Duration,
}

#[derive(Debug, Clone)]
enum Address {
    Socket(PathBuf),
    Tcp(String),
}

/// What it answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Api {
    /// An engine by its `DOCKER_HOST`: `unix:///path` or `tcp://host:port`. Whether it is there shows at the first request.
    ///
    /// # Errors
    /// Where it is another kind of address.
    pub fn at(host: &str) -> Result<Self> {
        let address = if let Some(path) = host.strip_prefix("unix://") {
            Address::Socket(path.into())
        } else if let Some(tcp) = host.strip_prefix("tcp://") {
            Address::Tcp(tcp.trim_end_matches('/').to_owned())
        } else {
            bail!("{host} is not an address of an engine that tests can use: unix:///path or tcp://host:port");
        };
        Ok(Self { address, silence: SILENCE })
    }

    /// Gives up when nothing comes for this long, instead of for two minutes.
    #[must_use]
    pub fn silence(mut self, longest: Duration) -> Self {
        self.silence = longest;
        self
    }

    /// Whether the engine answers `/_ping`.
    ///
    /// # Errors
    /// Where it does not, with why.
    pub fn ping(&self) -> Result<()> {
        self.request("GET", "/_ping", &[], &[])?.success().map(drop)
    }

    /// A `GET` that must succeed, as JSON.
    ///
    /// # Errors
    /// Where the engine is not reached or does not answer 2xx with JSON: what it said.
    pub fn get(&self, path: &str) -> Result<Value> {
        let answer = self.request("GET", path, &[], &[])?.success().with_context(|| format!("GET {path}"))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// A `POST` of JSON that must succeed; an empty answer is `null`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let answer = self.request("POST", path, &[("Content-Type", "application/json")], &body)?;
        let answer = answer.success().with_context(|| format!("POST {path}"))?;
        if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&answer)?) }
    }

    /// A `DELETE` that must succeed.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, path: &str) -> Result<()> {
        self.request("DELETE", path, &[], &[])?.success().with_context(|| format!("DELETE {path}")).map(drop)
    }

    /// One request and its answer, whatever the status is.
    ///
    /// # Errors
    /// Where the engine is not reached, keeps silent for too long, or answers something that is not HTTP.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        match &self.address {
            Address::Socket(path_of_socket) => {
                let stream =
                    UnixStream::connect(path_of_socket).with_context(|| path_of_socket.display().to_string())?;
                stream.set_read_timeout(Some(self.silence))?;
                stream.set_write_timeout(Some(self.silence))?;
                exchange(stream, method, path, headers, body)
            }
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).with_context(|| address.clone())?;
                stream.set_read_timeout(Some(self.silence))?;
                stream.set_write_timeout(Some(self.silence))?;
                exchange(stream, method, path, headers, body)
            }
        }
    }
}

impl Answer {
    /// The body of an answer 2xx.
    ///
    /// # Errors
    /// Of any other: its status and message.
    pub fn success(self) -> Result<Vec<u8>> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let text = String::from_utf8_lossy(&self.body);
        let message = serde_json::from_slice::<Value>(&self.body).ok();
        let message = message.as_ref().and_then(|value| value.get("message")).and_then(Value::as_str);
        bail!("the engine answers {}: {}", self.status, message.unwrap_or(text.trim()))
    }
}

/// One request over a connection, which it ends: HTTP/1.0, so that the answer ends with the connection and is never in chunks.
///
/// # Errors
/// Where the connection fails or what comes is not HTTP.
pub fn exchange<S: Read + Write>(
    mut stream: S,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    // An engine that refuses answers before it has read everything: the answer tells more than the broken pipe.
    let sent = stream.write_all(body).and_then(|()| stream.flush());
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if let Err(error) = reader.read_line(&mut line) {
        sent?;
        return Err(error).context("reading the answer");
    }
    let status = line.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let status = status.with_context(|| format!("what answers speaks no HTTP: {line:?}"))?;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body).context("reading the answer")?;
    Ok(Answer { status, body })
}
