//! A registry that asks who comes, and a proxy that misbehaves.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hourglass_environment::api::Api;
use hourglass_environment::engine;
use hourglass_environment::image::{Credentials, push};
use hourglass_environment::registry::{Fault, Part, Proxy, Registry};
use hourglass_environment::waiting::until;
use serde_json::{Value, json};

use crate::container::image;

const SOON: Duration = Duration::from_secs(30);

fn alice() -> Credentials {
    Credentials { user: "alice".into(), password: "correct horse".into() }
}

/// Pulls as a client does, and says what went wrong.
fn pull(host: &str, image: &str, who: Option<&Credentials>) -> Result<()> {
    let auth = who.map_or_else(|| json!({}), |who| json!({ "username": who.user, "password": who.password }));
    let auth = URL_SAFE.encode(auth.to_string());
    let api = Api::at(host)?;
    // Its layers would be there already.
    let _absent = api.delete(&format!("/images/{image}?force=1"));
    let path = format!("/images/create?fromImage={image}");
    let lines = api.request("POST", &path, &[("X-Registry-Auth", &auth)], &[])?.success()?;
    for line in serde_json::Deserializer::from_slice(&lines).into_iter::<Value>() {
        if let Some(error) = line?.get("error").and_then(Value::as_str) {
            bail!("{error}");
        }
    }
    Ok(())
}

/// An image that no other test has the layers of, in the registry and not in the engine.
fn only_in(host: &str, registry: &str, name: &str, who: Option<&Credentials>) -> Result<String> {
    let local = format!("local-{name}:1");
    image(&local).file("/name", name, 0o644).load(host)?;
    let pushed = push(host, &local, &format!("{registry}/{name}"), "v1", who)?;
    Api::at(host)?.delete(&format!("/images/{local}?force=1"))?;
    Ok(pushed.by_digest())
}

#[test]
fn a_registry_gives_back_by_digest_what_was_pushed() {
    let (host, registry) = (engine::shared().unwrap().host(), Registry::start().unwrap());
    let name = only_in(host, registry.address(), "plain", None).unwrap();
    pull(host, &name, None).unwrap();
    let wrong = format!("{}/plain@sha256:{}", registry.address(), "0".repeat(64));
    assert!(pull(host, &wrong, None).is_err(), "a digest that nothing has is pulled");
}

#[test]
fn a_registry_with_users_refuses_others() {
    let (host, registry) = (engine::shared().unwrap().host(), Registry::with_auth(&alice()).unwrap());
    let name = only_in(host, registry.address(), "guarded", Some(&alice())).unwrap();
    let stranger = pull(host, &name, None).unwrap_err();
    assert!(format!("{stranger:#}").contains("no basic auth credentials"), "{stranger:#}");
    let mallory = Credentials { password: "wrong".into(), ..alice() };
    assert!(pull(host, &name, Some(&mallory)).is_err());
    pull(host, &name, Some(&alice())).unwrap();
    let refused = push(host, &name, &format!("{}/other", registry.address()), "v1", None);
    assert!(refused.is_err(), "a stranger pushes");
}

#[test]
fn a_corrupted_layer_is_no_layer() {
    let (host, registry) = (engine::shared().unwrap().host(), Registry::start().unwrap());
    let name = only_in(host, registry.address(), "corrupt", None).unwrap();
    assert!(registry.corrupt_blobs(10_000).unwrap() > 0);
    assert!(pull(host, &name, None).is_err(), "an engine believes what has another digest");
}

#[test]
fn the_proxy_does_what_it_is_told_and_then_passes_everything_on() {
    let (host, registry) = (engine::shared().unwrap().host(), Registry::start().unwrap());
    let proxy = Proxy::start(&registry).unwrap();
    // Also the way there goes through it.
    let name = only_in(host, proxy.address(), "proxied", None).unwrap();
    let failing = |part, fault: Fault, expected: &str| {
        proxy.set(part, fault.clone());
        let error = pull(host, &name, None).expect_err(&format!("{fault:?} is survived"));
        assert!(format!("{error:#}").contains(expected), "{fault:?}: {error:#}");
    };
    failing(Part::All, Fault::Unauthorized, "no basic auth credentials");
    failing(Part::Manifests, Fault::TooManyRequests(Some(7)), "toomanyrequests");
    failing(Part::Manifests, Fault::Status(500), "500 So Told");
    failing(Part::Manifests, Fault::Refuse, "EOF");
    proxy.clear();
    pull(host, &name, None).unwrap();

    // The engine itself tries a layer that ended early again, from where it ended.
    proxy.set_times(Part::Blobs, Fault::Cut(1000), 1);
    pull(host, &name, None).unwrap();

    let began = Instant::now();
    proxy.set(Part::Blobs, Fault::Slow(200_000));
    pull(host, &name, None).unwrap();
    assert!(began.elapsed() > Duration::from_millis(500), "half a megabyte came in {:?}", began.elapsed());

    proxy.set(Part::Manifests, Fault::Hang);
    let (ended, answer) = channel();
    let hanging = format!("{}/hanging:v1", proxy.address());
    std::thread::spawn(move || ended.send(pull(host, &hanging, None)));
    until("the request comes", SOON, || {
        let came = proxy.requests().iter().any(|request| request.contains("/hanging/"));
        ensure!(came, "{:?}", proxy.requests().last());
        Ok(())
    })
    .unwrap();
    let early = answer.recv_timeout(Duration::from_millis(200));
    assert!(early.is_err(), "a registry that keeps silent is answered for: {early:?}");
    proxy.clear();
    let released = answer.recv_timeout(SOON).unwrap();
    assert!(released.is_err(), "what never was is pulled");
}
