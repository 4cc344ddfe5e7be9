//! What EHLO shows (RFC 5321 section 4.1.1.1).

use super::lines::Lines;

/// Unless told otherwise. `SIZE` is the largest message that is taken, 50 MiB.
const USUAL: [&str; 9] = [
    "PIPELINING",
    "SIZE 52428800",
    "STARTTLS",
    "AUTH PLAIN",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "DSN",
    "SMTPUTF8",
    "CHUNKING",
];

/// The keywords of one server: lines of EHLO's answer.
#[derive(Clone, Debug)]
pub(crate) struct Offer(Lines);

impl Default for Offer {
    fn default() -> Self {
        Self(USUAL.into_iter().collect())
    }
}

impl Offer {
    /// These alone, and what the port asks for before a login.
    pub(crate) fn only<S: Into<String>>(lines: impl IntoIterator<Item = S>) -> Self {
        let mut offer = Self(lines.into_iter().collect());
        offer.add("STARTTLS".to_owned());
        offer
    }

    /// One more, or the same with something else behind it.
    pub(crate) fn add(&mut self, line: String) {
        self.0.add(line);
    }

    /// One less.
    pub(crate) fn remove(&mut self, keyword: &str) {
        self.0.remove(keyword);
    }

    /// AUTH with these mechanisms alone.
    pub(crate) fn set_mechanisms(&mut self, names: &[String]) {
        self.0.set_words("AUTH", names);
    }

    /// Whether AUTH takes a mechanism.
    pub(crate) fn has_mechanism(&self, name: &str) -> bool {
        self.0.has_word("AUTH", name)
    }

    /// Whether the server does what this stands for.
    pub(crate) fn has(&self, keyword: &str) -> bool {
        self.0.value(keyword).is_some()
    }

    /// The largest message that is taken, in octets.
    pub(crate) fn size(&self) -> Option<u64> {
        self.0.value("SIZE")?.parse().ok().filter(|limit| *limit > 0)
    }

    /// The lines that EHLO shows: a login only where one is possible, TLS only where it has to be started.
    pub(crate) fn shown(&self, before_tls: bool) -> impl Iterator<Item = &str> {
        self.0.named(move |keyword| match keyword {
            "STARTTLS" => before_tls,
            "AUTH" => !before_tls,
            _ => true,
        })
    }
}
