use hourglass_core::performer::{Image, InstanceName, PerformerName, PerformerSpec, Revision};
use hourglass_core::resources::Quantity;

pub(crate) const NAMES: &[&str] = &["my-avs-2-0123456789-17", "p-0123456789-0", "My AVS (v2)", "0123456789", "é-ß"];
pub(crate) const IMAGES: &[&str] =
    &["registry.example:5000/a/b:v1", "a/b@sha256:0123456789abcdef", "p\n1.2.3", "/usr/bin/performer\nv1"];
pub(crate) const QUANTITIES: &[&str] = &["500m", "1Gi", "1.5", "2e3", "999999999999999999", "0.000000001n", "12e-18"];
pub(crate) const SPECS: &[&str] = &[
    r#"{"avs":"0x0000000000000000000000000000000000000001","image":"a:1","version":null,
"command":[],"args":["-x"],"env":[{"name":"A","value":"1"},{"name":"B","secret_key":{"secret":"s","key":"k"}}],"port":9090,
"resources":{"requests":{"cpu":"500m"},"limits":{"memory":"1Gi"}},"scheduling":{},"hardware":{},"service_account":null,
"security":{"run_as_user":null,"read_only_root":null,"add_capabilities":[]},"pull_policy":"IfNotPresent",
"image_pull_secrets":[],"replicas":1,"upgrade":{"strategy":"RollingUpdate","ready_deadline":{"secs":300,"nanos":0},
"drain_deadline":{"secs":60,"nanos":0},"stop_grace":{"secs":10,"nanos":0}}}"#,
];

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The names of performers, revisions and instances: one thing has one spelling, and any text can be made a name.
pub fn names(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(name) = text.parse::<PerformerName>() {
        assert_eq!(name.as_str(), text);
        assert!(text.len() <= PerformerName::MAX_LEN);
    }
    if let Ok(revision) = text.parse::<Revision>() {
        assert_eq!(revision.as_str(), text);
    }
    if let Ok(name) = text.parse::<InstanceName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Some(name) = PerformerName::sanitised(text) {
        assert_eq!(name.as_str().parse(), Ok(name.clone()));
        assert_eq!(PerformerName::sanitised(name.as_str()), Some(name));
    }
}

/// An image reference and, after a line break, a version beside it.
pub fn image(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (reference, version) = text.split_once('\n').map_or((text, None), |(image, version)| (image, Some(version)));
    let Ok(image) = reference.parse::<Image>() else { return };
    assert_eq!(image.as_str(), reference);
    let tagged = image.tag_or_digest().map(ToOwned::to_owned);
    if let Ok(with) = image.clone().with_version(version) {
        assert!(with.as_str().starts_with(reference), "what the user wrote was changed");
        assert!(tagged.is_none() || with == image, "a reference with a tag was given another");
    }
}

/// An amount of a resource.
pub fn quantity(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(quantity) = text.parse::<Quantity>() else { return };
    assert_eq!(quantity.as_str(), text);
    assert_eq!(quantity.to_string().parse::<Quantity>().as_ref(), Ok(&quantity));
    assert_eq!(quantity.whole(), quantity.millis().div_ceil(1000));
    // Every amount has a plain form, of which it is the same.
    if let Ok(plain) = format!("{}m", quantity.millis()).parse::<Quantity>() {
        assert_eq!(plain, quantity);
    }
}

/// A specification as it is stored: what is read is written, and read again as the same.
pub fn performer_spec(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<PerformerSpec>(data) else { return };
    let written = serde_json::to_vec(&spec).expect("what was read can be written");
    let read: PerformerSpec = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(read, spec);
    assert_eq!(read.revision(), spec.revision());
}
