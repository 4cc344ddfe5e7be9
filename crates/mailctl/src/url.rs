//! Where the mail is, as one word: `imaps://user@host:port/MAILBOX` (a subset of RFC 5092), and in the same form
//! `pop3s://user@host` and `smtps://user@host`, which have no mailboxes.
//!
//! User and mailbox are percent-encoded UTF-8. There is no place for a password: a URL stands in shell histories and
//! in the list of processes, for everyone to read.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Imap,
    Pop3,
    Smtp,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte (RFC 8314).
    ImplicitTls,
    /// STARTTLS, or STLS, which must succeed.
    StartTls,
}

/// The first word of a URL, what it means, and the port that is meant when none is written.
const SCHEMES: [(&str, Protocol, Security, u16); 6] = [
    ("imaps", Protocol::Imap, Security::ImplicitTls, 993),
    ("imap", Protocol::Imap, Security::StartTls, 143),
    ("pop3s", Protocol::Pop3, Security::ImplicitTls, 995),
    ("pop3", Protocol::Pop3, Security::StartTls, 110),
    ("smtps", Protocol::Smtp, Security::ImplicitTls, 465),
    ("smtp", Protocol::Smtp, Security::StartTls, 587),
];

/// A user's mail on a server, or one mailbox of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailUrl {
    pub(crate) protocol: Protocol,
    pub(crate) security: Security,
    pub(crate) user: String,
    /// A name or an address; an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The mailbox's name with `/` between its levels; `None` for all mailboxes.
    pub(crate) mailbox: Option<String>,
}

/// Why a word is not the URL of somebody's mail. No variant quotes the URL: it could hold a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum UrlError {
    #[error(
        "a URL begins with imaps:// or imap://, as in imaps://user@host/INBOX, or pop3s, pop3, smtps or smtp"
    )]
    Scheme,
    #[error("this command needs a URL that begins with {wanted}")]
    OtherProtocol { wanted: &'static str },
    #[error("the URL names a mailbox, and its protocol has none")]
    NoMailboxes,
    #[error(
        "a password does not belong in a URL, where others can read it: set MAILCTL_PASSWORD, or use \
         --password-file or --password-command"
    )]
    Password,
    #[error("the URL names no user; write imaps://user@host (an @ in the user as %40)")]
    NoUser,
    #[error("the URL names no host")]
    NoHost,
    #[error("the URL's host is no name, IPv4 address or [IPv6 address]")]
    Host,
    #[error("the URL's port is not between 1 and 65535")]
    Port,
    #[error("the URL has a {0:?} in its {1}; write it as %{2:02X}")]
    MustBeEncoded(char, &'static str, u8),
    #[error("the URL's {0} has a % without two hexadecimal digits; a % itself is written as %25")]
    Percent(&'static str),
    #[error("the URL's {0} is not UTF-8 when percent-decoded")]
    NotUtf8(&'static str),
    #[error("the URL's {0} holds a control character")]
    Control(&'static str),
}

impl FromStr for MailUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let known = SCHEMES.iter().find(|(name, ..)| scheme.eq_ignore_ascii_case(name));
        let &(_, protocol, security, default_port) = known.ok_or(UrlError::Scheme)?;
        // An unencoded `/`, `?` or `#` in a password would cut the authority short; no host has an `@` behind its path.
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(path)),
            None => (rest, None),
        };
        // The last `@`, so that `me@example.org@imap.example.org` means what it looks like.
        let Some((user, host)) = authority.rsplit_once('@') else {
            // `user:pass/word@host`
            let has_password = match authority.split_once(':') {
                Some((_, port)) => !port.bytes().all(|b| b.is_ascii_digit()) && !authority.starts_with('['),
                None => false,
            };
            return Err(if has_password { UrlError::Password } else { UrlError::NoUser });
        };
        if user.contains(':') {
            return Err(UrlError::Password);
        }
        let user = decode(user, "user")?;
        if user.is_empty() {
            return Err(UrlError::NoUser);
        }
        let (host, port) = host_and_port(host)?;
        let mailbox = path.filter(|path| !path.is_empty()).map(|path| decode(path, "mailbox")).transpose()?;
        if mailbox.is_some() && protocol != Protocol::Imap {
            return Err(UrlError::NoMailboxes);
        }
        Ok(Self { protocol, security, user, host, port: port.unwrap_or(default_port), mailbox })
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(UrlError::Host)?;
        address.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        match port.strip_prefix(':') {
            Some(port) => (address, Some(port)),
            None if port.is_empty() => (address, None),
            None => return Err(UrlError::Host),
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let is_name = host.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if !is_name && host.parse::<Ipv6Addr>().is_err() {
        return Err(UrlError::Host);
    }
    // 1.2.3.400 is meant as an address, and no name.
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') && host.parse::<Ipv4Addr>().is_err() {
        return Err(UrlError::Host);
    }
    let port = match port {
        // `host:` is the default port (RFC 3986, section 3.2.3).
        None | Some("") => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            Some(port.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?)
        }
        Some(_) => return Err(UrlError::Port),
    };
    Ok((host.to_owned(), port))
}

