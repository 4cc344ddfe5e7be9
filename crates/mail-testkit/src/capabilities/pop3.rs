//! The capabilities of POP3 (RFC 2449).

use super::lines::Lines;

/// Unless told otherwise.
const USUAL: [&str; 14] = [
    "CAPA",
    "APOP",
    "TOP",
    "UIDL",
    "USER",
    "SASL PLAIN",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "EXPIRE NEVER",
    "UTF8 USER",
    "LANG",
    "STLS",
    concat!("IMPLEMENTATION mail-testkit-", env!("CARGO_PKG_VERSION")),
];

/// What a server can do and no CAPA tells: to answer CAPA at all, and APOP, which the greeting tells of.
const UNTOLD: [&str; 2] = ["CAPA", "APOP"];

/// The capabilities of one server: lines of CAPA's answer.
#[derive(Clone, Debug)]
pub(crate) struct Offer(Lines);

impl Default for Offer {
    fn default() -> Self {
        Self(USUAL.into_iter().collect())
    }
}

impl Offer {
    /// These alone, CAPA itself, and what the port asks for before a login.
    pub(crate) fn only<S: Into<String>>(lines: impl IntoIterator<Item = S>) -> Self {
        let mut offer = Self(lines.into_iter().collect());
        ["CAPA", "STLS"].into_iter().for_each(|name| offer.add(name.to_owned()));
        offer
    }

    /// One more, or the same with something else behind it.
    pub(crate) fn add(&mut self, line: String) {
        self.0.add(line);
    }

    /// One less.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// SASL with these alone.
    pub(crate) fn set_mechanisms(&mut self, names: &[String]) {
        self.0.set_words("SASL", names);
    }

    /// Whether AUTH takes a mechanism.
    pub(crate) fn has_mechanism(&self, name: &str) -> bool {
        self.0.has_word("SASL", name)
    }

    /// Whether the server does what this stands for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// What stands behind a name; empty if nothing does, none if it isn't there.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.value(name)
    }

    /// The lines that CAPA shows: a login only where one is possible, TLS only where it has to be started.
    pub(crate) fn shown(&self, before_tls: bool) -> impl Iterator<Item = &str> {
        self.0.named(move |name| match name {
            "STLS" => before_tls,
            "USER" | "SASL" => !before_tls,
            name => !UNTOLD.contains(&name),
        })
    }
}
