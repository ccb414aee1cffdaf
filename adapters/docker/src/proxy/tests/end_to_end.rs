use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::engine::{Asked, Scripted, answered, raw};
use super::*;
use crate::proxy::{Listen, Owner, ProxyOptions, SocketProxy};

const OUR_ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const FOREIGN_ID: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const OWN_ID: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

struct Site {
    engine: Scripted,
    socket: PathBuf,
    proxy: JoinHandle<()>,
    directory: TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

impl Site {
    async fn new(owner: impl FnOnce(&TempDir) -> Owner) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (engine, socket) = (directory.path().join("engine.sock"), directory.path().join("proxy.sock"));
        let scripted = Scripted::start(&engine, engine_says);
        let permits = Permits { executor_container: Some("hourglass-executor".into()), ..Permits::default() };
        let options = ProxyOptions { engine, owner: owner(&directory), permits };
        let proxy = SocketProxy::bind(&Listen::Unix(socket.clone()), options).await.unwrap();
        let proxy = tokio::spawn(async move { match proxy.serve().await {} });
        Self { engine: scripted, socket, proxy, directory }
    }

    async fn ours() -> Self {
        Self::new(|_| Owner::Id(ID.parse().unwrap())).await
    }

    async fn send(&self, text: &str) -> String {
        let sent = raw(&self.socket, text.as_bytes(), "");
        tokio::time::timeout(Duration::from_secs(20), sent).await.unwrap()
    }

    async fn call(&self, method: &str, target: &str, body: &str) -> String {
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}");
        self.send(&format!("{head}\r\n\r\n{body}")).await
    }

    fn lines(&self) -> Vec<String> {
        self.engine.asked().into_iter().map(|asked| asked.line).collect()
    }

    fn last(&self) -> Asked {
        self.engine.asked().pop().unwrap()
    }
}

