//! Against a scripted engine: what a real one does once in a year.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::*;

const THERE: &str = r#"{"Id":"sha256:aa","Config":{"User":"app","StopSignal":"SIGINT","ExposedPorts":{"9090/tcp":{},"53/udp":{},"80/tcp":{}}}}"#;
const NOT_THERE: &str = r#"{"message":"No such image: x:latest"}"#;

/// What is answered to a pull.
#[derive(Clone, Copy)]
enum Script {
    /// An answer with this status and body.
    Answer(u16, &'static str),
    /// Lines of a stream that ends in order.
    Lines(&'static [&'static str]),
    /// Lines, and then the connection is closed in the middle.
    Cut(&'static [&'static str]),
    /// Lines, and then nothing.
    Silent(&'static [&'static str]),
    /// One message of this size.
    Huge(usize),
}

struct Scripted {
    _directory: tempfile::TempDir,
    docker: Docker,
    pulls: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Scripted {
    /// `there` says whether the image is there from the beginning; after a pull it always is.
    fn new(there: bool, script: Script) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (pulls, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, seen) = (pulls.clone(), asked.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, there, script, counted.clone(), seen.clone()));
            }
        });
        let docker = Docker::connect_with_unix(path.to_str().unwrap(), 60, bollard::API_DEFAULT_VERSION).unwrap();
        Self { _directory: directory, docker, pulls, asked, serving }
    }

    fn images(&self) -> Images {
        let options = Options {
            client_config: Some("/nonexistent".into()),
            pull_stall_timeout: Duration::from_millis(400),
            ..Options::default()
        };
        Images::new(self.docker.clone(), &options)
    }

    async fn ensure(&self, policy: PullPolicy) -> Result<ImageFacts, StartFailure> {
        self.images().ensure(&"x".parse().unwrap(), policy, &|_| {}).await
    }

    fn pulled(&self) -> usize {
        self.pulls.load(Ordering::SeqCst)
    }
}

