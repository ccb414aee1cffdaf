//! A proxy before a registry that does to requests what networks and registries do on bad days.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::registry::Registry;

/// The longest head of a request or an answer.
const HEAD: usize = 64 << 10;
/// Nobody waits longer for a registry that keeps silent, even where a test forgot it.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every request.
    All,
    /// Manifests alone.
    Manifests,
    /// Layers and configurations alone.
    Blobs,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The body of the answer comes at so many bytes a second.
    Slow(u64),
    /// The connection is closed after so many bytes of the answer's body; its head promises all of them.
    Cut(u64),
    /// 401 with a challenge for HTTP basic, whatever the credentials are.
    Unauthorized,
    /// 429, with `Retry-After` in seconds where there is one.
    TooManyRequests(Option<u32>),
    /// Another status, with the body of an error of a registry.
    Status(u16),
    /// No answer, ever: until the rule is replaced or the proxy dropped.
    Hang,
    /// The connection is closed at once.
    Refuse,
}

/// What becomes of which requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which ones.
    pub part: Part,
    /// What becomes of them.
    pub fault: Fault,
    /// Only so many; all where there is no number.
    pub times: Option<u32>,
}

/// A proxy on loopback. Where no rule applies it passes everything on.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    upstream: String,
    rules: Mutex<Rules>,
    changed: Condvar,
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct Rules {
    rule: Option<Rule>,
    generation: u64,
    requests: Vec<String>,
}

impl Proxy {
    /// One before this registry.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn start(registry: &Registry) -> Result<Self> {
        Self::before(registry.address())
    }

    /// One before whatever serves HTTP at `host:port`, now or later.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn before(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?.to_string();
        let upstream = upstream.to_owned();
        let (rules, changed, ended) = (Mutex::default(), Condvar::new(), AtomicBool::new(false));
        let state = Arc::new(State { upstream, rules, changed, ended });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // Whatever fails between two others is theirs to notice.
                    let _closed = shared.serve(stream);
                });
            }
        });
        Ok(Self { address, state })
    }

    /// `127.0.0.1:port`: what image names begin with, in place of the registry's.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on this happens, in place of what happened before. Requests that hang are released, by closing them.
    pub fn set(&self, part: Part, fault: Fault) {
        self.replace(Some(Rule { part, fault, times: None }));
    }

    /// The same, to so many requests; then everything is passed on.
    pub fn set_times(&self, part: Part, fault: Fault, times: u32) {
        self.replace(Some(Rule { part, fault, times: Some(times) }));
    }

    /// From now on everything is passed on.
    pub fn clear(&self) {
        self.replace(None);
    }

    /// The requests so far: `GET /v2/name/manifests/v1`.
    pub fn requests(&self) -> Vec<String> {
        self.state.rules().requests.clone()
    }

    fn replace(&self, rule: Option<Rule>) {
        let mut rules = self.state.rules();
        rules.rule = rule;
        rules.generation += 1;
        self.state.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        self.replace(None);
        // The thread that accepts looks up only when somebody comes.
        let _woken = TcpStream::connect(&self.address);
    }
}

impl State {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of a request, which is noted.
    fn judge(&self, request: &str) -> (Option<Fault>, u64) {
        let mut rules = self.rules();
        rules.requests.push(request.to_owned());
        let generation = rules.generation;
        let Some(rule) = rules.rule.as_mut() else { return (None, generation) };
        let applies = match rule.part {
            Part::All => true,
            Part::Manifests => request.contains("/manifests/"),
            Part::Blobs => request.contains("/blobs/"),
        };
        let left = rule.times != Some(0);
        if applies && left {
            rule.times = rule.times.map(|times| times - 1);
            return (Some(rule.fault.clone()), generation);
        }
        (None, generation)
    }

