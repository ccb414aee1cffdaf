//! Images of no use: each is refused at once with its reason and what to change, and what served before goes on serving.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hourglass_environment::api::Api;
use hourglass_environment::image::{Image, Pushed};
use hourglass_environment::registry::Registry;
use hourglass_tests::running::caller::{self, connect, deploy_this};
use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::ground::performer;
use hourglass_tests::running::load::Load;
use hourglass_tests::running::site::Avs;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::noise::publish;
use super::own::blocking;
use super::{PATIENCE, answer, published, site};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The head of a program for another kind of processor than this one's.
fn foreign_program() -> Vec<u8> {
    let machine: u8 = if cfg!(target_arch = "x86_64") { 0xb7 } else { 0x3e };
    let mut head = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, machine, 0, 1, 0, 0, 0];
    head.resize(4096, 0);
    head
}

/// One request to a registry: its status and where it says that something is.
fn request(address: &str, method: &str, target: &str, kind: &str, body: &[u8]) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.0\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    )?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split_whitespace().nth(1).context("no status")?.parse()?;
    let location = answer.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap_or_default();
    Ok((status, location.trim().to_owned()))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", const_hex::encode(Sha256::digest(bytes)))
}

/// Puts bytes into a registry as a configuration or layer would be.
fn put_blob(registry: &Registry, name: &str, bytes: &[u8]) -> Result<Value> {
    let address = registry.address();
    let (status, location) = request(address, "POST", &format!("/v2/{name}/blobs/uploads/"), "", &[])?;
    ensure!(status == 202, "{status} to an upload's beginning");
    let target = location.trim_start_matches("http://").trim_start_matches(address);
    let separator = if target.contains('?') { '&' } else { '?' };
    let target = format!("{target}{separator}digest={}", digest(bytes));
    let (status, _) = request(address, "PUT", &target, "application/octet-stream", bytes)?;
    ensure!(status == 201, "{status} to an upload's end");
    Ok(
        json!({ "mediaType": "application/vnd.docker.container.image.v1+json", "size": bytes.len(), "digest": digest(bytes) }),
    )
}

/// Puts a manifest into a registry.
fn put_manifest(registry: &Registry, name: &str, kind: &str, manifest: &Value) -> Result<Pushed> {
    let bytes = manifest.to_string().into_bytes();
    let (status, _) = request(registry.address(), "PUT", &format!("/v2/{name}/manifests/1"), kind, &bytes)?;
    ensure!(status == 201, "{status} to a manifest");
    Ok(Pushed { repository: format!("{}/{name}", registry.address()), tag: "1".into(), digest: digest(&bytes) })
}

/// An image for other kinds of processors alone.
fn for_others(registry: &Registry, of: &Pushed) -> Result<Pushed> {
    let name = of.repository.split_once('/').context("no name")?.1;
    let api = Api::at(&format!("tcp://{}", registry.address()))?;
    let target = format!("/v2/{name}/manifests/{}", of.digest);
    let size = api.request("GET", &target, &[("Accept", MANIFEST)], &[])?.success()?.len();
    let manifest = |architecture: &str| {
        json!({ "mediaType": MANIFEST, "size": size, "digest": of.digest,
                "platform": { "os": "linux", "architecture": architecture } })
    };
    let list = json!({ "schemaVersion": 2, "mediaType": LIST, "manifests": [manifest("s390x"), manifest("riscv64")] });
    put_manifest(registry, name, LIST, &list)
}

/// An image whose configuration is none.
fn broken(registry: &Registry) -> Result<Pushed> {
    let config = put_blob(registry, "broken", b"{\"architecture\": \"amd64\", \"os\": \"lin")?;
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] });
    put_manifest(registry, "broken", MANIFEST, &manifest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_refused_with_its_reason() {
    let (registry, mut cases) = blocking(|| {
        let registry = Registry::start()?;
        let put = |name: &str, image: Image| publish(&registry, name, &image, None);
        let image = |name: &str| Image::new(format!("hourglass-tests/{name}:1"));
        let whole = put("whole", performer("hourglass-tests/whole:1")?.user("nobody-here"));
        let foreign = image("foreign").file("/performer", foreign_program(), 0o755).entrypoint(["/performer"]);
        let plain = image("plain").file("/performer", *b"no program", 0o644).entrypoint(["/performer"]);
        let nothing = image("nothing").file("/readme", *b"nothing to run", 0o644);
        let absent = image("absent").file("/readme", *b"nothing to run", 0o644).entrypoint(["/performer"]);
        let for_others = for_others(&registry, &whole)?;
        let broken = broken(&registry)?;
        let says = |words: &'static [&'static str]| words;
        let cases = vec![
            ("no such user", whole, says(&["(UserNotFound)", "security.run_as_user"])),
            ("another processor's", put("foreign", foreign), says(&["(ImagePlatformMismatch)", "built for this host"])),
            ("for other platforms", for_others, says(&["(ImagePlatformMismatch)", "built for this host"])),
            ("not executable", put("plain", plain), says(&["(CommandNotExecutable)", "correct the image"])),
            ("no entrypoint", put("nothing", nothing), says(&["(CommandNotFound)", "give a command"])),
            ("entrypoint not there", put("absent", absent), says(&["(CommandNotFound)", "entrypoint"])),
            ("broken configuration", broken, says(&["(ImageBroken)", "push"])),
        ];
        Ok((registry, cases))
    })
    .await
    .unwrap();
    let unknown = format!("sha256:{}", "00".repeat(32));
    let nobody = |repository: String| Pushed { repository, tag: String::new(), digest: unknown.clone() };
    let says: &[&str] = &["(ImageNotFound)", "push the image, or correct its name or digest"];
    cases.push(("wrong digest", nobody(published().repository.clone()), says));
    cases.push(("no such image", nobody(format!("{}/nobody", registry.address())), says));

    // Were one of them tried again and again, the deployment would outlast the test.
    let site = Arc::new(site([Avs::ecdsa().line("upgrade: {ready_deadline: 600s}")]));
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let containers = Containers::of(&site).await.unwrap();
    let before = containers.settled(1, PATIENCE).await.unwrap();
    let load = Load::start(&site, avs, 30, "refused").await.unwrap();
    let api = connect(&site).await.unwrap();
    for (what, pushed, says) in cases {
        let request = caller::image(avs, &pushed.repository, &pushed.digest, &[]);
        let refusal = deploy_this(&site, &api, request).await.unwrap_err();
        println!("{what}: {}", refusal.message);
        assert_eq!(refusal.code, Code::FailedPrecondition, "{what}: {refusal:?}");
        for words in says {
            assert!(refusal.message.contains(words), "{what}: '{words}' is not in: {}", refusal.message);
        }
        assert_eq!(containers.settled(1, PATIENCE).await.unwrap(), before, "{what}");
    }
    let (sent, _) = load.finish().await.unwrap();
    assert!(sent.failed.is_empty(), "{} failed: {:?}", sent.failed.len(), sent.failed.first());
    assert_eq!(answer(&site, avs, "after all of them").await, "9");
    executor.stop().await.unwrap();
}