async fn answer(
    mut stream: UnixStream,
    there: bool,
    script: Script,
    pulls: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    asked.lock().unwrap().push(head.clone());
    let whole = |status: u16, body: &str| {
        format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    };
    if head.starts_with("GET") {
        let there = there || pulls.load(Ordering::SeqCst) > 0;
        let text = if there { whole(200, THERE) } else { whole(404, NOT_THERE) };
        let _gone = stream.write_all(text.as_bytes()).await;
        return;
    }
    pulls.fetch_add(1, Ordering::SeqCst);
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n\r\n", text.len() + 2);
    let mut text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".to_owned();
    let (lines, end): (&[&str], &str) = match script {
        Script::Answer(status, body) => {
            let _gone = stream.write_all(whole(status, body).as_bytes()).await;
            return;
        }
        Script::Huge(size) => {
            text.push_str(&chunk(&format!(r#"{{"status":"{}"}}"#, "x".repeat(size))));
            (&[], "0\r\n\r\n")
        }
        Script::Lines(lines) => (lines, "0\r\n\r\n"),
        Script::Cut(lines) | Script::Silent(lines) => (lines, ""),
    };
    lines.iter().for_each(|line| text.push_str(&chunk(line)));
    text.push_str(end);
    let _gone = stream.write_all(text.as_bytes()).await;
    if matches!(script, Script::Silent(_)) {
        // Until whoever asked goes away.
        let _closed = stream.read(&mut byte).await;
    }
}

const PULLED: &[&str] = &[
    r#"{"status":"Pulling from library/x","id":"latest"}"#,
    r#"{"status":"Pulling fs layer","progressDetail":{},"id":"a"}"#,
    r#"{"status":"Downloading","progressDetail":{"current":1048576,"total":2097152},"progress":"[=> ]","id":"a"}"#,
    r#"{"status":"Pull complete","progressDetail":{},"id":"a"}"#,
    r#"{"status":"Status: Downloaded newer image for x:latest"}"#,
];

const PULLED_HALF: &[&str] = &[PULLED[0], PULLED[1], PULLED[2]];

const DISK_FULL: &[&str] = &[
    PULLED[1],
    r#"{"errorDetail":{"message":"write /x: no space left on device"},"error":"write /x: no space left on device"}"#,
];

const TRYING_AGAIN: &[&str] = &[PULLED[1], PULLED[1], r#"{"status":"Retrying in 1 second","id":"a"}"#];

#[tokio::test]
async fn policies_to_the_letter() {
    for (there, policy, pulls) in [
        (true, PullPolicy::IfNotPresent, 0),
        (false, PullPolicy::IfNotPresent, 1),
        (true, PullPolicy::Always, 1),
        (false, PullPolicy::Always, 1),
        (true, PullPolicy::Never, 0),
    ] {
        let engine = Scripted::new(there, Script::Lines(PULLED));
        let facts = engine.ensure(policy).await.unwrap();
        assert_eq!((facts.id.as_str(), facts.exposed_tcp.as_slice()), ("sha256:aa", [80, 9090].as_slice()));
        assert_eq!((facts.user.as_str(), facts.stop_signal.as_deref()), ("app", Some("SIGINT")));
        assert_eq!(engine.pulled(), pulls, "{there} {policy:?}");
    }
    let failure = Scripted::new(false, Script::Lines(PULLED)).ensure(PullPolicy::Never).await.unwrap_err();
    assert_eq!((failure.reason, failure.refused), ("ImageNotPresent", true));
    // The registry is down: what is there does not count where the registry is to be asked.
    let down = Script::Answer(500, r#"{"message":"Get \"http://r/v2/\": dial tcp: connect: connection refused"}"#);
    let failure = Scripted::new(true, down).ensure(PullPolicy::Always).await.unwrap_err();
    assert_eq!((failure.reason, failure.refused), ("ImagePullFailed", false));
    assert!(Scripted::new(true, down).ensure(PullPolicy::IfNotPresent).await.is_ok());
}

#[tokio::test]
async fn what_ends_a_pull() {
    let table: &[(Script, &str)] = &[
        (Script::Answer(404, r#"{"message":"manifest for x:latest not found: manifest unknown"}"#), "ImageNotFound"),
        (Script::Answer(500, "not json at all"), "ImagePullFailed"),
        (Script::Lines(DISK_FULL), "EngineDiskFull"),
        (Script::Cut(PULLED), "EngineUnavailable"),
        (Script::Lines(&["[1,2]"]), "EngineUnavailable"),
        (Script::Silent(&[]), "ImagePullStalled"),
        (Script::Silent(TRYING_AGAIN), "ImagePullStalled"),
    ];
    for (index, (script, reason)) in table.iter().enumerate() {
        let failure = Scripted::new(false, *script).ensure(PullPolicy::IfNotPresent).await.unwrap_err();
        assert_eq!(failure.reason, *reason, "script {index}: {}", failure.message);
        assert!(failure.message.chars().count() < 500);
    }
    assert!(Scripted::new(false, Script::Huge(1 << 20)).ensure(PullPolicy::IfNotPresent).await.is_ok());
}

#[tokio::test]
async fn progress_is_told_in_lines() {
    let engine = Scripted::new(false, Script::Silent(PULLED_HALF));
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = lines.clone();
    let tell = move |line: String| told.lock().unwrap().push(line);
    let images = Images::new(
        engine.docker.clone(),
        &Options {
            client_config: Some("/nonexistent".into()),
            pull_stall_timeout: Duration::from_secs(2),
            ..Options::default()
        },
    );
    images.ensure(&"x".parse().unwrap(), PullPolicy::IfNotPresent, &tell).await.unwrap_err();
    let lines = lines.lock().unwrap();
    assert!(lines.contains(&"pulling: 0 of 1 layer, 1 of 2 MiB".to_owned()), "{lines:?}");
    assert!(lines.len() <= 3, "{lines:?}");
}

#[tokio::test]
async fn two_that_want_the_same_share_one_pull_and_the_last_to_leave_ends_it() {
    let engine = Scripted::new(false, Script::Silent(PULLED_HALF));
    let images = engine.images();
    let image: Image = "x".parse().unwrap();
    let ensure = || images.ensure(&image, PullPolicy::IfNotPresent, &|_| {});
    let (first, second) = tokio::join!(ensure(), ensure());
    assert_eq!(engine.pulled(), 1);
    assert_eq!(first.as_ref().unwrap_err().reason, "ImagePullStalled");
    assert_eq!(first, second);
    assert_eq!(images.inner.permits.available_permits(), 3, "nothing of it is left");
    // What is told by then is over: another start is another pull. It is left before it ends.
    let left =
        tokio::time::timeout(Duration::from_millis(100), images.ensure(&image, PullPolicy::Always, &|_| {})).await;
    assert!(left.is_err());
    assert_eq!((engine.pulled(), images.inner.permits.available_permits()), (2, 3));
}

#[tokio::test]
async fn only_so_many_at_once() {
    let engine = Scripted::new(false, Script::Silent(&[]));
    let images = engine.images();
    let names: Vec<Image> = (0..5).map(|n| format!("x{n}").parse().unwrap()).collect();
    let all = names.iter().map(|image| images.ensure(image, PullPolicy::Always, &|_| {}));
    let _still = tokio::time::timeout(Duration::from_millis(200), futures_util::future::join_all(all)).await;
    assert_eq!(engine.pulled(), 3);
}

#[tokio::test]
async fn a_digest_is_pulled_by_the_digest() {
    let engine = Scripted::new(false, Script::Lines(PULLED));
    let image = format!("r.example:5000/a/b:v1@sha256:{}", "ab".repeat(32)).parse().unwrap();
    engine.images().ensure(&image, PullPolicy::IfNotPresent, &|_| {}).await.unwrap();
    let asked = engine.asked.lock().unwrap();
    let pull = asked.iter().find(|head| head.starts_with("POST")).unwrap();
    assert!(pull.contains("fromImage=r.example%3A5000%2Fa%2Fb&tag=sha256%3Aabab"), "{pull}");
    assert!(asked[0].contains("/images/r.example:5000/a/b@sha256:abab"), "{}", asked[0]);
}

#[tokio::test]
async fn credentials_arrive_whatever_is_in_them() {
    let directory = tempfile::tempdir().unwrap();
    let config = r#"{"auths":{"r.example":{"username":"ü","password":"~~~???>>>ü~?>"}}}"#;
    std::fs::write(directory.path().join("config.json"), config).unwrap();
    let engine = Scripted::new(false, Script::Lines(PULLED));
    let options = Options { client_config: Some(directory.path().into()), ..Options::default() };
    let images = Images::new(engine.docker.clone(), &options);
    images.ensure(&"r.example/x".parse().unwrap(), PullPolicy::IfNotPresent, &|_| {}).await.unwrap();
    let asked = engine.asked.lock().unwrap();
    let pull = asked.iter().find(|head| head.starts_with("POST")).unwrap().to_lowercase();
    let header = pull.lines().find_map(|line| line.strip_prefix("x-registry-auth: ")).unwrap();
    assert!(!header.contains(['+', '/']) && header.contains(['-', '_']), "{header}");
}
