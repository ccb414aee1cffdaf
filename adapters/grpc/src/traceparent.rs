//! The W3C `traceparent` header, which links an aggregator's trace with a performer's.

/// The name of the header and of the metadata key.
pub const KEY: &str = "traceparent";

/// The text, if it has the form of the specification: `00-<32 hex>-<16 hex>-<2 hex>`, lower case, neither identifier
/// all zero. Later versions may append fields; version `ff` is forbidden.
pub fn valid(text: &str) -> Option<&str> {
    let mut fields = text.split('-');
    let mut hex = |len: usize| {
        let field = fields.next()?;
        let digits = field.len() == len && field.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        digits.then_some(field)
    };
    let (version, trace, parent, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let zero = |id: &str| id.bytes().all(|b| b == b'0');
    let appended = fields.next().is_some();
    let known = match version {
        "00" => !appended,
        "ff" => false,
        _ => text.len() <= 256,
    };
    (known && !zero(trace) && !zero(parent)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::valid;

    #[test]
    fn form() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(valid(good), Some(good));
        let later = format!("01{}-more", &good[2..]);
        assert_eq!(valid(&later), Some(later.as_str()));
        for wrong in [
            String::new(),
            good.to_uppercase(),
            format!("{good}-more"),
            format!("ff{}", &good[2..]),
            good.replace("b7ad6b7169203331", "0000000000000000"),
            good.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            good[..good.len() - 1].to_owned(),
        ] {
            assert_eq!(valid(&wrong), None, "{wrong}");
        }
    }
}
