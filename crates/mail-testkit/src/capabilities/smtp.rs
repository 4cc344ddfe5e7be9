//! What EHLO shows (RFC 5321 section 4.1.1.1).

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

/// The keywords of one server: lines of EHLO's answer, a keyword and what stands behind it.
#[derive(Clone, Debug)]
pub(crate) struct Offer(Vec<String>);

impl Default for Offer {
    fn default() -> Self {
        Self(USUAL.map(str::to_owned).into())
    }
}

impl Offer {
    /// These alone, and what the port asks for before a login.
    pub(crate) fn only<S: Into<String>>(lines: impl IntoIterator<Item = S>) -> Self {
        let mut offer = Self(Vec::new());
        lines.into_iter().for_each(|line| offer.add(line.into()));
        offer.add("STARTTLS".to_owned());
        offer
    }

    /// One more, or the same with something else behind it.
    pub(crate) fn add(&mut self, line: String) {
        match self.0.iter_mut().find(|known| keyword(known).eq_ignore_ascii_case(keyword(&line))) {
            Some(known) => *known = line,
            None => self.0.push(line),
        }
    }

    /// One less.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|known| !keyword(known).eq_ignore_ascii_case(name));
    }

    /// AUTH with these mechanisms alone.
    pub(crate) fn set_mechanisms(&mut self, names: &[String]) {
        if names.is_empty() {
            self.remove("AUTH");
        } else {
            self.add(format!("AUTH {}", names.join(" ")));
        }
    }

    /// Whether AUTH takes a mechanism.
    pub(crate) fn has_mechanism(&self, name: &str) -> bool {
        let mechanisms = self.value("AUTH").unwrap_or_default();
        mechanisms.split(' ').any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether the server does what this stands for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// What stands behind a keyword; empty if nothing does, none if it isn't there.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let line = self.0.iter().find(|line| keyword(line).eq_ignore_ascii_case(name))?;
        Some(line[keyword(line).len()..].trim_start())
    }

    /// The largest message that is taken, in octets.
    pub(crate) fn size(&self) -> Option<u64> {
        self.value("SIZE")?.parse().ok().filter(|limit| *limit > 0)
    }

    /// The lines that EHLO shows: a login only where one is possible, TLS only where it has to be started.
    pub(crate) fn shown(&self, before_tls: bool) -> impl Iterator<Item = &str> {
        let is_shown = move |line: &&str| match keyword(line) {
            "STARTTLS" => before_tls,
            "AUTH" => !before_tls,
            _ => true,
        };
        self.0.iter().map(String::as_str).filter(is_shown)
    }
}

fn keyword(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}