fn engine_says(line: &str) -> String {
    let container = |id: &str, name: &str, labels: Value| {
        let body = json!({ "Id": id, "Name": name, "Config": { "Labels": labels, "Env": ["SECRET=1"] } });
        answered("200 OK", &body.to_string())
    };
    let network = |id: &str, name: &str, labels: Value| {
        answered("200 OK", &json!({ "Id": id, "Name": name, "Labels": labels }).to_string())
    };
    let target = line.split(' ').nth(1).unwrap();
    match target.strip_prefix("/v1.41").unwrap_or(target).split('?').next().unwrap() {
        "/_ping" => "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nX-Other: 1\r\nContent-Length: 2\r\n\r\nOK".into(),
        "/containers/ours/json" => container(OUR_ID, "/hourglass-01234567-a", labels()),
        path if path == format!("/containers/{OUR_ID}/json") => container(OUR_ID, "/hourglass-01234567-a", labels()),
        "/containers/foreign/json" => container(FOREIGN_ID, "/foreign", json!({ "a": "b" })),
        "/containers/unlabelled/json" => container(FOREIGN_ID, "/unlabelled", Value::Null),
        "/containers/hourglass-executor/json" => container(OWN_ID, "/hourglass-executor", Value::Null),
        path if path == format!("/containers/{OWN_ID}/json") => container(OWN_ID, "/hourglass-executor", Value::Null),
        "/containers/odd/json" => answered("200 OK", "{}"),
        "/networks/hourglass-01234567" => network(OUR_ID, "hourglass-01234567", labels()),
        "/networks/foreign" => network(FOREIGN_ID, "foreign", json!({})),
        "/containers/create" => answered("201 Created", r#"{"Id":"x","Warnings":[]}"#),
        "/events" => {
            let event = |id: &str, name: &str| {
                json!({ "Actor": { "ID": id, "Attributes": { "name": name } } }).to_string() + "\n"
            };
            let all = event("one", "hourglass-01234567-a")
                + &event("two", "foreign")
                + &event("three", "hourglass-01234567-b");
            // In pieces that end in the middle of a line.
            let pieces = all.as_bytes().chunks(50).map(|piece| String::from_utf8_lossy(piece).into_owned());
            let chunked: String = pieces.map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect();
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}…")
        }
        "/info" => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nraw".into(),
        path if path.contains("missing") => answered("404 Not Found", r#"{"message":"No such container: missing"}"#),
        _ => "HTTP/1.1 204 No Content\r\n\r\n".into(),
    }
}

#[tokio::test]
async fn an_answer_of_the_engine_comes_back() {
    let site = Site::ours().await;
    let answer = site.call("GET", "/_ping", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nOK"), "{answer}");
    assert!(answer.contains("api-version: 1.41"), "{answer}");
    assert!(!answer.to_lowercase().contains("x-other"), "{answer}");
    let missing = site.call("POST", "/containers/missing/start", "").await;
    assert!(missing.starts_with("HTTP/1.1 404") && missing.ends_with(r#"{"message":"No such container: missing"}"#));
    assert_eq!(site.lines(), ["GET /_ping HTTP/1.1", "GET /containers/missing/json HTTP/1.1"]);
}

#[tokio::test]
async fn what_is_ours_is_dealt_with_by_its_id() {
    let site = Site::ours().await;
    for (method, target, forwarded) in [
        ("POST", "/v1.41/containers/ours/stop?t=5", format!("POST /v1.41/containers/{OUR_ID}/stop?t=5")),
        ("DELETE", "/containers/ours?v=true", format!("DELETE /containers/{OUR_ID}?v=true")),
        ("GET", "/containers/ours/logs?stdout=1", format!("GET /containers/{OUR_ID}/logs?stdout=1")),
        ("GET", "/containers/ours/json", format!("GET /containers/{OUR_ID}/json")),
        ("DELETE", "/networks/hourglass-01234567", format!("DELETE /networks/{OUR_ID}")),
    ] {
        let answer = site.call(method, target, "").await;
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        assert_eq!(site.last().line, format!("{forwarded} HTTP/1.1"));
    }
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let site = Site::ours().await;
    for name in ["foreign", "unlabelled", "hourglass-executor"] {
        for (method, call) in
            [("POST", "/stop"), ("POST", "/kill"), ("GET", "/logs"), ("DELETE", ""), ("GET", "/stats")]
        {
            let answer = site.call(method, &format!("/containers/{name}{call}"), "").await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
            assert!(answer.contains("(rule foreign-container)"), "{answer}");
        }
    }
    let answer = site.call("DELETE", "/networks/foreign", "").await;
    assert!(answer.contains("(rule foreign-network)"), "{answer}");
    let answer = site.call("GET", "/containers/odd/json", "").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(
        site.lines()
            .iter()
            .all(|line| line.starts_with("GET ") && (line.contains("/json ") || line.contains("/networks/")))
    );
    // That it is there, and nothing else of it.
    let blank = site.call("GET", "/containers/foreign/json", "").await;
    assert!(blank.starts_with("HTTP/1.1 200") && blank.contains(FOREIGN_ID) && !blank.contains("SECRET"), "{blank}");
    let own = site.call("GET", "/containers/hourglass-executor/json", "").await;
    assert!(own.contains("SECRET"), "{own}");
}

#[tokio::test]
async fn a_container_is_created_where_its_networks_are_ours() {
    let site = Site::ours().await;
    let answer = site.call("POST", CREATE, &container().to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let sent = site.last();
    assert_eq!(sent.line, format!("POST {CREATE} HTTP/1.1"));
    assert!(sent.headers.contains("content-type: application/json"), "{}", sent.headers);
    assert!(sent.headers.contains("host: docker"), "{}", sent.headers);
    assert!(sent.body.contains("\"PidsLimit\":1024"), "{}", sent.body);
    let before = site.lines().len();
    let mut body = container();
    body["HostConfig"]["NetworkMode"] = json!("foreign");
    let answer = site.call("POST", CREATE, &body.to_string()).await;
    assert!(answer.contains("(rule foreign-network)"), "{answer}");
    body["HostConfig"]["NetworkMode"] = json!("missing");
    assert!(site.call("POST", CREATE, &body.to_string()).await.starts_with("HTTP/1.1 404"));
    assert!(site.lines().iter().skip(before).all(|line| line.starts_with("GET ")), "{:?}", site.lines());
}

#[tokio::test]
async fn only_our_containers_and_the_executor_join_our_networks() {
    let site = Site::ours().await;
    let connect = "/networks/hourglass-01234567/connect";
    for (name, id) in [("ours", OUR_ID), ("hourglass-executor", OWN_ID)] {
        let answer = site.call("POST", connect, &json!({ "Container": name }).to_string()).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        assert_eq!(site.last().line, format!("POST /networks/{OUR_ID}/connect HTTP/1.1"));
        assert_eq!(site.last().body, json!({ "Container": id }).to_string());
    }
    let answer = site.call("POST", connect, r#"{"Container":"foreign"}"#).await;
    assert!(answer.contains("(rule foreign-container)"), "{answer}");
    let answer = site.call("POST", "/networks/foreign/connect", r#"{"Container":"ours"}"#).await;
    assert!(answer.contains("(rule foreign-network)"), "{answer}");
}

#[tokio::test]
async fn a_stream_flows_and_ends_with_its_reader() {
    let site = Site::ours().await;
    let filters = "%7B%22type%22%3A%5B%22container%22%5D%7D";
    let request = format!("GET /events?filters={filters} HTTP/1.1\r\nHost: x\r\n\r\n");
    let seen = raw(&site.socket, request.as_bytes(), "three");
    let seen = tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
    assert!(seen.contains("one") && seen.contains("three") && !seen.contains("two"), "{seen}");
    // The reader has gone: so must the call to the engine.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while site.last().line != "hung up" {
        assert!(tokio::time::Instant::now() < deadline, "the engine's stream stays open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_connection_never_becomes_anything_else() {
    let site = Site::ours().await;
    for request in [
        "POST /containers/ours/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\nUpgrade: h2c\r\n\r\n",
        "GET /_ping HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n",
    ] {
        let answer = raw(&site.socket, request.as_bytes(), "(rule upgrade)").await;
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("(rule upgrade)"), "{answer}");
    }
    assert!(site.lines().is_empty(), "{:?}", site.lines());
    // Nor where it is the engine that wants to.
    let answer = site.call("GET", "/info", "").await;
    assert!(answer.starts_with("HTTP/1.1 502") && !answer.contains("raw"), "{answer}");
}

#[tokio::test]
async fn hostile_bytes_reach_nobody() {
    let site = Site::ours().await;
    let create = format!("POST {CREATE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for request in [
        "GET http://docker/_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "CONNECT docker:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /v1.41/../_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "POST /containers/ours/stop HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nt=0"
            .to_owned(),
        format!("{create}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{create}Content-Length: {}\r\n\r\n", 3 << 20),
        // Two lengths, or a length and chunks: whoever comes next on the connection is somebody else's request.
        format!("{create}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{{}}"),
        format!("{create}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        "GET /_ping HTTP/1.1\r\nHost: x\r\nX: a\r\n b\0\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let answer = site.send(&request).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
        assert!(refused, "{request:?}: {answer}");
        assert!(site.lines().is_empty(), "{request:?}: {:?}", site.lines());
    }
}

#[tokio::test]
async fn a_refusal_is_heard_whatever_body_came_with_the_call() {
    let site = Site::ours().await;
    let answer = site.call("POST", "/containers/ours/exec", &"x".repeat(1 << 20)).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("(rule call)"), "{answer}");
}

#[tokio::test]
async fn credentials_go_to_pulls_only() {
    let site = Site::ours().await;
    let with = |line: &str| {
        format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Registry-Auth: e30=\r\nX-Other: 1\r\n\r\n")
    };
    site.send(&with("POST /images/create?fromImage=a&tag=b")).await;
    assert!(site.last().headers.contains("x-registry-auth: e30="), "{}", site.last().headers);
    assert!(!site.last().headers.contains("x-other"), "{}", site.last().headers);
    site.send(&with("POST /containers/ours/start")).await;
    assert!(!site.last().headers.contains("x-registry-auth"), "{}", site.last().headers);
    let odd = "POST /images/create?fromImage=a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Registry-Auth: {}\r\n\r\n";
    assert!(site.send(odd).await.contains("(rule credentials)"));
}

#[tokio::test]
async fn the_executor_is_known_once_its_file_is_there_and_for_good() {
    let site = Site::new(|directory| Owner::File(directory.path().join("executor-id"))).await;
    let start = || site.call("POST", "/containers/ours/start", "");
    let answer = start().await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("(rule executor-id)"), "{answer}");
    let file = site.directory.path().join("executor-id");
    std::fs::write(&file, format!("{ID}\n")).unwrap();
    assert!(start().await.starts_with("HTTP/1.1 204"));
    std::fs::write(&file, "ffffffffffffffffffffffffffffffff").unwrap();
    assert!(start().await.starts_with("HTTP/1.1 204"));
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_said_to_be_away() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("proxy.sock");
    let options = ProxyOptions {
        engine: directory.path().join("none.sock"),
        owner: Owner::Id(ID.parse().unwrap()),
        permits: Permits::default(),
    };
    // What a predecessor left behind is no obstacle; one that still serves is.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let listen = Listen::Unix(socket.clone());
    let proxy = SocketProxy::bind(&listen, options.clone()).await.unwrap();
    assert!(SocketProxy::bind(&listen, options).await.is_err());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o660);
    let serving = tokio::spawn(async move { match proxy.serve().await {} });
    let answer = raw(&socket, b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "").await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("cannot be reached"), "{answer}");
    serving.abort();
}
