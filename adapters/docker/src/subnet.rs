//! Ranges of addresses.

use std::net::IpAddr;

/// The range of a network, and who is the host in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subnet {
    base: IpAddr,
    bits: u32,
    gateway: Option<IpAddr>,
}

impl Subnet {
    /// From `172.18.0.0/16` and `172.18.0.1`.
    pub(crate) fn new(range: &str, gateway: Option<&str>) -> Option<Self> {
        let (base, bits) = range.split_once('/')?;
        let (base, bits): (IpAddr, u32) = (base.parse().ok()?, bits.parse().ok()?);
        let longest = if base.is_ipv4() { 32 } else { 128 };
        // The engine may write the gateway as a range, too.
        let gateway = gateway.and_then(|text| text.split('/').next()?.parse().ok());
        (bits <= longest && bits > 0).then_some(Self { base, bits, gateway })
    }

    /// Whether the address lies in the range and is not the host's.
    pub(crate) fn has_guest(&self, address: IpAddr) -> bool {
        let inside = match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => (u32::from(base) ^ u32::from(address)) >> (32 - self.bits) == 0,
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (u128::from(base) ^ u128::from(address)) >> (128 - self.bits) == 0
            }
            _ => false,
        };
        inside && self.gateway != Some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests() {
        let subnet = Subnet::new("172.18.0.0/16", Some("172.18.0.1")).unwrap();
        let guest = |text: &str| subnet.has_guest(text.parse().unwrap());
        assert!(guest("172.18.0.2") && guest("172.18.255.254"));
        assert!(!guest("172.18.0.1") && !guest("172.19.0.2") && !guest("127.0.0.1") && !guest("::1"));
        let six = Subnet::new("fd00:1::/64", None).unwrap();
        assert!(six.has_guest("fd00:1::5".parse().unwrap()) && !six.has_guest("fd00:2::5".parse().unwrap()));
        for wrong in ["", "172.18.0.0", "172.18.0.0/33", "x/8", "0.0.0.0/0"] {
            assert_eq!(Subnet::new(wrong, None), None, "{wrong}");
        }
    }
}
