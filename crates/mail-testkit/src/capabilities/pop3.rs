//! The capabilities of POP3 (RFC 2449).

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

/// The capabilities of one server: lines of CAPA's answer, a name and what stands behind it.
#[derive(Clone, Debug)]
pub(crate) struct Offer(Vec<String>);

impl Default for Offer {
    fn default() -> Self {
        Self(USUAL.map(str::to_owned).into())
    }
}

impl Offer {
    /// These alone, CAPA itself, and what the port asks for before a login.
    pub(crate) fn only<S: Into<String>>(lines: impl IntoIterator<Item = S>) -> Self {
        let mut offer = Self(Vec::new());
        lines.into_iter().for_each(|line| offer.add(line.into()));
        ["CAPA", "STLS"].into_iter().for_each(|name| offer.add(name.to_owned()));
        offer
    }

    /// One more, or the same with something else behind it.
    pub(crate) fn add(&mut self, line: String) {
        match self.0.iter_mut().find(|known| name_of(known).eq_ignore_ascii_case(name_of(&line))) {
            Some(known) => *known = line,
            None => self.0.push(line),
        }
    }

    /// One less.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|known| !name_of(known).eq_ignore_ascii_case(name));
    }

    /// SASL with these alone.
    pub(crate) fn set_mechanisms(&mut self, names: &[String]) {
        if names.is_empty() {
            self.remove("SASL");
        } else {
            self.add(format!("SASL {}", names.join(" ")));
        }
    }

    /// Whether AUTH takes a mechanism.
    pub(crate) fn has_mechanism(&self, name: &str) -> bool {
        let mechanisms = self.value("SASL").unwrap_or_default();
        mechanisms.split(' ').any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether the server does what this stands for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// What stands behind a name; empty if nothing does, none if it isn't there.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let line = self.0.iter().find(|line| name_of(line).eq_ignore_ascii_case(name))?;
        Some(line[name_of(line).len()..].trim_start())
    }

    /// The lines that CAPA shows: a login only where one is possible, TLS only where it has to be started.
    pub(crate) fn shown(&self, before_tls: bool) -> impl Iterator<Item = &str> {
        let is_shown = move |line: &&str| match name_of(line) {
            "STLS" => before_tls,
            "USER" | "SASL" => !before_tls,
            name => !UNTOLD.contains(&name),
        };
        self.0.iter().map(String::as_str).filter(is_shown)
    }
}

fn name_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}
