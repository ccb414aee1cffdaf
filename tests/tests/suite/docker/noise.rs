//! Images that no engine has a part of, in a registry.

use hourglass_environment::api::Api;
use hourglass_environment::image::{Credentials, Image, Pushed, push};
use hourglass_environment::registry::Registry;
use hourglass_tests::running::ground::performer;

use super::ground;

/// Bytes that cannot be compressed, others for each label and process.
fn noise(label: &str, bytes: usize) -> Vec<u8> {
    let seed = u64::from(std::process::id());
    let mut state = label.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(next).collect()
}

/// The sample performer in a layer of its own, of so many bytes more.
pub(crate) fn unknown_performer(registry: &Registry, name: &str, bytes: usize) -> Pushed {
    let image = performer(&format!("hourglass-tests/{name}:1")).unwrap().file("/noise", noise(name, bytes), 0o644);
    publish(registry, name, &image, None)
}

/// Puts an image into a registry. No engine knows it afterwards: it has to be pulled.
pub(crate) fn publish(registry: &Registry, name: &str, image: &Image, account: Option<&Credentials>) -> Pushed {
    let host = ground().host();
    image.load(host).unwrap();
    let pushed = push(host, image.name(), &format!("{}/{name}", registry.address()), "1", account).unwrap();
    let removed = Api::at(host).unwrap().delete(&format!("/images/{}?force=true", image.name()));
    removed.unwrap();
    pushed
}
