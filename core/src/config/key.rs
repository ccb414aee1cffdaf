//! What a key is: the one description from which parser, schema, reference and `config print` follow.

use std::net::SocketAddr;
use std::path::Path;

use super::duration::parse_duration;
use crate::address::Address;
use crate::performer::{Endpoint, Image};
use crate::resources::Quantity;

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) doc: &'static str,
    pub(crate) default: Option<&'static str>,
    pub(crate) example: Option<&'static str>,
    pub(crate) required: bool,
    /// Accepted, with a note that names the right one.
    pub(crate) former: Option<&'static str>,
    /// Accepted without a word.
    pub(crate) alias: Option<&'static str>,
    /// Whether the camelCase spelling of the name is accepted too.
    pub(crate) camel: bool,
}

/// What a key holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Section(&'static [Key]),
    /// A list of mappings.
    Entries(&'static [Key]),
    Texts,
    /// Text to text.
    Labels,
    /// Resource name to amount.
    Quantities,
    Text,
    /// A text that is never shown.
    Secret,
    /// A URL that may hold credentials: only its scheme and host are shown.
    Url(&'static [&'static str]),
    Address,
    PublicKey,
    Image,
    Duration,
    /// Bytes, as a quantity.
    Size,
    Count(u64, u64),
    Integer(i64, i64),
    Decimal,
    Port,
    Bool,
    Choice(&'static [&'static str]),
    /// `host:port`.
    Endpoint,
    /// An IP address with a port, to listen on.
    Listen,
    Path,
}

/// Far enough to mean for ever, near enough to be added to any clock.
const MAX_DURATION: std::time::Duration = std::time::Duration::from_secs(3650 * 86_400);

impl Key {
    pub(crate) const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        let (default, example, former, alias) = (None, None, None, None);
        Self { name, kind, doc, default, example, required: false, former, alias, camel: false }
    }

    pub(crate) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(crate) const fn like(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn formerly(mut self, name: &'static str) -> Self {
        self.former = Some(name);
        self
    }

    pub(crate) const fn or_named(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    pub(crate) const fn camel(mut self) -> Self {
        self.camel = true;
        self
    }

    /// Whether the key may be written as `name`.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name
            || self.former == Some(name)
            || self.alias == Some(name)
            || (self.camel && camel_case(self.name) == name)
            || (self.camel && self.alias.is_some_and(|alias| camel_case(alias) == name))
    }
}

/// `gpu_type` as `gpuType`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut upper = false;
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else {
            text.push(if upper { c.to_ascii_uppercase() } else { c });
            upper = false;
        }
    }
    text
}

impl Kind {
    /// Whether one text is the whole value.
    pub(crate) const fn is_scalar(self) -> bool {
        !matches!(self, Self::Section(_) | Self::Entries(_) | Self::Texts | Self::Labels | Self::Quantities)
    }

