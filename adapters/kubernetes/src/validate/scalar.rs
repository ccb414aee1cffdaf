//! What a plain word of YAML is: as the library decides that `kubectl` reads files with, which is YAML 1.1.

use serde_json::{Number, Value, json};

/// The value that a plain scalar stands for.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return json!(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return json!(false),
        _ => {}
    }
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let number = if begins { integer(text).or_else(|| float(text)) } else { None };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn integer(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    if sign.is_empty()
        && let Ok(number) = u64::from_str_radix(digits, radix)
    {
        return Some(number.into());
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().map(Number::from)
}

fn float(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    // Words such as infinity are texts; so is what has a digit nowhere.
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !plain.chars().all(allowed) || !plain.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    plain.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (text, value) in [
            ("yes", json!(true)),
            ("off", json!(false)),
            ("y", json!("y")),
            ("~", Value::Null),
            ("12", json!(12)),
            ("-12", json!(-12)),
            ("1_000", json!(1000)),
            ("0x1f", json!(31)),
            ("010", json!(8)),
            ("0o10", json!(8)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("500m", json!("500m")),
            ("1.2.3", json!("1.2.3")),
            ("0x1234567890abcdef1234567890abcdef12345678", json!("0x1234567890abcdef1234567890abcdef12345678")),
            ("-", json!("-")),
            (".", json!(".")),
            ("v1", json!("v1")),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }
}
