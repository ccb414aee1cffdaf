//! Devices of the host, for performers of an executor that sees of the host only what is mounted.

use std::fs;
use std::path::Path;

use hourglass_tests::running::caller::deploy_this;
use hourglass_tests::running::site::Avs;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::composed::{Composed, Holder};
use super::inside::inspect;
use super::{PATIENCE, answer, artifact};

const DEVICE: &str = "/dev/sgx_enclave";

/// A device file at the place of SGX's, on a machine without SGX: `/dev/null` by another name.
struct Pretended;

impl Pretended {
    /// `None` where this machine has the real one.
    fn missing() -> Option<Self> {
        // Left there by a run of this test that was killed.
        let ours = |file: &fs::Metadata| std::os::unix::fs::MetadataExt::rdev(file) == makedev(1, 3);
        if fs::symlink_metadata(DEVICE).is_ok_and(|file| ours(&file)) {
            fs::remove_file(DEVICE).unwrap();
        }
        (!Path::new(DEVICE).exists()).then_some(Self)
    }

    fn make(&self) {
        mknodat(CWD, DEVICE, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(1, 3)).unwrap();
    }
}

impl Drop for Pretended {
    fn drop(&mut self) {
        let _gone = fs::remove_file(DEVICE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices() {
    let Some(device) = Pretended::missing() else {
        println!("this machine has SGX: what is missing cannot be shown");
        return;
    };
    let avs = Avs::ecdsa().line("hardware: {tee_type: sgx, tee_required: true}");
    let composed = Composed::new(Holder::Executor, [avs], "docker: {}").await;
    let (site, avs) = (&composed.site, &composed.site.avs[0]);
    let refused = async |label: &str| {
        let api = composed.manage().await;
        let refusal = deploy_this(site, &api, artifact(avs, &[("COUNT_IN_ANSWER", label)])).await.unwrap_err();
        println!("{}", refusal.message);
        refusal.message
    };

    // The container's own /dev says nothing about the host.
    composed.compose(&["up", "-d"]);
    composed.ready("none of 1 serves yet").await;
    let message = refused("1").await;
    for words in ["(HostNotVisible)", "-v /dev:/host/dev:ro", "docker.host_root"] {
        assert!(message.contains(words), "{words}: {message}");
    }

    // As the message has it.
    composed.write("docker: {host_root: /host}");
    let more = "services: {hourglass-executor: {volumes: [\"/dev:/host/dev:ro\"]}}\n";
    fs::write(site.path("docker-compose.override.yml"), more).unwrap();
    composed.compose(&["up", "-d", "--force-recreate"]);
    composed.ready("none of 1 serves yet").await;
    let message = refused("1").await;
    for words in ["(DeviceMissing)", "this host has no /dev/sgx_enclave", "enabled in the BIOS"] {
        assert!(message.contains(words), "{words}: {message}");
    }
    assert_eq!(composed.containers().await.all().await.unwrap(), [], "none ran without it");

    // The call itself comes by a published port, and the executor joins the performer's network meanwhile.
    device.make();
    let api = composed.manage().await;
    let deployed = deploy_this(site, &api, artifact(avs, &[("COUNT_IN_ANSWER", "1")])).await.unwrap();
    assert!(deployed.success, "{deployed:?}");
    assert_eq!(answer(site, avs, "with its device").await, "9#run1");
    let id = composed.containers().await.settled(1, PATIENCE).await.unwrap()[0].id.clone();
    let given = inspect(&composed.docker, &id).await.host_config.unwrap().devices.unwrap();
    let paths: Vec<_> = given.iter().filter_map(|device| device.path_in_container.as_deref()).collect();
    assert_eq!(paths, [DEVICE]);
    // `artifact` is the published image, without the guest.
    let seen = fs::symlink_metadata(format!("/proc/{}/root{DEVICE}", pid(&composed, &id).await)).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::rdev(&seen), makedev(1, 3));
}

async fn pid(composed: &Composed, id: &str) -> i64 {
    inspect(&composed.docker, id).await.state.unwrap().pid.unwrap()
}
