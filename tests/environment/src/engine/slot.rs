//! What of the machine one engine has for itself: a number, and all names and addresses that follow from it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::commands;
use crate::engine::teardown::{self, Caller};

/// Where engines keep what must not outlive the machine: locks, sockets, what runs.
const RUN: &str = "/run/hourglass-environment";
/// 10.150 to 10.219, and then 172.20 to 172.31: a /16 for each engine.
const SLOTS: u8 = 82;

/// The place of one engine. Everything that it makes on the machine bears the number, so that whoever comes later finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) number: u8,
    /// Images, containers, volumes.
    pub(crate) data: PathBuf,
}

impl Slot {
    /// Takes a free one, and keeps it until the file is closed, however that happens. What a killed engine left there is
    /// removed first.
    pub(crate) fn take(data: &Path) -> Result<(Self, File)> {
        fs::create_dir_all(RUN).with_context(|| format!("creating {RUN}"))?;
        let taken = networks()?;
        for number in 0..SLOTS {
            let Some((slot, mut lock)) = claim(number)? else { continue };
            if let Some(left) = slot {
                teardown::remove(&left, Caller::Anyone)
                    .with_context(|| format!("removing what engine {number} left"))?;
                lock.set_len(0)?;
            }
            let slot = Self { number, data: data.to_path_buf() };
            if taken.iter().any(|network| network.overlaps(slot.network())) {
                continue;
            }
            lock.rewind()?;
            lock.write_all(&serde_json::to_vec(&slot)?)?;
            return Ok((slot, lock));
        }
        bail!(
            "no network is free for another engine: all {SLOTS} in 10.150.0.0/16 to 10.219.0.0/16 and 172.20.0.0/14 are in use"
        );
    }

    /// Removes what engines left whose supervisor was killed. Returns how many there were.
    pub(crate) fn sweep() -> Result<usize> {
        let mut removed = 0;
        for number in 0..SLOTS {
            if !lock_path(number).exists() {
                continue;
            }
            if let Some((Some(left), lock)) = claim(number)? {
                teardown::remove(&left, Caller::Anyone)
                    .with_context(|| format!("removing what engine {number} left"))?;
                lock.set_len(0)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The socket, what runs, mounts of namespaces: short paths, since a socket's may have 107 bytes.
    pub(crate) fn run(&self) -> PathBuf {
        Path::new(RUN).join(self.number.to_string())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.run().join("docker.sock")
    }

    pub(crate) fn exec_root(&self) -> PathBuf {
        self.run().join("exec")
    }

    pub(crate) fn data_root(&self) -> PathBuf {
        self.data.join("root")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.data.join("engine.log")
    }

    /// The bridge of its default network.
    pub(crate) fn bridge(&self) -> String {
        format!("hg{}", self.number)
    }

    /// What its firewall chains have in place of `DOCKER`.
    pub(crate) fn chains(&self) -> String {
        format!("HG{}", self.number)
    }

    /// The parent of its containers' cgroups.
    pub(crate) fn cgroup(&self) -> String {
        format!("hourglass-engine-{}", self.number)
    }

    pub(crate) fn network(&self) -> Network {
        let (first, second) = match self.number {
            number @ 0..70 => (10, 150 + number),
            number => (172, number - 50),
        };
        Network { address: u32::from(Ipv4Addr::new(first, second, 0, 0)), bits: 16 }
    }

    /// A part of the network: `10.150.<third>.<last>`.
    pub(crate) fn address(&self, third: u8, last: u8) -> Ipv4Addr {
        Ipv4Addr::from(self.network().address | u32::from(third) << 8 | u32::from(last))
    }
}

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: u32,
    bits: u8,
}

impl Network {
    /// `10.0.0.0/8`, or a single address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
        Some(Self { address: u32::from(address.parse::<Ipv4Addr>().ok()?), bits })
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        // A shift by the full width is no shift to Rust: then everything overlaps.
        let mask = u32::MAX.checked_shl(32 - u32::from(self.bits.min(other.bits))).unwrap_or(0);
        self.address & mask == other.address & mask
    }
}

fn lock_path(number: u8) -> PathBuf {
    Path::new(RUN).join(format!("{number}.lock"))
}

/// The lock of a slot, with what stands in it; nothing where somebody holds it.
fn claim(number: u8) -> Result<Option<(Option<Slot>, File)>> {
    let path = lock_path(number);
    let mut lock = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
    if lock.try_lock().is_err() {
        return Ok(None);
    }
    let mut text = String::new();
    lock.read_to_string(&mut text)?;
    Ok(Some((serde_json::from_str(&text).ok(), lock)))
}

/// Every network that the machine knows already.
fn networks() -> Result<Vec<Network>> {
    let routes = commands::run("ip", ["-4", "route", "show", "table", "all"])?;
    let addresses = commands::run("ip", ["-4", "-o", "address", "show"])?;
    Ok(routes.split_whitespace().chain(addresses.split_whitespace()).filter_map(Network::parse).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_overlap_where_one_contains_the_other() {
        let network = |text| Network::parse(text).unwrap();
        assert!(network("10.0.0.0/8").overlaps(network("10.150.0.0/16")));
        assert!(network("10.150.3.1").overlaps(network("10.150.0.0/16")));
        assert!(network("0.0.0.0/0").overlaps(network("10.150.0.0/16")));
        assert!(!network("10.151.0.0/16").overlaps(network("10.150.0.0/16")));
        assert_eq!(Network::parse("default"), None);
        assert_eq!(Network::parse("10.0.0.0/33"), None);
    }

    #[test]
    fn every_slot_has_a_network_of_its_own() {
        let slots: Vec<_> = (0..SLOTS).map(|number| Slot { number, data: PathBuf::new() }.network()).collect();
        for (at, one) in slots.iter().enumerate() {
            assert!(slots.iter().skip(at + 1).all(|other| !one.overlaps(*other)), "{one:?}");
        }
        assert_eq!(slots.last().copied(), Network::parse("172.31.0.0/16"));
    }
}
