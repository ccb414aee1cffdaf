//! On a real engine, with a real registry, and with one behind a proxy that misbehaves.

use std::sync::Mutex;
use std::time::Instant;

use hourglass_environment::engine;
use hourglass_environment::image::{self, Credentials as Account, Pushed};
use hourglass_environment::registry::{Fault, Part, Proxy, Registry};
use tempfile::TempDir;

use super::*;

fn engine() -> &'static str {
    engine::shared().unwrap().host()
}

fn connect() -> Docker {
    let path = engine().strip_prefix("unix://").unwrap();
    Docker::connect_with_unix(path, 60, &bollard::ClientVersion { major_version: 1, minor_version: 41 }).unwrap()
}

/// Images of an account, or of nobody.
fn images(account: Option<(&str, &Account)>, stall: Duration) -> (Images, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    if let Some((registry, account)) = account {
        let auths = serde_json::json!({ registry: { "username": account.user, "password": account.password } });
        let config = serde_json::json!({ "auths": auths }).to_string();
        std::fs::write(directory.path().join("config.json"), config).unwrap();
    }
    let client_config = Some(directory.path().to_owned());
    (Images::new(connect(), &Options { client_config, pull_stall_timeout: stall, ..Options::default() }), directory)
}

const LONG: Duration = Duration::from_secs(30);

/// An image in a registry that no engine has a layer of, of a megabyte that cannot be compressed.
fn publish(registry: &Registry, name: &str, account: Option<&Account>) -> Pushed {
    let mut state =
        name.bytes().fold(std::process::id().into(), |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte)) | 1;
    let noise: Vec<u8> = (0..1 << 20)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    let local = format!("hourglass-test/{name}:1");
    image::Image::new(local.as_str()).file("/noise", noise, 0o644).entrypoint(["/noise"]).load(engine()).unwrap();
    let pushed = image::push(engine(), &local, &format!("{}/{name}", registry.address()), "v1", account).unwrap();
    // So that it has to be fetched.
    let api = hourglass_environment::api::Api::at(engine()).unwrap();
    api.request("DELETE", &format!("/images/{local}?force=true"), &[], &[]).unwrap().success().unwrap();
    pushed
}

async fn ensure(images: &Images, image: &str) -> Result<ImageFacts, StartFailure> {
    images.ensure(&image.parse().unwrap(), PullPolicy::IfNotPresent, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_digests() {
    let registry = Registry::start().unwrap();
    let pushed = publish(&registry, "names", None);
    let (images, _directory) = images(None, LONG);
    let missing = ensure(&images, &format!("{}:nobody", pushed.repository)).await.unwrap_err();
    let wrong = ensure(&images, &format!("{}@sha256:{}", pushed.repository, "0".repeat(64))).await.unwrap_err();
    let unknown = ensure(&images, &format!("{}/nobody", registry.address())).await.unwrap_err();
    for failure in [missing, wrong, unknown] {
        assert_eq!((failure.reason, failure.refused), ("ImageNotFound", true), "{failure}");
    }
    assert!(images.resolvable(&Reference::parse(&pushed.by_tag()).unwrap()).await.is_ok());
    // The tag beside a digest means nothing.
    let both = format!("{}:nobody@{}", pushed.repository, pushed.digest);
    let by_digest = ensure(&images, &both).await.unwrap();
    let address = registry.address().to_owned();
    let by_tag = ensure(&images, &pushed.by_tag()).await.unwrap();
    assert_eq!(by_digest, by_tag);
    drop(registry);
    // What is there needs no registry, unless it is to be asked.
    assert_eq!(ensure(&images, &both).await.as_ref(), Ok(&by_tag));
    let image = pushed.by_tag().parse().unwrap();
    let down = images.ensure(&image, PullPolicy::Always, &|_| {}).await.unwrap_err();
    assert_eq!((down.reason, down.refused), ("ImagePullFailed", false), "{down}");
    assert!(down.message.contains(&address), "{down}");
    assert_eq!(images.ensure(&image, PullPolicy::Never, &|_| {}).await, Ok(by_tag));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts() {
    let account = Account { user: "operator".into(), password: "~~~???>>>p~?>".into() };
    let registry = Registry::with_auth(&account).unwrap();
    let pushed = publish(&registry, "accounts", Some(&account));
    let (nobody, _directory) = images(None, LONG);
    let failure = ensure(&nobody, &pushed.by_tag()).await.unwrap_err();
    assert_eq!((failure.reason, failure.refused), ("RegistryUnauthorised", false), "{failure}");
    assert!(failure.message.contains("no credentials"), "{failure}");
    let other = Account { password: "other".into(), ..account.clone() };
    let (wrong, _directory) = images(Some((registry.address(), &other)), LONG);
    let failure = ensure(&wrong, &pushed.by_tag()).await.unwrap_err();
    assert_eq!((failure.reason, failure.refused), ("RegistryUnauthorised", false), "{failure}");
    assert!(failure.message.contains("again") && !failure.message.contains("other"), "{failure}");
    let (right, _directory) = images(Some((registry.address(), &account)), LONG);
    assert!(right.resolvable(&Reference::parse(&pushed.by_tag()).unwrap()).await.is_ok());
    ensure(&right, &pushed.by_tag()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registries_that_misbehave() {
    let registry = Registry::start().unwrap();
    publish(&registry, "misbehaving", None);
    let proxy = Proxy::start(&registry).unwrap();
    let image = format!("{}/misbehaving:v1", proxy.address());
    let (images, _directory) = images(None, Duration::from_secs(3));
    for (part, fault, reason) in [
        (Part::All, Fault::Unauthorized, "RegistryUnauthorised"),
        (Part::Manifests, Fault::TooManyRequests(Some(60)), "RegistryRateLimited"),
        (Part::All, Fault::Status(500), "ImagePullFailed"),
        (Part::Manifests, Fault::Status(503), "ImagePullFailed"),
        (Part::All, Fault::Refuse, "ImagePullFailed"),
        (Part::Manifests, Fault::Hang, "ImagePullStalled"),
        (Part::Blobs, Fault::Hang, "ImagePullStalled"),
        // The engine tries again by itself, which is no progress.
        (Part::Blobs, Fault::Cut(1000), "ImagePullStalled"),
    ] {
        proxy.set(part, fault.clone());
        let began = Instant::now();
        let failure = ensure(&images, &image).await.unwrap_err();
        assert_eq!((failure.reason, failure.refused), (reason, false), "{part:?} {fault:?}: {failure}");
        assert!(began.elapsed() < LONG, "{fault:?} took {:?}", began.elapsed());
    }
    // Slow is not stalled: it takes longer than the limit, and moves.
    proxy.set(Part::Blobs, Fault::Slow(200_000));
    let lines = Mutex::new(Vec::new());
    let tell = |line: String| lines.lock().unwrap().push(line);
    images.ensure(&image.parse().unwrap(), PullPolicy::IfNotPresent, &tell).await.unwrap();
    let lines = lines.into_inner().unwrap();
    assert!(lines.iter().any(|line| line.starts_with("pulling: 0 of 1 layer, ")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_is_not_what_it_should_be() {
    let registry = Registry::start().unwrap();
    let pushed = publish(&registry, "corrupt", None);
    assert!(registry.corrupt_blobs(100_000).unwrap() > 0);
    let (images, _directory) = images(None, LONG);
    let failure = ensure(&images, &pushed.by_digest()).await.unwrap_err();
    assert_eq!((failure.reason, failure.refused), ("ImageCorrupt", false), "{failure}");
}
