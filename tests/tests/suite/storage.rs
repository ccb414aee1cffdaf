//! A full disk, a read-only one, a torn journal, two executors on one directory.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hourglass_tests::repository;
use hourglass_tests::running::caller::{self, answered, connect, submission};
use hourglass_tests::running::command::{self, Ended};
use hourglass_tests::running::executor::{Executor, PATIENCE};
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::running::web;
use hourglass_tests::waiting::until_async;
use tonic::Code;

/// A small file system in memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where mounting is not permitted, which CI does not accept.
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path)),
            other => {
                let why = other.map_or_else(|e| e.to_string(), |o| String::from_utf8_lossy(&o.stderr).into_owned());
                assert!(!repository::in_ci(), "a full disk cannot be tested here: {why}");
                println!("NOT TESTED: a full disk needs the right to mount a tmpfs (run as root): {why}");
                None
            }
        }
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: an executor that the test left behind is killed only afterwards.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for block in [1 << 16, 4096, 512, 1] {
        while file.write_all(&vec![1; block]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_fails_closed_and_recovers_without_a_restart() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let Some(disk) = SmallDisk::mount(site.path("small"), "16m") else { return };
    let site = site.set(format!("storage.path={}/data", disk.0.display()));
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let before = submission(&site, avs, "before", b"3").await.unwrap();
    let first = answered(&site, avs, &before).await.unwrap();

    let filler = disk.0.join("filler");
    fill(&filler);
    // Records that still fit into pages which the file already has may be written; the answer is then as good as any.
    let api = connect(&site).await.unwrap();
    let mut number = 0;
    let refusal = until_async("a full journal", PATIENCE, async || {
        number += 1;
        let payload = vec![b'z'; 32 << 10];
        let task = submission(&site, avs, &format!("full {number}"), &payload).await?;
        caller::refused(&api, task).await
    });
    let refusal = refusal.await.unwrap();
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unavailable, "JournalUnavailable"), "{refusal:?}");
    let page = until_async("not ready", Duration::from_secs(20), async || {
        let page = web::get(site.ports.health, "/ready")?;
        anyhow::ensure!(page.status == 503, "{}", page.body);
        Ok(page)
    });
    let page = page.await.unwrap();
    assert!(page.body.contains("journal") && page.body.contains("free space"), "{}", page.body);
    assert_eq!(web::get(site.ports.health, "/health").unwrap().status, 200);

    fs::remove_file(&filler).unwrap();
    let again = until_async("readiness", Duration::from_secs(30), async || {
        let page = web::get(site.ports.health, "/ready")?;
        anyhow::ensure!(page.status == 200, "{}", page.body);
        Ok(())
    });
    again.await.unwrap();
    let after = submission(&site, avs, "after", b"4").await.unwrap();
    assert_eq!(answered(&site, avs, &after).await.unwrap().output, b"10");
    assert_eq!(answered(&site, avs, &before).await.unwrap(), first);
    executor.stop().await.unwrap();
}

/// `run` with listeners that collide with nothing, expected to fail.
async fn fails_to_run(site: &Site, storage: &Path) -> Ended {
    let set = [
        format!("storage.path={}", storage.display()),
        format!("server.listen=127.0.0.1:{}", site.ports.spare),
        "metrics.enabled=false".into(),
        "health.enabled=false".into(),
        "log_format=text".into(),
    ];
    let config = site.config().display().to_string();
    let mut arguments = vec!["run", "--config", &config];
    for assignment in &set {
        arguments.extend(["--set", assignment]);
    }
    let ended = command::run(site.directory(), &arguments, "").await.unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("error: storage.path: cannot open"), "{ended:?}");
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_directory_is_said_at_the_start() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let Some(disk) = SmallDisk::mount(site.path("small"), "16m") else { return };
    disk.remount("ro");
    let ended = fails_to_run(&site, &disk.0.join("data")).await;
    assert!(ended.stderr.contains("mount the file system for writing"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_executors_on_one_directory() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let ended = fails_to_run(&site, &site.storage()).await;
    let named = format!("in use by process {}", executor.id());
    assert!(ended.stderr.contains(&named), "{}", ended.stderr);
    // Nor may the journal be looked at from outside meanwhile.
    let show = command::run(site.directory(), &["journal", "show", "--config", "executor.yaml"], "").await.unwrap();
    assert_eq!(show.code, Some(1));
    assert!(show.stderr.contains("in use by"), "{}", show.stderr);
    // The first one has noticed nothing.
    let avs = &site.avs[0];
    assert_eq!(
        answered(&site, avs, &submission(&site, avs, "undisturbed", b"3").await.unwrap()).await.unwrap().output,
        b"9"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_foreign_or_missing_journal_is_never_a_silent_new_start() {
    let site = Site::new([Avs::ecdsa()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    answered(&site, avs, &submission(&site, avs, "recorded", b"3").await.unwrap()).await.unwrap();
    executor.stop().await.unwrap();
    let database = site.storage().join("hourglass.redb");
    let whole = fs::read(&database).unwrap();

    for (what, bytes) in [
        ("torn", whole[..whole.len() / 3].to_vec()),
        ("empty", Vec::new()),
        ("another program's", b"SQLite format 3\0".repeat(512)),
        ("zeroed at its beginning", [&vec![0; 4096], &whole[4096..]].concat()),
    ] {
        fs::write(&database, &bytes).unwrap();
        let ended = fails_to_run(&site, &site.storage()).await;
        assert!(!ended.stderr.contains("began a new journal"), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("the store cannot be used"), "{what}: {}", ended.stderr);
        assert_eq!(fs::read(&database).unwrap(), bytes, "{what}: it was touched");
    }
    fs::remove_file(&database).unwrap();
    let ended = fails_to_run(&site, &site.storage()).await;
    assert!(ended.stderr.contains("is missing although"), "{}", ended.stderr);

    // Restored, it goes on.
    OpenOptions::new().write(true).create_new(true).open(&database).unwrap().write_all(&whole).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    assert_eq!(site.runs(avs).len(), 1);
}
