//! What a performer may do on its node: Pod Security `restricted`, unless somebody wrote otherwise.

use hourglass_core::performer::Security;
use k8s_openapi::api::core::v1::{
    Capabilities, EmptyDirVolumeSource, PodSecurityContext, SeccompProfile, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Many images name root or nobody; this user needs no entry in the image.
const DEFAULT_USER: u32 = 65_532;
/// Of the file system at `/tmp`.
const DEFAULT_TMP_BYTES: u64 = 64 << 20;
/// The one writable place.
const TMP: &str = "tmp";

/// Never root unless somebody wrote `0`.
pub(crate) fn of_pod(security: &Security) -> PodSecurityContext {
    let user = security.run_as_user.unwrap_or(DEFAULT_USER);
    PodSecurityContext {
        run_as_user: Some(user.into()),
        // A user without an entry in the image would be in the group of root. Whoever names a user has one there.
        run_as_group: security.run_as_user.is_none().then_some(DEFAULT_USER.into()),
        run_as_non_root: Some(user != 0),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

pub(crate) fn of_container(security: &Security) -> SecurityContext {
    // Kubernetes names them without the prefix under which the kernel knows them.
    let name = |name: &String| name.to_uppercase().trim_start_matches("CAP_").to_owned();
    let added: Vec<String> = security.add_capabilities.iter().map(name).collect();
    SecurityContext {
        allow_privilege_escalation: Some(security.allow_privilege_escalation.unwrap_or(false)),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: (!added.is_empty()).then_some(added) }),
        read_only_root_filesystem: Some(security.read_only_root.unwrap_or(true)),
        ..SecurityContext::default()
    }
}

/// In memory and bounded: a performer that fills it meets an error, where on the node's disk its pod would be evicted.
/// It counts towards the memory limit.
pub(crate) fn tmp(security: &Security) -> (Volume, VolumeMount) {
    let size = security.tmpfs_bytes.unwrap_or(DEFAULT_TMP_BYTES);
    let directory =
        EmptyDirVolumeSource { medium: Some("Memory".into()), size_limit: Some(Quantity(size.to_string())) };
    (
        Volume { name: TMP.into(), empty_dir: Some(directory), ..Volume::default() },
        VolumeMount { name: TMP.into(), mount_path: "/tmp".into(), ..VolumeMount::default() },
    )
}
