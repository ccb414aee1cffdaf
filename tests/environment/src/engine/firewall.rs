//! The firewall rules of one engine, apart from those of every other.
//!
//! Engines share the machine's tables, and each empties the chains named `DOCKER…` when it starts. So ours sees, in place of
//! `iptables`, a script that gives these chains the engine's own name.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::commands;
use crate::engine::slot::{Network, Slot};

/// Writes the scripts into a folder that comes first on the engine's `PATH`.
pub(crate) fn write_scripts(folder: &Path, slot: &Slot) -> Result<()> {
    fs::create_dir_all(folder)?;
    for name in ["iptables", "ip6tables"] {
        let real = commands::find(name).with_context(|| format!("there is no command {name}"))?;
        let file = folder.join(name);
        fs::write(&file, script(&real, &slot.chains()))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn script(real: &Path, chains: &str) -> String {
    format!(
        r#"#!/bin/sh
# The chains of this engine have names of their own, so that the engines of one machine leave each other's alone.
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  left=$((left - 1))
  case $argument in DOCKER | DOCKER-*) argument={chains}${{argument#DOCKER}} ;; esac
  set -- "$@" "$argument"
done
exec '{}' "$@"
"#,
        real.display()
    )
}

/// Removes every rule and chain of an engine. Returns the bridges that its rules name.
pub(crate) fn remove(slot: &Slot) -> Result<BTreeSet<String>> {
    // Another engine may change the tables between the two commands: then it is tried again.
    crate::waiting::until("removing firewall rules", Duration::from_secs(10), || {
        let saved = commands::run("iptables-save", [] as [&str; 0])?;
        let (orders, bridges) = removal(&saved, slot);
        if !orders.is_empty() {
            restore(&orders)?;
        }
        Ok(bridges)
    })
}

/// The input of `iptables-restore` that removes what is this engine's, and the bridges that its rules name.
fn removal(saved: &str, slot: &Slot) -> (String, BTreeSet<String>) {
    let chains = slot.chains();
    let own_chain = |word: &str| word == chains || word.strip_prefix(&chains).is_some_and(|rest| rest.starts_with('-'));
    let mut bridges = BTreeSet::from([slot.bridge()]);
    let rules = || saved.lines().filter_map(|line| line.strip_prefix("-A ")).map(str::split_whitespace);
    for mut words in rules() {
        if words.next().is_some_and(own_chain) {
            let named = words.clone().zip(words.skip(1)).filter(|(option, _)| matches!(*option, "-i" | "-o"));
            bridges.extend(named.map(|(_, bridge)| bridge.to_owned()));
        }
    }
    let ours = |word: &str| {
        own_chain(word)
            || bridges.contains(word)
            || Network::parse(word).is_some_and(|network| network.overlaps(slot.network()) && word != "0.0.0.0/0")
    };

    let mut orders = String::new();
    let (mut rules, mut flushed, mut removed) = (String::new(), String::new(), String::new());
    for line in saved.lines() {
        if let Some(rule) = line.strip_prefix("-A ") {
            // What stands in our own chains goes with them.
            if !rule.split_whitespace().next().is_some_and(own_chain) && rule.split_whitespace().any(ours) {
                rules.push_str(&format!("-D {rule}\n"));
            }
        } else if let Some(chain) = line.strip_prefix(':').and_then(|rest| rest.split_whitespace().next()) {
            if own_chain(chain) {
                flushed.push_str(&format!("-F {chain}\n"));
                removed.push_str(&format!("-X {chain}\n"));
            }
        } else if line.starts_with('*') {
            orders.push_str(&format!("{line}\n"));
        } else if line == "COMMIT" {
            let table = [std::mem::take(&mut rules), std::mem::take(&mut flushed), std::mem::take(&mut removed)];
            orders.push_str(&table.concat());
            orders.push_str("COMMIT\n");
        }
    }
    let anything = orders.lines().any(|line| line.starts_with('-'));
    (if anything { orders } else { String::new() }, bridges)
}

fn restore(orders: &str) -> Result<()> {
    let mut command = commands::command("iptables-restore")?;
    command.args(["--noflush", "-w"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("no input")?.write_all(orders.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "iptables-restore: {}: {}\n{orders}", output.status, said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "\
*filter
:FORWARD ACCEPT [0:0]
:DOCKER - [0:0]
:HG3 - [0:0]
:HG3-ISOLATION-STAGE-1 - [0:0]
:HG30 - [0:0]
-A FORWARD -j HG3-ISOLATION-STAGE-1
-A FORWARD -o hg3 -j HG3
-A FORWARD -i br-aaaa ! -o br-aaaa -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -j HG30
-A HG3-ISOLATION-STAGE-1 -i br-aaaa ! -o br-aaaa -j RETURN
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.153.0.0/24 ! -o hg3 -j MASQUERADE
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
";

    fn slot() -> Slot {
        Slot { number: 3, data: "/nowhere".into() }
    }

    #[test]
    fn removes_what_is_ours_and_nothing_else() {
        let (orders, bridges) = removal(SAVED, &slot());
        let expected = "\
*filter
-D FORWARD -j HG3-ISOLATION-STAGE-1
-D FORWARD -o hg3 -j HG3
-D FORWARD -i br-aaaa ! -o br-aaaa -j ACCEPT
-F HG3
-F HG3-ISOLATION-STAGE-1
-X HG3
-X HG3-ISOLATION-STAGE-1
COMMIT
*nat
-D POSTROUTING -s 10.153.0.0/24 ! -o hg3 -j MASQUERADE
COMMIT
";
        assert_eq!(orders, expected);
        assert_eq!(bridges, BTreeSet::from(["br-aaaa".to_owned(), "hg3".to_owned()]));
    }

    #[test]
    fn has_nothing_to_do_where_nothing_is_ours() {
        let others = Slot { number: 9, ..slot() };
        assert_eq!(removal(SAVED, &others).0, "");
    }

    #[test]
    fn gives_the_chains_of_the_engine_its_own_name() {
        let script = script(Path::new("/bin/echo"), "HG3");
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", &script, "iptables", "-t", "nat", "-A", "DOCKER", "-j", "DOCKER-USER", "MY DOCKER", "DOCKERS"])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "-t nat -A HG3 -j HG3-USER MY DOCKER DOCKERS\n");
    }
}
