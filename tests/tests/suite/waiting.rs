use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::bail;
use hourglass_tests::process_group::ProcessGroup;
use hourglass_tests::waiting::{free_ports, until};

#[test]
fn a_deadline_says_what_was_awaited_and_what_was_seen() {
    let began = Instant::now();
    let error = until("the moon", Duration::from_millis(50), || -> anyhow::Result<()> { bail!("only clouds") });
    assert_eq!(error.unwrap_err().to_string(), "the moon: not within 50ms, last seen: only clouds");
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[test]
fn ports_differ() {
    let mut ports = free_ports::<20>().unwrap();
    ports.sort_unstable();
    assert!(ports.windows(2).all(|pair| pair[0] != pair[1]) && ports[0] > 0, "{ports:?}");
}

#[test]
fn a_group_ends_with_its_owner() {
    let mut command = Command::new("bash");
    command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
    let mut group = ProcessGroup::spawn(&mut command).unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(group.child().stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let grandchild = std::path::Path::new("/proc").join(line.trim());
    assert!(grandchild.exists());
    drop(group);
    // What is left of it is a corpse until its new parent looks at it.
    until("the end of the grandchild", Duration::from_secs(20), || {
        match std::fs::read_to_string(grandchild.join("stat")) {
            Ok(stat) if !stat.contains(") Z ") => bail!("{stat}"),
            _ => Ok(()),
        }
    })
    .unwrap();
}
