//! Addresses of a header field (RFC 5322 3.4), as ENVELOPE tells them: nothing decoded.

use bytes::Bytes;
use mail_proto::imap::AddressBuf;

/// The addresses of a field; groups by their begin and end (RFC 9051 7.5.2).
pub(crate) fn addresses(value: &[u8]) -> Vec<AddressBuf> {
    let mut scanner = Scanner { rest: value, comment: None };
    let mut found = Vec::new();
    let mut in_group = false;
    loop {
        scanner.comment = None;
        let words = scanner.words();
        let name = || (!words.is_empty()).then(|| Bytes::from(words.join(&b' ')));
        match scanner.next() {
            Some(b'<') => {
                let (adl, mailbox, host) = scanner.route_address();
                scanner.words();
                found.push(AddressBuf { name: name(), adl, mailbox: Some(mailbox), host: Some(host) });
            }
            Some(b'@') => {
                let host = scanner.words().concat();
                found.push(AddressBuf {
                    name: scanner.comment.take().map(Bytes::from),
                    adl: None,
                    mailbox: Some(words.concat().into()),
                    host: Some(host.into()),
                });
            }
            Some(b':') if !in_group => {
                in_group = true;
                found.push(AddressBuf { mailbox: Some(name().unwrap_or_default()), ..AddressBuf::default() });
            }
            end @ (Some(b',' | b';') | None) => {
                if let Some(mailbox) = name() {
                    // NIL as the host would make it the begin of a group.
                    found.push(AddressBuf {
                        name: scanner.comment.take().map(Bytes::from),
                        adl: None,
                        mailbox: Some(mailbox),
                        host: Some(Bytes::new()),
                    });
                }
                if end != Some(b',') && std::mem::take(&mut in_group) {
                    found.push(AddressBuf::default());
                }
                if end.is_none() {
                    return found;
                }
            }
            // A stray sign.
            Some(_) => {}
        }
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
    /// The last comment that was passed, without its parentheses.
    comment: Option<Vec<u8>>,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Atoms, quoted strings without their quotes and domain literals, up to a sign that means something.
    fn words(&mut self) -> Vec<Vec<u8>> {
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut joined = false;
        while let Some(octet) = self.rest.first() {
            match octet {
                b'(' => {
                    self.comment = Some(self.comment());
                    joined = false;
                }
                b' ' | b'\t' => {
                    self.next();
                    joined = false;
                }
                b'<' | b'>' | b'@' | b',' | b';' | b':' => break,
                octet => {
                    let word = match octet {
                        b'"' => self.quoted(),
                        b'[' => self.run(|octet| octet != b']', true),
                        _ => self.run(|octet| !b" \t()<>@,;:\"[".contains(&octet), false),
                    };
                    match words.last_mut() {
                        Some(last) if joined => last.extend(word),
                        _ => words.push(word),
                    }
                    joined = true;
                }
            }
        }
        words
    }

    /// What belongs together; at least one octet, with the one behind it if that closes it.
    fn run(&mut self, belongs: impl Fn(u8) -> bool, closed: bool) -> Vec<u8> {
        let len = self.rest.iter().position(|octet| !belongs(*octet)).unwrap_or(self.rest.len());
        let len = (len + usize::from(closed)).clamp(1, self.rest.len());
        let (word, rest) = self.rest.split_at(len);
        self.rest = rest;
        word.to_vec()
    }

    fn quoted(&mut self) -> Vec<u8> {
        self.next();
        let mut text = Vec::new();
        while let Some(octet) = self.next() {
            match octet {
                b'"' => break,
                b'\\' => text.extend(self.next()),
                octet => text.push(octet),
            }
        }
        text
    }

    fn comment(&mut self) -> Vec<u8> {
        self.next();
        let mut text = Vec::new();
        let mut depth = 1;
        while let Some(octet) = self.next() {
            match octet {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            match octet {
                _ if depth == 0 => break,
                b'\\' => text.extend(self.next()),
                octet => text.push(octet),
            }
        }
        text
    }

    /// `[route ":"] local "@" domain ">"`, behind the first sign.
    fn route_address(&mut self) -> (Option<Bytes>, Bytes, Bytes) {
        let end = memchr::memchr(b'>', self.rest).unwrap_or(self.rest.len());
        let route = match (self.rest.first(), memchr::memchr(b':', &self.rest[..end])) {
            (Some(b'@'), Some(colon)) => {
                let route = Bytes::copy_from_slice(&self.rest[..colon]);
                self.rest = &self.rest[colon + 1..];
                Some(route)
            }
            _ => None,
        };
        let local = self.words().concat();
        let mut host = Vec::new();
        loop {
            match self.next() {
                None | Some(b'>') => return (route, local.into(), host.into()),
                Some(b'@') => host.extend(self.words().concat()),
                // Signs that mean nothing here.
                Some(octet) => {
                    host.push(octet);
                    host.extend(self.words().concat());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> Vec<String> {
        let text = |text: &Option<Bytes>| match text {
            Some(text) => format!("{:?}", String::from_utf8_lossy(text)),
            None => "-".to_owned(),
        };
        let show = |address: &AddressBuf| {
            [&address.name, &address.adl, &address.mailbox, &address.host].map(text).join(" ")
        };
        addresses(value.as_bytes()).iter().map(show).collect()
    }

    #[test]
    fn every_form_of_an_address() {
        for (value, expected) in [
            ("", &[][..]),
            ("a@b.c", &["- - \"a\" \"b.c\""]),
            ("John Q. Public <john@x.org>", &["\"John Q. Public\" - \"john\" \"x.org\""]),
            (
                "\"Joe \\\"Q\\\", Jr\" <\"a b\"@x>, c@d",
                &["\"Joe \\\"Q\\\", Jr\" - \"a b\" \"x\"", "- - \"c\" \"d\""],
            ),
            ("a@b (The Name)", &["\"The Name\" - \"a\" \"b\""]),
            ("(first) a . b @ c . d (Last)", &["\"Last\" - \"a.b\" \"c.d\""]),
            ("<@one,@two:u@h>", &["- \"@one,@two\" \"u\" \"h\""]),
            ("u@[10.0.0.1]", &["- - \"u\" \"[10.0.0.1]\""]),
            ("=?utf-8?q?J=C3=BCrgen?= <j@x>", &["\"=?utf-8?q?J=C3=BCrgen?=\" - \"j\" \"x\""]),
            (
                "Team: a@x, B <b@x>; , c@y",
                &["- - \"Team\" -", "- - \"a\" \"x\"", "\"B\" - \"b\" \"x\"", "- - - -", "- - \"c\" \"y\""],
            ),
            ("undisclosed recipients:;", &["- - \"undisclosed recipients\" -", "- - - -"]),
            ("root", &["- - \"root\" \"\""]),
            ("<>", &["- - \"\" \"\""]),
            ("\"never closed", &["- - \"never closed\" \"\""]),
            ("a <b@c", &["\"a\" - \"b\" \"c\""]),
            (">>> x", &["- - \"x\" \"\""]),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }
}