    fn serve(&self, mut client: TcpStream) -> Result<()> {
        let Some((head, body)) = read_head(&mut client)? else { return Ok(()) };
        let request: String = head.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let (fault, generation) = self.judge(&request);
        let refused = |status: &str, more: &str, code: &str| {
            let body = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"the tests say so\"}}]}}");
            let length = body.len();
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nDocker-Distribution-Api-Version: registry/2.0\r\n\
                 {more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
        };
        match fault {
            None => self.pass(client, &head, &body, &Limits::default()),
            Some(Fault::Slow(rate)) => {
                let limits = Limits { bytes_per_second: Some(rate.max(1)), ..Limits::default() };
                self.pass(client, &head, &body, &limits)
            }
            Some(Fault::Cut(after)) => {
                self.pass(client, &head, &body, &Limits { cut_after: Some(after), ..Limits::default() })
            }
            Some(Fault::Unauthorized) => {
                let challenge = "WWW-Authenticate: Basic realm=\"tests\"\r\n";
                Ok(client.write_all(refused("401 Unauthorized", challenge, "UNAUTHORIZED").as_bytes())?)
            }
            Some(Fault::TooManyRequests(after)) => {
                let after = after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
                Ok(client.write_all(refused("429 Too Many Requests", &after, "TOOMANYREQUESTS").as_bytes())?)
            }
            Some(Fault::Status(status)) => {
                Ok(client.write_all(refused(&format!("{status} So Told"), "", "UNKNOWN").as_bytes())?)
            }
            Some(Fault::Hang) => {
                let rules = self.rules();
                let unchanged = |rules: &mut Rules| rules.generation == generation;
                let _released = self.changed.wait_timeout_while(rules, PATIENCE, unchanged);
                Ok(())
            }
            Some(Fault::Refuse) => Ok(client.shutdown(Shutdown::Both)?),
        }
    }

    /// One request and its answer. Both sides close afterwards, so that every request is judged.
    fn pass(&self, mut client: TcpStream, head: &str, body: &[u8], limits: &Limits) -> Result<()> {
        let mut upstream = TcpStream::connect(&self.upstream)?;
        upstream.write_all(closing(head).as_bytes())?;
        upstream.write_all(body)?;
        let (mut from_client, mut to_upstream) = (client.try_clone()?, upstream.try_clone()?);
        std::thread::spawn(move || {
            let _closed = std::io::copy(&mut from_client, &mut to_upstream);
        });
        let Some((head, body)) = read_head(&mut upstream)? else { return Ok(()) };
        client.write_all(closing(&head).as_bytes())?;
        let passed = limits.copy(&body, &mut upstream, &mut client);
        let _closed = client.shutdown(Shutdown::Both);
        let _closed = upstream.shutdown(Shutdown::Both);
        passed
    }
}

#[derive(Debug, Default)]
struct Limits {
    bytes_per_second: Option<u64>,
    cut_after: Option<u64>,
}

impl Limits {
    fn copy(&self, first: &[u8], from: &mut TcpStream, to: &mut TcpStream) -> Result<()> {
        let mut left = self.cut_after.unwrap_or(u64::MAX);
        let mut source = first.chain(from);
        // Twenty times a second, where it is slow.
        let piece = self.bytes_per_second.map_or(64 << 10, |rate| (rate / 20).clamp(1, 64 << 10));
        let mut buffer = vec![0; usize::try_from(piece)?];
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = source.read(buffer.get_mut(..wanted).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            to.write_all(buffer.get(..read).unwrap_or_default())?;
            left -= u64::try_from(read)?;
            if let Some(rate) = self.bytes_per_second {
                std::thread::sleep(Duration::from_secs_f64(read as f64 / rate as f64));
            }
        }
        Ok(())
    }
}

/// The head of a message with the blank line, and what came of the body already. Nothing where the other side said nothing.
fn read_head(stream: &mut TcpStream) -> Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&read).into_owned(), body)));
        }
        let more = stream.read(&mut buffer)?;
        if more == 0 || read.len() > HEAD {
            return Ok(None);
        }
        read.extend_from_slice(buffer.get(..more).unwrap_or_default());
    }
}

/// The same head, with which the connection ends.
fn closing(head: &str) -> String {
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_its_part_and_its_number_of_requests() {
        let proxy = Proxy::before("127.0.0.1:1").unwrap();
        proxy.set_times(Part::Blobs, Fault::Refuse, 2);
        let judged = |request| proxy.state.judge(request).0;
        assert_eq!(judged("GET /v2/x/manifests/1"), None);
        assert_eq!(judged("GET /v2/x/blobs/a"), Some(Fault::Refuse));
        assert_eq!(judged("GET /v2/x/blobs/b"), Some(Fault::Refuse));
        assert_eq!(judged("GET /v2/x/blobs/c"), None);
        assert_eq!(proxy.requests().len(), 4);
    }

    #[test]
    fn a_connection_is_told_to_end() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(closing(head), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
}
