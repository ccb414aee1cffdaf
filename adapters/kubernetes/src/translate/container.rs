//! What the container runs, is told, and may do.

use std::num::NonZeroU16;

use hourglass_core::performer::{DEFAULT_PERFORMER_PORT, EnvSource, EnvValue, EnvVar, Image, Security};
use hourglass_core::resources::Quantity;

use super::placement::AMOUNT;
use super::problem::Report;
use crate::api::{EnvironmentVariable, PerformerConfig, PerformerSpec, PodSecurity};

/// Variables that are set in any case.
const OURS: [&str; 2] = ["GRPC_PORT", "AVS_ADDRESS"];
/// The user of hardened images.
const USER: u32 = 65_532;

/// The image, with the version as its tag where it carries none.
pub(super) fn image(written: &PerformerSpec, report: &mut Report) -> Option<Image> {
    let image: Image = match written.image.parse() {
        Ok(image) => image,
        Err(error) => {
            let error: hourglass_core::performer::ImageError = error;
            report.problem(
                "spec.image",
                error.to_string(),
                "write an image such as registry.example.com/my-image:v1.0.0",
            );
            return None;
        }
    };
    let Some(version) = written.version.as_deref().filter(|version| !version.is_empty()) else { return Some(image) };
    match image.tag_or_digest() {
        Some(tag) => {
            if tag != version && !tag.starts_with("sha256:") {
                let message = format!("the image's tag '{tag}' is run, and the version '{version}' only shown");
                report.note("spec.version", message, "make them equal, or remove the version");
            }
            Some(image)
        }
        None if is_tag(version) => image.with_version(Some(version)).ok(),
        None => {
            let message = format!("'{version}' is to be the image's tag, and cannot be one");
            report.problem("spec.version", message, "write letters, digits, _, . and -, or give the image a tag");
            None
        }
    }
}

fn is_tag(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    begins && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// The port, in any case.
pub(super) fn port(config: &PerformerConfig, report: &mut Report) -> Option<NonZeroU16> {
    let written = config.grpc_port.unwrap_or_else(|| DEFAULT_PERFORMER_PORT.into());
    let port = u16::try_from(written).ok().and_then(NonZeroU16::new);
    if port.is_none() {
        report.problem("spec.config.grpcPort", format!("{written} is not a port"), "write a number from 1 to 65535");
    }
    port
}

/// Variables in the order in which later ones win.
pub(super) fn environment(config: &PerformerConfig, report: &mut Report) -> Vec<EnvVar> {
    let mut found = Vec::new();
    for (name, value) in &config.environment {
        let path = format!("spec.config.environment.{name}");
        check_name(name, &path, report);
        if value.contains('\0') {
            report.problem(&path, "a variable's value has no NUL in it", "remove the character");
        }
        found.push(EnvVar { name: name.clone(), source: EnvSource::Value(EnvValue(value.clone())) });
    }
    for (at, variable) in config.environment_from.iter().enumerate() {
        let path = format!("spec.config.environmentFrom[{at}]");
        check_name(&variable.name, &format!("{path}.name"), report);
        if let Some(source) = source(variable, &path, report) {
            found.push(EnvVar { name: variable.name.clone(), source });
        }
    }
    found
}

fn check_name(name: &str, path: &str, report: &mut Report) {
    if name.is_empty() || name.contains(['=', '\0']) {
        report.problem(path, format!("'{}' cannot name a variable", name.escape_debug()), "write a name without =");
    } else if OURS.contains(&name) {
        report.note(path, format!("{name} is set by the operator, whatever stands here"), "remove it");
    }
}

fn source(variable: &EnvironmentVariable, path: &str, report: &mut Report) -> Option<EnvSource> {
    let from = variable.value_from.as_ref();
    let secret = from.and_then(|from| from.secret_key_ref.clone());
    let config_map = from.and_then(|from| from.config_map_key_ref.clone());
    let source = match (secret, config_map) {
        (Some(it), None) => EnvSource::SecretKey { secret: it.name, key: it.key },
        (None, Some(it)) => EnvSource::ConfigMapKey { config_map: it.name, key: it.key },
        _ => {
            let message = "exactly one of secretKeyRef and configMapKeyRef is needed";
            report.problem(format!("{path}.valueFrom"), message, "keep one of them, or write the value in environment");
            return None;
        }
    };
    let (EnvSource::SecretKey { secret: name, key } | EnvSource::ConfigMapKey { config_map: name, key }) = &source
    else {
        return None;
    };
    if name.is_empty() || key.is_empty() {
        let message = "the reference needs a name and a key";
        report.problem(format!("{path}.valueFrom"), message, "write the name of the object, and the key in it");
        return None;
    }
    Some(source)
}

/// What differs from the hardened defaults; what is written and does not differ is no difference.
pub(super) fn security(written: Option<&PodSecurity>, report: &mut Report) -> Security {
    let Some(written) = written else { return Security::default() };
    let user = written.run_as_user.and_then(|user| {
        let found = u32::try_from(user).ok().filter(|user| i32::try_from(*user).is_ok());
        if found.is_none() {
            let remedy = "write a number from 0 to 2147483647";
            report.problem("spec.security.runAsUser", format!("{user} is not a user"), remedy);
        }
        found
    });
    for (at, name) in written.add_capabilities.iter().enumerate() {
        if name.starts_with("CAP_") || name.is_empty() {
            let remedy = "write it without CAP_, such as NET_BIND_SERVICE";
            report.problem(
                format!("spec.security.addCapabilities[{at}]"),
                format!("'{name}' is no capability"),
                remedy,
            );
        }
    }
    let tmp = written.tmp_size.as_ref().and_then(|size| match size.0.parse::<Quantity>() {
        Ok(size) => u64::try_from(size.whole()).ok(),
        Err(_) => {
            let message = format!("'{}' is no amount", size.0.escape_debug());
            report.problem("spec.security.tmpSize", message, AMOUNT);
            None
        }
    });
    Security {
        run_as_user: user.filter(|user| *user != USER),
        read_only_root: written.read_only_root_filesystem.filter(|read_only| !read_only),
        add_capabilities: written.add_capabilities.clone(),
        allow_privilege_escalation: written.allow_privilege_escalation.filter(|allowed| *allowed),
        tmpfs_bytes: tmp,
        ..Security::default()
    }
}
