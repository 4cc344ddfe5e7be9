//! The addresses of a header field (RFC 5322 section 3.4), as an envelope takes them.
//!
//! ```text
//! address-list = (address *("," address)) / obs-addr-list
//! address      = mailbox / group
//! mailbox      = name-addr / addr-spec
//! name-addr    = [display-name] "<" addr-spec ">"
//! group        = display-name ":" [group-list] ";" [CFWS]
//! addr-spec    = local-part "@" domain
//! ```
//!
//! Names, comments and encoded words (RFC 2047) mean nothing to an envelope and are passed over. What can't be read as
//! an address is an error, never left out: somebody was to get the message.

use mail_proto::smtp::Address;

/// Text that stands where an address should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoAddress(pub(super) String);

/// The addresses of a field, those inside of groups too, in their order.
pub(super) fn addresses(value: &[u8]) -> Result<Vec<Address>, NoAddress> {
    let mut scanner = Scanner { all: value, at: 0 };
    let mut found = Vec::new();
    loop {
        let start = scanner.at;
        let words = scanner.words();
        let begun = scanner.at;
        match scanner.next() {
            // A name, and what it is the name of. Some write an address for a name, without quotes.
            Some(b'<') => {
                found.push(scanner.in_brackets(start)?);
                if scanner.is_last(start)? {
                    return Ok(found);
                }
            }
            Some(b'@') => {
                scanner.words();
                if scanner.peek() == Some(b'<') {
                    scanner.at += 1;
                    found.push(scanner.in_brackets(start)?);
                } else {
                    scanner.at = begun + 1;
                    found.push(scanner.address(start, &words)?);
                }
                if scanner.is_last(start)? {
                    return Ok(found);
                }
            }
            // The name of a group. Its members stand as others do, up to the semicolon.
            Some(b':') => {}
            // Nothing between two commas, or at the end.
            Some(b',' | b';') if words.is_empty() => {}
            None if words.is_empty() => return Ok(found),
            _ => return Err(scanner.no_address(start)),
        }
    }
}

struct Scanner<'a> {
    all: &'a [u8],
    at: usize,
}

/// Part of a name or an address.
#[derive(Debug)]
struct Word {
    text: Vec<u8>,
    is_quoted: bool,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.all.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Atoms, quoted strings and domain literals up to a sign that means something; comments and white space are
    /// passed over.
    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'(' => self.comment(),
                b'<' | b'>' | b'@' | b',' | b';' | b':' => break,
                b'"' => words.push(Word { text: self.quoted(), is_quoted: true }),
                b'[' => words.push(Word { text: self.literal(), is_quoted: false }),
                _ => {
                    let rest = &self.all[self.at..];
                    let ends = |byte: &u8| b" \t\r\n()<>@,;:\"[".contains(byte);
                    // At least one byte: a parenthesis that closes nothing is one.
                    let len = rest.iter().skip(1).position(ends).map_or(rest.len(), |at| at + 1);
                    words.push(Word { text: rest[..len].to_vec(), is_quoted: false });
                    self.at += len;
                }
            }
        }
        words
    }

    /// The text between quotes, without its escapes and line breaks (RFC 5322 section 3.2.4).
    fn quoted(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut text = Vec::new();
        while let Some(byte) = self.next() {
            match byte {
                b'"' => break,
                b'\r' | b'\n' => {}
                b'\\' => text.extend(self.next()),
                byte => text.push(byte),
            }
        }
        text
    }

    fn literal(&mut self) -> Vec<u8> {
        let start = self.at;
        while let Some(byte) = self.next() {
            if byte == b']' {
                break;
            }
        }
        self.all[start..self.at].to_vec()
    }

    fn comment(&mut self) {
        let mut depth = 0;
        while let Some(byte) = self.next() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => self.at += 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        self.at = self.at.min(self.all.len());
    }

    /// `[route ":"] local-part "@" domain ">"`, behind the first bracket.
    fn in_brackets(&mut self, start: usize) -> Result<Address, NoAddress> {
        let mut local = self.words();
        // A source route is passed over (RFC 5321 appendix C).
        while local.is_empty() && matches!(self.peek(), Some(b'@' | b',')) {
            self.at += 1;
            self.words();
            if self.peek() == Some(b':') {
                self.at += 1;
                local = self.words();
            }
        }
        if self.next() != Some(b'@') {
            return Err(self.no_address(start));
        }
        let address = self.address(start, &local)?;
        match self.next() {
            Some(b'>') => Ok(address),
            _ => Err(self.no_address(start)),
        }
    }

    /// An address with this local part, behind its `@`.
    fn address(&mut self, start: usize, local: &[Word]) -> Result<Address, NoAddress> {
        let domain = self.words();
        let address = joined(local, &domain).and_then(|text| Address::new(&text).ok());
        address.ok_or_else(|| self.no_address(start))
    }

    /// Whether nothing follows an address, which began at `start`, but what may.
    fn is_last(&mut self, start: usize) -> Result<bool, NoAddress> {
        let is_alone = self.words().is_empty();
        match self.next() {
            None if is_alone => Ok(true),
            Some(b',' | b';') if is_alone => Ok(false),
            _ => Err(self.no_address(start)),
        }
    }

    /// Says that no address stands between `start` and the next comma.
    fn no_address(&self, start: usize) -> NoAddress {
        let rest = &self.all[start..];
        // The sign that was the wrong one has been passed.
        let passed = (self.at - start).saturating_sub(1);
        let end = memchr::memchr(b',', &rest[passed..]).map_or(rest.len(), |at| passed + at);
        let text = String::from_utf8_lossy(&rest[..end]);
        NoAddress(text.trim_matches([' ', '\t', '\r', '\n', ',']).to_owned())
    }
}

