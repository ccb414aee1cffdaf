//! SIGTERM: unready first, accepting a while longer, GOAWAY, what runs is answered, nothing stays behind. SIGHUP: what
//! can change without a restart does.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use hourglass_core::task::RawSubmission;
use hourglass_executor::aggregator::send;
use hourglass_tests::running::caller::{self, answered, connect, submission};
use hourglass_tests::running::executor::{Executor, PATIENCE};
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::running::{processes, web};
use hourglass_tests::waiting::until_async;
use rustix::process::Signal;
use tonic::Code;

/// Opens an HTTP/2 connection and reads frames until it is told to go away or the connection ends.
///
/// A frame is: 3 bytes of length, 1 of type, 1 of flags, 4 of stream (RFC 9113 §4.1); GOAWAY has type 7.
fn told_to_go_away(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return Ok(false);
        }
        let mut body = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut body)?;
        match (head[3], head[4]) {
            (7, _) => return Ok(true),
            // SETTINGS and PING want to be acknowledged.
            (4, 0) => stream.write_all(b"\0\0\0\x04\x01\0\0\0\0")?,
            (6, 0) => stream.write_all(&[b"\0\0\x08\x06\x01\0\0\0\0", &*body].concat())?,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_order() {
    let slow = |avs: Avs| avs.env("TASK_DELAY_MS", 2500);
    let mut site = Site::new([slow(Avs::ecdsa()), Avs::bn254()]).unwrap();
    site.set.push("server.drain_delay=2s".into());
    let mut executor = Executor::start(&site).await.unwrap();
    let avs = site.avs[0].clone();
    let port = site.ports.tasks;
    let idle = tokio::task::spawn_blocking(move || told_to_go_away(port));
    let task = submission(&site, &avs, "running", b"3").await.unwrap();
    let running = {
        let (endpoint, task) = (site.endpoint(), task.clone());
        tokio::spawn(async move { send(&endpoint, &task, 1).await })
    };
    let began = until_async("the run", PATIENCE, async || {
        anyhow::ensure!(!site.runs(&avs).is_empty(), "nothing runs");
        Ok(())
    });
    began.await.unwrap();
    assert!(processes::of(site.directory()).iter().filter(|process| process.performer).count() >= 2);

    executor.signal(Signal::TERM).unwrap();
    let unready = until_async("not ready", Duration::from_secs(1), async || {
        let page = web::get(site.ports.health, "/ready")?;
        anyhow::ensure!(page.status == 503 && page.body.contains("shutting down"), "{}", page.body);
        Ok(())
    });
    unready.await.unwrap();
    // Those who have not heard of it yet are still served, over new connections too.
    let late = submission(&site, &site.avs[1], "late", b"4").await.unwrap();
    assert_eq!(send(&site.endpoint(), &late, 1).await.unwrap().output, b"10");
    assert_eq!(web::get(site.ports.health, "/health").unwrap().status, 200);

    assert!(idle.await.unwrap().unwrap(), "an idle connection is told to go away");
    let result = running.await.unwrap().unwrap();
    caller::verified(&site, &avs, &task, &result).unwrap();
    let status = executor.ended(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", executor.log());
    assert_eq!(processes::of(site.directory()), [], "nothing stays behind");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_never_ends_is_cut_at_the_deadline_and_said() {
    let avs = Avs::ecdsa().env("HANG_TASKS", 1).line("upgrade: {drain_deadline: 1s, stop_grace: 1s}");
    let mut site = Site::new([avs]).unwrap();
    site.set.push("server.drain_timeout=1s".into());
    let mut executor = Executor::start(&site).await.unwrap();
    let avs = site.avs[0].clone();
    let task = submission(&site, &avs, "hanging", b"3").await.unwrap();
    let endpoint = site.endpoint();
    let running = tokio::spawn(async move { send(&endpoint, &task, 1).await });
    let began = until_async("the run", PATIENCE, async || {
        anyhow::ensure!(!site.runs(&avs).is_empty(), "nothing runs");
        Ok(())
    });
    began.await.unwrap();
    executor.signal(Signal::TERM).unwrap();
    let status = executor.ended(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(executor.log().contains("server.drain_timeout"), "{}", executor.log());
    assert!(running.await.unwrap().is_err());
    assert_eq!(processes::of(site.directory()), [], "nothing stays behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_reads_the_configuration_again() {
    let mut site = Site::new([Avs::ecdsa()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let (old, new) = (Avs::ecdsa(), Avs::bn254());
    let unknown = submission(&site, &new, "new", b"3").await.unwrap();
    let api = connect(&site).await.unwrap();
    assert_eq!(caller::refused(&api, unknown.clone()).await.unwrap().code, Code::NotFound);
    assert!(!executor.log().contains(r#""level":"DEBUG""#));

    site.avs.push(new.clone());
    let yaml = site.yaml().unwrap().replace("log_level: info", "log_level: debug");
    std::fs::write(site.config(), yaml).unwrap();
    executor.signal(Signal::HUP).unwrap();
    let served = until_async("the new AVS", PATIENCE, async || answered(&site, &new, &unknown).await);
    assert_eq!(served.await.unwrap().output, b"9");
    assert!(executor.log().contains(r#""level":"DEBUG""#));

    // What is wrong is said, and changes nothing.
    std::fs::write(site.config(), "avs_config: {supported_avs: [{adress: 1}]}\n").unwrap();
    executor.signal(Signal::HUP).unwrap();
    let said = until_async("the complaint", PATIENCE, async || {
        anyhow::ensure!(executor.log().contains("the configuration stays as it is"), "nothing is said");
        Ok(())
    });
    said.await.unwrap();
    assert!(executor.log().contains("adress"));
    for (avs, label) in [(&old, "still the old"), (&new, "still the new")] {
        let task: RawSubmission = submission(&site, avs, label, b"4").await.unwrap();
        assert_eq!(answered(&site, avs, &task).await.unwrap().output, b"10");
    }

    // An AVS that is not named any more is not served any more.
    site.avs.remove(0);
    site.write().unwrap();
    executor.signal(Signal::HUP).unwrap();
    let gone = until_async("its end", PATIENCE, async || {
        let label = format!("gone {:?}", std::time::Instant::now());
        let refusal = caller::refused(&api, submission(&site, &old, &label, b"3").await?).await?;
        anyhow::ensure!(refusal.code == Code::NotFound, "{refusal:?}");
        Ok(())
    });
    gone.await.unwrap();
    executor.stop().await.unwrap();
}
