use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// The longest host name in its text form (RFC 1035 section 2.3.4), without the root's dot.
const LONGEST_NAME: usize = 253;

/// What to connect to: a host, by name or by address, and a port. Cheap to clone.
///
/// The host can't carry anything that would mean something on a proxy's wire: it is an IP address, or ASCII letters,
/// digits, `-`, `_` and dots. Internationalised names are given in their ASCII form (`xn--…`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    host: Arc<str>,
    port: u16,
}

/// The text given as a host is neither an IP address nor a host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{excerpt}\" is not a host name or an IP address")]
pub struct InvalidHost {
    excerpt: Box<str>,
}

impl Target {
    /// A target by host and port. An IPv6 address may stand in brackets, a name may end in a dot.
    ///
    /// # Errors
    /// [`InvalidHost`] if the host is neither an IP address nor a name of at most 253 ASCII letters, digits, `-`, `_`
    /// and dots, without empty labels.
    pub fn new(host: &str, port: u16) -> Result<Self, InvalidHost> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_valid = match bare {
            Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
            None => host.parse::<IpAddr>().is_ok() || is_name(host),
        };
        if !is_valid {
            return Err(InvalidHost {
                excerpt: host.chars().take(80).flat_map(char::escape_default).collect(),
            });
        }
        Ok(Self { host: bare.unwrap_or(host).into(), port })
    }

    /// The host as it was given, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host's address, if it was given as one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn is_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= LONGEST_NAME
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

/// `host:port`, an IPv6 address in brackets.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_shown_as_they_are_dialled() {
        for (host, shown) in [
            ("imap.example.org", "imap.example.org:993"),
            ("imap.example.org.", "imap.example.org.:993"),
            ("xn--mller-kva.example", "xn--mller-kva.example:993"),
            ("_imaps._tcp.example", "_imaps._tcp.example:993"),
            ("192.0.2.1", "192.0.2.1:993"),
            ("2001:db8::1", "[2001:db8::1]:993"),
            ("[2001:db8::1]", "[2001:db8::1]:993"),
        ] {
            assert_eq!(Target::new(host, 993).unwrap().to_string(), shown);
        }
        assert_eq!(Target::new("[::1]", 143).unwrap().ip(), Some(IpAddr::from(Ipv6Addr::LOCALHOST)));
        assert_eq!(Target::new("localhost", 143).unwrap().ip(), None);
    }

    #[test]
    fn a_host_that_would_say_something_to_a_proxy_is_refused() {
        let too_long = format!("{}example", "a.".repeat(124));
        for host in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            "a\r\nHost: b",
            "a\0b",
            "a/b",
            "a:b",
            "[a]",
            "[::1",
            "müller.example",
            "u@h",
        ]
        .into_iter()
        .chain([too_long.as_str(), &"a".repeat(64)])
        {
            assert!(Target::new(host, 1).is_err(), "{host:?}");
        }
        let error = Target::new("a\r\nb", 1).unwrap_err();
        assert_eq!(error.to_string(), r#""a\r\nb" is not a host name or an IP address"#);
    }
}
