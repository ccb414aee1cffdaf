use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A password as EIP-2335 encodes it: NFKD, without the control characters C0, C1 and Delete, in UTF-8.
pub(super) fn normalise(password: &str) -> Zeroizing<String> {
    // NFKD makes a text at most 18 times longer; with that capacity no copy is left behind by growing.
    let mut normal = Zeroizing::new(String::with_capacity(password.len() * 18));
    normal.extend(password.nfkd().filter(|c| !c.is_control()));
    normal
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn as_the_eip_says() {
        let written = "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑";
        assert_eq!(normalise(written).as_bytes(), const_hex::decode("7465737470617373776f7264f09f9491").unwrap());
        assert_eq!(normalise("a\u{0}b\tc\u{7f}d\u{80}e\u{9f}f\n").as_str(), "abcdef");
        assert_eq!(normalise("Å").as_str(), "A\u{30a}");
    }
}
