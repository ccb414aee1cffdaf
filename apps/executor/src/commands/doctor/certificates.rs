//! Certificates of the server: whether they can be used, and for how long.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hourglass_core::config::Config;
use hourglass_docker::Finding;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::compose::server_tls;

/// Before its end, a certificate should be renewed this long.
const SOON: Duration = Duration::from_secs(14 * 86_400);

pub(super) fn server(config: &Config) -> Option<Finding> {
    let tls = config.server.tls.as_ref()?;
    let remedy = "correct server.tls: a certificate and the key that belongs to it, as PEM";
    let options = match server_tls(tls) {
        Ok(options) => options,
        Err(error) => return Some(Finding::bad("certificate", format!("{error:#}"), remedy)),
    };
    if let Err(error) = options.check() {
        return Some(Finding::bad("certificate", error.to_string(), remedy));
    }
    let first = CertificateDer::from_pem_slice(&options.certificate).ok();
    let ends = first.and_then(|certificate| not_after(&certificate));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(match ends {
        None => Finding::doubtful("certificate", "its end cannot be read", "look at it with openssl x509 -enddate"),
        Some(ends) => judge(Duration::from_secs(ends), now),
    })
}

fn judge(ends: Duration, now: Duration) -> Finding {
    let remedy = "renew it; the executor reads it again on SIGHUP";
    let days = |time: Duration| time.as_secs() / 86_400;
    match ends.checked_sub(now) {
        None => Finding::bad("certificate", format!("expired {} days ago", days(now - ends)), remedy),
        Some(left) if left < SOON => {
            Finding::doubtful("certificate", format!("expires in {} days", days(left)), remedy)
        }
        Some(left) => Finding::good("certificate", format!("good for {} days", days(left))),
    }
}

/// The end of a certificate's time, in seconds since 1970; `None` where its DER is not as RFC 5280 has it.
fn not_after(certificate: &[u8]) -> Option<u64> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    // The version, where there is one.
    if rest.first() == Some(&0xa0) {
        (_, _, rest) = element(rest)?;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, text) = match tag {
        0x17 => text.split_at_checked(2).and_then(|(year, text)| {
            let year: u64 = year.parse().ok()?;
            Some((if year < 50 { 2000 + year } else { 1900 + year }, text))
        })?,
        0x18 => text.split_at_checked(4).and_then(|(year, text)| Some((year.parse().ok()?, text)))?,
        _ => return None,
    };
    let two = |at: usize| text.get(at..at + 2)?.parse::<u64>().ok();
    let (month, day, hour, minute, second) = (two(0)?, two(2)?, two(4)?, two(6)?, two(8)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Tag, content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().try_fold(0_usize, |sum, byte| Some(sum.checked_mul(256)? + usize::from(*byte)))?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Since 1970, in years that begin in March so that leap days come last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use hourglass_docker::Outcome::{Bad, Doubtful, Good};

    use super::*;

    #[test]
    fn how_long() {
        let day = Duration::from_secs(86_400);
        assert_eq!(judge(100 * day, 50 * day).outcome, Good);
        assert_eq!(judge(60 * day, 50 * day).outcome, Doubtful);
        assert_eq!(judge(49 * day, 50 * day).outcome, Bad);
    }

    /// tbsCertificate with nothing in it but what stands before the validity.
    fn certificate(version: bool, tag: u8, end: &str) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            [&[tag, 0x81, length], content].concat()
        };
        let validity = wrap(0x30, &[wrap(0x17, b"200101000000Z"), wrap(tag, end.as_bytes())].concat());
        let version = if version { wrap(0xa0, &[2, 1, 2]) } else { Vec::new() };
        let before = [version, vec![2, 1, 1], vec![0x30, 0], vec![0x30, 0]].concat();
        wrap(0x30, &wrap(0x30, &[before, validity].concat()))
    }

    #[test]
    fn ends_are_read() {
        assert_eq!(not_after(&certificate(true, 0x17, "231114221320Z")), Some(1_700_000_000));
        assert_eq!(not_after(&certificate(false, 0x18, "20231114221320Z")), Some(1_700_000_000));
        assert_eq!(not_after(&certificate(true, 0x18, "20000301000000Z")), Some(951_868_800));
        for wrong in ["", "2311142213Z", "231314221320Z", "xx1114221320Z"] {
            assert_eq!(not_after(&certificate(true, 0x17, wrong)), None, "{wrong}");
        }
        let whole = certificate(true, 0x17, "231114221320Z");
        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None);
        }
    }
}