    /// What is expected, for people.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Section(_) => "a mapping".into(),
            Self::Entries(_) => "a list of mappings".into(),
            Self::Texts => "a list of texts".into(),
            Self::Labels => "a mapping of names to texts".into(),
            Self::Quantities => "a mapping of resource names to quantities, such as cpu: 500m".into(),
            Self::Text | Self::Secret => "a text".into(),
            Self::Url(schemes) => format!("a URL that begins with {}", alternatives(schemes, "://")),
            Self::Address => "an address: 0x and 40 hexadecimal digits".into(),
            Self::PublicKey => "a BN254 public key on G2: 0x and 256 hexadecimal digits".into(),
            Self::Image => "an image reference without white space".into(),
            Self::Duration => "a duration, such as 500ms, 30s, 5m or 1m30s, of at most 3650d".into(),
            Self::Size => "a number of bytes, such as 4Mi or 1500k".into(),
            Self::Count(0, u64::MAX) => "a whole number".into(),
            Self::Count(min, u64::MAX) => format!("a whole number, at least {min}"),
            Self::Count(min, max) => format!("a whole number from {min} to {max}"),
            Self::Integer(..) => "a whole number".into(),
            Self::Decimal => "a positive number, such as 1.2".into(),
            Self::Port => "a port from 1 to 65535".into(),
            Self::Bool => "true or false".into(),
            Self::Choice(choices) => alternatives(choices, ""),
            Self::Endpoint => "host:port, such as aggregator.example.com:9090".into(),
            Self::Listen => "an IP address and a port, such as 0.0.0.0:9095 or [::]:9095".into(),
            Self::Path => "a path".into(),
        }
    }

    /// Says what is wrong with the text of a scalar. The message never holds the value of a secret.
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        let shown: String =
            if may_be_a_key(text) { "[hexadecimal digits]".into() } else { text.chars().take(80).collect() };
        let otherwise = |ok: bool| if ok { Ok(()) } else { Err(format!("'{shown}' is not {}", self.expected())) };
        match self {
            Self::Text | Self::Path if text.chars().any(char::is_control) => {
                Err("control characters are not allowed here".into())
            }
            Self::Path if may_be_a_key(text) => Err("this looks like a key, not like a path".into()),
            Self::Text | Self::Path if text.is_empty() => Err("the value is empty".into()),
            Self::Secret | Self::Text | Self::Path => Ok(()),
            Self::Url(schemes) => match url_host(text, schemes) {
                Some(_) => Ok(()),
                None => Err(format!("this is not {}", self.expected())),
            },
            Self::Address => Address::parse_checked(text).map(|_| ()).map_err(|e| format!("'{shown}': {e}")),
            Self::PublicKey => otherwise(parse_public_key(text).is_some()),
            Self::Image => text.parse::<Image>().map(|_| ()).map_err(|e| e.to_string()),
            Self::Duration => otherwise(parse_duration(text).is_some_and(|duration| duration <= MAX_DURATION)),
            Self::Size => otherwise(parse_size(text).is_some()),
            Self::Count(min, max) => {
                otherwise(is_plain_number(text) && text.parse().is_ok_and(|n: u64| (min..=max).contains(&n)))
            }
            Self::Integer(min, max) => otherwise(text.parse().is_ok_and(|n: i64| (min..=max).contains(&n))),
            Self::Decimal => otherwise(text.parse().is_ok_and(|n: f64| n.is_finite() && n > 0.0)),
            Self::Port => otherwise(is_plain_number(text) && text.parse().is_ok_and(|n: u16| n > 0)),
            Self::Bool => otherwise(parse_bool(text).is_some()),
            Self::Choice(choices) => otherwise(choices.contains(&text)),
            Self::Endpoint => otherwise(parse_endpoint(text).is_some()),
            Self::Listen => otherwise(text.parse::<SocketAddr>().is_ok()),
            Self::Section(_) | Self::Entries(_) | Self::Texts | Self::Labels | Self::Quantities => Ok(()),
        }
    }

    /// The text as it may be shown.
    pub(crate) fn shown(self, text: &str) -> String {
        match self {
            Self::Secret => "[secret]".into(),
            Self::Url(schemes) => match url_host(text, schemes) {
                Some((origin, more)) => format!("{origin}{}", if more { "/[secret]" } else { "" }),
                None => "[secret]".into(),
            },
            _ => text.into(),
        }
    }
}

fn alternatives(choices: &[&str], suffix: &str) -> String {
    let quoted: Vec<String> = choices.iter().map(|c| format!("'{c}{suffix}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Whether a text has the form of a private key: somebody may have put one in the wrong place.
fn may_be_a_key(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    (60..=130).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_plain_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Whole bytes, at least one.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let quantity: Quantity = text.parse().ok()?;
    u64::try_from(quantity.whole()).ok().filter(|n| *n > 0 && quantity.millis().is_multiple_of(1000))
}

pub(crate) fn parse_public_key(text: &str) -> Option<[u8; 128]> {
    let mut bytes = [0; 128];
    let digits = text.strip_prefix("0x")?;
    (digits.len() == 256).then_some(())?;
    const_hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// `host:port` or `[v6]:port`.
pub(crate) fn parse_endpoint(text: &str) -> Option<Endpoint> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = is_plain_number(port).then(|| port.parse().ok())??;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.strip_suffix(']').filter(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| is_host(host))?,
    };
    (port > 0).then(|| Endpoint { host: host.into(), port })
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// Scheme and host of a URL, and whether anything that may be secret stands around them.
fn url_host(text: &str, schemes: &[&str]) -> Option<(String, bool)> {
    let (scheme, rest) = text.split_once("://")?;
    schemes.contains(&scheme).then_some(())?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let valid = !host.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    valid.then(|| (format!("{scheme}://{host}"), !user.is_empty() || path.len() > 1))
}

/// Whether a text can be a path, as the executable of a performer in process mode.
pub(crate) fn executable_path(text: &str) -> Option<&str> {
    let path = text.strip_prefix("file://").unwrap_or(text);
    Path::new(path).is_absolute().then_some(path)
}