fn decode(text: &str, part: &'static str) -> Result<String, UrlError> {
    if let Some(c) = text.chars().find(|c| matches!(c, '?' | '#')) {
        return Err(UrlError::MustBeEncoded(c, part, c as u8));
    }
    for (at, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(at + 1..at + 3).unwrap_or_default();
        if digits.len() != 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(UrlError::Percent(part));
        }
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| UrlError::NotUtf8(part))?;
    if decoded.chars().any(char::is_control) {
        return Err(UrlError::Control(part));
    }
    Ok(decoded.into_owned())
}

/// RFC 5092's `achar` and `bchar` without what some shells and readers trip over.
const USER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'+');
const MAILBOX: &AsciiSet = &USER.remove(b'/').remove(b'@').remove(b':');

impl fmt::Display for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_it = |&&(_, protocol, security, _): &&(_, _, _, _)| {
            (protocol, security) == (self.protocol, self.security)
        };
        let &(scheme, _, _, default_port) = SCHEMES.iter().find(is_it).ok_or(fmt::Error)?;
        write!(f, "{scheme}://{}@", utf8_percent_encode(&self.user, USER))?;
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if self.port != default_port {
            write!(f, ":{}", self.port)?;
        }
        match &self.mailbox {
            Some(mailbox) => write!(f, "/{}", utf8_percent_encode(mailbox, MAILBOX)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> MailUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(text: &str) -> UrlError {
        text.parse::<MailUrl>().expect_err(text)
    }

    #[test]
    fn each_part_is_where_it_belongs() {
        let full = url("imaps://me%40example.org@imap.example.org:1993/Archiv/B%C3%BCcher%20%2525");
        assert_eq!((full.protocol, full.security), (Protocol::Imap, Security::ImplicitTls));
        assert_eq!(full.user, "me@example.org");
        assert_eq!((full.host.as_str(), full.port), ("imap.example.org", 1993));
        assert_eq!(full.mailbox.as_deref(), Some("Archiv/Bücher %25"));

        let short = url("IMAP://me@localhost");
        assert_eq!((short.security, short.port, short.mailbox), (Security::StartTls, 143, None));
        for (text, protocol, security, port) in [
            ("pop3s://me@h", Protocol::Pop3, Security::ImplicitTls, 995),
            ("pop3://me@h/", Protocol::Pop3, Security::StartTls, 110),
            ("smtps://me@h", Protocol::Smtp, Security::ImplicitTls, 465),
            ("smtp://me@h", Protocol::Smtp, Security::StartTls, 587),
        ] {
            let url = url(text);
            assert_eq!((url.protocol, url.security, url.port, url.mailbox), (protocol, security, port, None));
        }
        assert_eq!(url("imaps://me@h/").mailbox, None);
        assert_eq!(url("imaps://me@h:/INBOX").port, 993);
        assert_eq!(url("imaps://me@[::1]/INBOX").host, "::1");
        assert_eq!(url("imaps://me@[2001:db8::1]:9930").port, 9930);
        assert_eq!(url("imaps://me@example.org@h").user, "me@example.org");
        assert_eq!(url("imaps://ü@bücher.example/é").mailbox.as_deref(), Some("é"));
        assert_eq!(url("imaps://me@h//a/../b/").mailbox.as_deref(), Some("/a/../b/"));
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for text in [
            "imaps://me:hunter2@host/INBOX",
            "imaps://me:@host",
            "imaps://me:hunter2@host@host",
            "imaps://me:hunter/2@host",
            "imap://:hunter2@host",
        ] {
            let error = error(text);
            assert_eq!(error, UrlError::Password, "{text}");
            assert!(!error.to_string().contains("hunter"));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in ["", "me@host", "http://me@host", "imap:me@host", "://me@host", "imaps//me@host"] {
            assert_eq!(error(text), UrlError::Scheme, "{text}");
        }
        for text in ["pop3s://me@host/INBOX", "smtp://me@host/x"] {
            assert_eq!(error(text), UrlError::NoMailboxes, "{text}");
        }
        assert_eq!(error("imaps://host/INBOX"), UrlError::NoUser);
        assert_eq!(error("imaps://host:993/INBOX"), UrlError::NoUser);
        assert_eq!(error("imaps://@host/INBOX"), UrlError::NoUser);
        assert_eq!(error("imaps://me@/INBOX"), UrlError::NoHost);
        assert_eq!(error("imaps://me@:993/INBOX"), UrlError::NoHost);
        for text in [
            "imaps://me@[::1/x",
            "imaps://me@[::1]x",
            "imaps://me@[h]",
            "imaps://me@a b",
            "imaps://me@1.2.3.400",
        ] {
            assert_eq!(error(text), UrlError::Host, "{text}");
        }
        for port in ["0", "65536", "99999999999", "+1", "x", "-1"] {
            assert_eq!(error(&format!("imaps://me@host:{port}/")), UrlError::Port, "{port}");
        }
        assert_eq!(error("imaps://me@host/a?b"), UrlError::MustBeEncoded('?', "mailbox", b'?'));
        assert_eq!(error("imaps://me@host/#news"), UrlError::MustBeEncoded('#', "mailbox", b'#'));
        for mailbox in ["%", "%4", "%zz", "a%+1"] {
            assert_eq!(
                error(&format!("imaps://me@host/{mailbox}")),
                UrlError::Percent("mailbox"),
                "{mailbox}"
            );
        }
        assert_eq!(error("imaps://me@host/%ff"), UrlError::NotUtf8("mailbox"));
        assert_eq!(error("imaps://%C3@host"), UrlError::NotUtf8("user"));
        assert_eq!(error("imaps://me@host/a%0d%0ab"), UrlError::Control("mailbox"));
        assert_eq!(error("imaps://me%00@host/"), UrlError::Control("user"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            scheme in prop::sample::select(&SCHEMES[..]),
            user in "\\PC{1,20}",
            host in prop_oneof!["[a-z][a-z0-9-]{0,8}(\\.[a-z]{2,5}){0,2}", Just("::1".to_owned()), Just("127.0.0.1".to_owned())],
            port in 1u16..,
            mailbox in prop::option::of("\\PC{1,30}"),
        ) {
            let (_, protocol, security, _) = scheme;
            let mailbox = mailbox.filter(|_| protocol == Protocol::Imap);
            let whole = MailUrl { protocol, security, user, host, port, mailbox };
            prop_assert_eq!(url(&whole.to_string()), whole);
        }

        #[test]
        fn no_word_makes_it_panic(text in "((imap|pop3|smtp)s?://)?[a@:/%\\[\\]?#.0é]{0,24}") {
            let _ = text.parse::<MailUrl>();
        }
    }
}
