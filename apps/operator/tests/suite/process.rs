use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(60);

/// The operator's process. Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    metrics: u16,
    health: u16,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn operator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hourglass-operator"));
    for variable in ["KUBECONFIG", "POD_NAMESPACE", "LOG_LEVEL", "LOG_FORMAT", "KUBERNETES_SERVICE_HOST"] {
        command.env_remove(variable);
    }
    command
}

impl Process {
    /// Runs it with these arguments, on ports of its own.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let (metrics, health) = (free_port(), free_port());
        let mut command = operator();
        command.arg(format!("--metrics-bind-address=127.0.0.1:{metrics}"));
        command.arg(format!("--health-probe-bind-address=127.0.0.1:{health}")).args(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line)));
        Self { child, log, metrics, health }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits until something holds, with the log where it does not.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !holds() {
            assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn metrics(&self) -> String {
        get(self.metrics, "/metrics").map_or_else(String::new, |(_, body)| body)
    }

    /// The code with which `/readyz` answers, 0 where it does not.
    pub(crate) fn readyz(&self) -> u16 {
        get(self.health, "/readyz").map_or(0, |(code, _)| code)
    }

    pub(crate) fn healthz(&self) -> u16 {
        get(self.health, "/healthz").map_or(0, |(code, _)| code)
    }

    /// SIGTERM, and waits for the end. Gives the exit code and how long it took.
    pub(crate) fn terminate(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        (status.code(), began.elapsed())
    }
}

fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let code = text.split(' ').nth(1)?.parse().ok()?;
    Some((code, text))
}