/// The address as an envelope has it. `None` if words stand where none can.
fn joined(local: &[Word], domain: &[Word]) -> Option<String> {
    // Between atoms of one local part, or of a domain, there are dots; white space beside them is obsolete and legal.
    let belongs_together = |words: &[Word]| {
        words.windows(2).all(|pair| pair[0].text.ends_with(b".") || pair[1].text.starts_with(b"."))
    };
    if local.is_empty()
        || !belongs_together(local)
        || !belongs_together(domain)
        || domain.iter().any(|word| word.is_quoted)
    {
        return None;
    }
    let text = |words: &[Word]| {
        let bytes = words.iter().flat_map(|word| &word.text).copied().collect();
        String::from_utf8(bytes).ok()
    };
    let (local_text, domain) = (text(local)?, text(domain)?);
    let is_quoted = local.iter().any(|word| word.is_quoted) && !is_dot_string(&local_text);
    Some(if is_quoted {
        let escaped = local_text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"@{domain}")
    } else {
        format!("{local_text}@{domain}")
    })
}

/// Whether a local part needs no quotes (RFC 5321 section 4.1.2).
fn is_dot_string(text: &str) -> bool {
    let is_atext =
        |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char) || !char.is_ascii();
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Vec<String>, String> {
        let found = addresses(value.as_bytes()).map_err(|error| error.0)?;
        Ok(found.iter().map(|address| address.as_str().to_owned()).collect())
    }

    #[test]
    fn every_form_of_an_address() {
        for (value, expected) in [
            ("", &[][..]),
            (" kim@example.org\r\n", &["kim@example.org"]),
            ("John Q. Public <john@x.org>", &["john@x.org"]),
            ("\"Joe \\\"Q\\\", Jr <a@b>\" <\"a b\"@x>, c@d", &["\"a b\"@x", "c@d"]),
            ("a@b (The Name, of <x@y>)", &["a@b"]),
            ("(first (and inner \\) )) a . b @ c . d (Last)", &["a.b@c.d"]),
            ("<@one,@two:u@h>", &["u@h"]),
            ("<@one:u@h>", &["u@h"]),
            ("u@[10.0.0.1], v@[IPv6:::1]", &["u@[10.0.0.1]", "v@[IPv6:::1]"]),
            ("=?utf-8?q?J=C3=BCrgen?=\r\n\t<j@x>", &["j@x"]),
            ("=?utf-8?q?a=2C_b?= <j@x>", &["j@x"]),
            ("Team: a@x, B <b@x>; , c@y", &["a@x", "b@x", "c@y"]),
            ("Team: a@x, One: b@x;, c@x", &["a@x", "b@x", "c@x"]),
            ("undisclosed recipients:;", &[]),
            ("undisclosed recipients: ;, a@b", &["a@b"]),
            ("kim@x.org <kim@y.org>", &["kim@y.org"]),
            ("a@b,, c@d,", &["a@b", "c@d"]),
            ("a@b; c@d", &["a@b", "c@d"]),
            (
                "\"kim\"@x, \"a..b\"@x, \"a\\\"b\"@x, \"x\\y\"@x",
                &["kim@x", "\"a..b\"@x", "\"a\\\"b\"@x", "xy@x"],
            ),
            ("\"a b\".c@x", &["\"a b.c\"@x"]),
            ("J\u{fc}rgen <j\u{fc}rgen@b\u{fc}cher.example>", &["j\u{fc}rgen@b\u{fc}cher.example"]),
            ("\"folded\r\n name\" <a\r\n @b>", &["a@b"]),
        ] {
            let expected: Vec<_> = expected.iter().map(|&address| address.to_owned()).collect();
            assert_eq!(read(value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (value, expected) in [
            ("root", "root"),
            // A name with a comma that isn't quoted is two.
            ("Kim, X <a@b>", "Kim"),
            ("a@b, root, c@d", "root"),
            ("<>", "<>"),
            ("<a>", "<a>"),
            ("a <b@c", "a <b@c"),
            ("a@", "a@"),
            ("@b", "@b"),
            ("a b@c", "a b@c"),
            ("a@b c", "a@b c"),
            ("a@b@c", "a@b@c"),
            ("a@b <", "a@b <"),
            ("a@b> x", "a@b> x"),
            ("\"never closed", "\"never closed"),
            ("a@\"b\"", "a@\"b\""),
            ("a\u{0}b@c", "a\u{0}b@c"),
            ("<a@b> c@d", "<a@b> c@d"),
            ("<a@b>\u{7}", "<a@b>\u{7}"),
            ("a@b) c", "a@b) c"),
        ] {
            assert_eq!(read(value), Err(expected.to_owned()), "{value}");
        }
        assert!(addresses(b"k\xfcm@example.org").is_err());
    }

    #[test]
    fn anything_is_read_to_its_end() {
        let signs = b"a@<>,;:\"\\()[]. \r\n\xfc";
        // Every text of four such bytes.
        for number in 0..signs.len().pow(4) {
            let byte = |place: u32| signs[number / signs.len().pow(place) % signs.len()];
            let text = [byte(0), byte(1), byte(2), byte(3)];
            if let Ok(found) = addresses(&text) {
                assert!(found.iter().all(|address| Address::new(address.as_str()).is_ok()), "{text:?}");
            }
        }
    }
}
