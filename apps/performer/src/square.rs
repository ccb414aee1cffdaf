//! The work itself.

use num_bigint::BigUint;

/// The square of an ASCII hexadecimal number of any length, as lower-case ASCII hexadecimal without leading zeros;
/// anything else comes back as it is.
///
/// The answer begins with `0x` if and only if the payload begins with `0x` or `0X`. A prefix without digits, an empty
/// payload, white space, signs and separators make it "anything else".
pub fn square(payload: &[u8]) -> Vec<u8> {
    let (prefix, digits) = match payload {
        [b'0', b'x' | b'X', digits @ ..] => ("0x", digits),
        digits => ("", digits),
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return payload.to_vec();
    }
    match BigUint::parse_bytes(digits, 16) {
        Some(number) => format!("{prefix}{:x}", &number * &number).into_bytes(),
        None => payload.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(payload: &str) -> String {
        String::from_utf8(square(payload.as_bytes())).unwrap()
    }

    #[test]
    fn squares() {
        for (payload, result) in [
            ("0x2", "0x4"),
            ("a", "64"),
            ("0XfF", "0xfe01"),
            ("0", "0"),
            ("0x000", "0x0"),
            ("00010", "100"),
            ("ffffffffffffffff", "fffffffffffffffe0000000000000001"),
            (
                "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
                 0000000000000000000000000000000000000000000000000000000000000001",
            ),
        ] {
            assert_eq!(text(payload), result, "{payload}");
        }
    }

    #[test]
    fn a_long_number() {
        // (16^n - 1)² = 16^2n - 2·16^n + 1: n-1 times f, e, n-1 times 0, 1.
        let n = 10_001;
        let expected = format!("0x{}e{}1", "f".repeat(n - 1), "0".repeat(n - 1));
        assert_eq!(text(&format!("0x{}", "f".repeat(n))), expected);
    }

    #[test]
    fn echoes() {
        for payload in ["", "0x", "0X", "hello", "0x12 ", "\n12", "1_0", "-1", "+1", "0x0x1", "１"] {
            assert_eq!(text(payload), payload);
        }
        assert_eq!(square(&[0xff, 0x00]), [0xff, 0x00]);
    }
}
