//! Containers of the guest, through the Engine API.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hourglass_environment::api::Api;
use hourglass_environment::image::Image;
use hourglass_environment::statics;
use serde_json::{Value, json};

/// The guest, compiled once.
pub(crate) fn guest() -> &'static [u8] {
    static GUEST: OnceLock<Vec<u8>> = OnceLock::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/guest.rs");
    GUEST.get_or_init(|| statics::compiled(&source).expect("the guest compiles"))
}

/// An image of the guest, with this name.
pub(crate) fn image(name: &str) -> Image {
    Image::new(name).file("/guest", guest(), 0o755).entrypoint(["/guest"]).cmd(["serve"]).user("65532").exposed(9090)
}

/// Creates and starts one and returns its id. Its port is published on loopback.
pub(crate) fn run(
    host: &str,
    image: &str,
    command: &[&str],
    network: Option<&str>,
    name: Option<&str>,
) -> Result<String> {
    let api = Api::at(host)?;
    let body = json!({
        "Image": image,
        "Cmd": command,
        "HostConfig": {
            "PortBindings": { "9090/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] },
            "NetworkMode": network.unwrap_or("default"),
            "CapDrop": ["ALL"],
            "ReadonlyRootfs": true,
        },
    });
    let query = name.map(|name| format!("?name={name}")).unwrap_or_default();
    let created = api.post(&format!("/containers/create{query}"), &body)?;
    let id = created.get("Id").and_then(Value::as_str).context("no id")?.to_owned();
    api.post(&format!("/containers/{id}/start"), &Value::Null)?;
    Ok(id)
}

/// Waits until a container has ended and returns its exit code and what it wrote.
pub(crate) fn finished(host: &str, id: &str) -> Result<(i64, String)> {
    let api = Api::at(host)?;
    let ended = api.post(&format!("/containers/{id}/wait"), &Value::Null)?;
    let code = ended.get("StatusCode").and_then(Value::as_i64).context("no exit code")?;
    let log = api.request("GET", &format!("/containers/{id}/logs?stdout=1&stderr=1"), &[], &[])?.success()?;
    // Frames of eight bytes head each.
    let mut text = String::new();
    let mut rest = log.as_slice();
    while let Some((head, more)) = rest.split_at_checked(8) {
        let length = u32::from_be_bytes(head[4..].try_into()?) as usize;
        let (line, more) = more.split_at_checked(length).context("a frame")?;
        text.push_str(&String::from_utf8_lossy(line));
        rest = more;
    }
    Ok((code, text))
}

pub(crate) fn inspect(host: &str, id: &str) -> Result<Value> {
    Api::at(host)?.get(&format!("/containers/{id}/json"))
}

/// Where the port of a container is published.
pub(crate) fn published(host: &str, id: &str) -> Result<SocketAddr> {
    let found = inspect(host, id)?;
    let port = found.pointer("/NetworkSettings/Ports/9090~1tcp/0/HostPort").and_then(Value::as_str);
    Ok(format!("127.0.0.1:{}", port.context("no port is published")?).parse()?)
}

/// Asks the guest at an address.
pub(crate) fn ask(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.ends_with("guest"), "{answer:?}");
    Ok(())
}
