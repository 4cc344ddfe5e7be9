//! The capabilities of IMAP.

use mail_proto::imap::Capability;

use super::needs_tls;

/// Unless told otherwise.
const USUAL: [&str; 49] = [
    "IMAP4rev1",
    "LITERAL+",
    "SASL-IR",
    "ID",
    "ENABLE",
    "STARTTLS",
    "LOGINDISABLED",
    "AUTH=PLAIN",
    "NAMESPACE",
    "UIDPLUS",
    "MOVE",
    "UNSELECT",
    "IDLE",
    "STATUS=SIZE",
    "BINARY",
    "OBJECTID",
    "PREVIEW",
    "SAVEDATE",
    "MULTIAPPEND",
    "REPLACE",
    "CONDSTORE",
    "QRESYNC",
    "ESEARCH",
    "SEARCHRES",
    "PARTIAL",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "COMPRESS=DEFLATE",
    "UTF8=ACCEPT",
    "UNAUTHENTICATE",
    "NOTIFY",
    "MULTISEARCH",
    "QUOTA",
    "QUOTASET",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "ACL",
    "LIST-MYRIGHTS",
    "METADATA",
    "LIST-METADATA",
];

/// What IMAP4rev2 has in itself (RFC 9051 appendix E).
const IN_REV2: [&str; 16] = [
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "ESEARCH",
    "SEARCHRES",
    "ENABLE",
    "IDLE",
    "SASL-IR",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "MOVE",
    "LITERAL-",
    "BINARY",
    "SPECIAL-USE",
    "CHILDREN",
    "STATUS=SIZE",
];

/// What is nothing without another.
const BUILT_ON: [(&str, &str); 9] = [
    ("QUOTA", "QUOTASET"),
    ("ACL", "LIST-MYRIGHTS"),
    ("METADATA", "LIST-METADATA"),
    ("LIST-EXTENDED", "LIST-STATUS"),
    ("SPECIAL-USE", "CREATE-SPECIAL-USE"),
    ("CONDSTORE", "QRESYNC"),
    ("ESEARCH", "SEARCHRES"),
    ("SORT", "ESORT"),
    ("SORT", "SORT=DISPLAY"),
];

/// Shown before a login too.
const BEFORE_LOGIN: [&str; 6] = ["IMAP4rev1", "IMAP4rev2", "LITERAL+", "LITERAL-", "SASL-IR", "ID"];

/// The capabilities of one server.
#[derive(Clone, Debug)]
pub(crate) struct Offer(Vec<String>);

/// How far a connection has come, as far as it decides on what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// TLS has to be started before a login.
    BeforeTls,
    BeforeLogin,
    LoggedIn,
}

impl Default for Offer {
    fn default() -> Self {
        Self(USUAL.map(str::to_owned).into())
    }
}

impl Offer {
    /// These alone, and what the port asks for before a login.
    pub(crate) fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut offer = Self(Vec::new());
        names.into_iter().for_each(|name| offer.add(name.into()));
        ["STARTTLS", "LOGINDISABLED"].into_iter().for_each(|name| offer.add(name.to_owned()));
        offer
    }

    /// One more; of `APPENDLIMIT=1` and `APPENDLIMIT=2` the last counts.
    pub(crate) fn add(&mut self, name: String) {
        let is_limit = name.starts_with("APPENDLIMIT");
        let is_same =
            |known: &str| known.eq_ignore_ascii_case(&name) || is_limit && known.starts_with("APPENDLIMIT");
        self.0.retain(|known| !is_same(known));
        // A server has one of the two (RFC 7888 section 5).
        match name.to_ascii_uppercase().as_str() {
            "LITERAL-" => self.remove("LITERAL+"),
            "LITERAL+" => self.remove("LITERAL-"),
            _ => {}
        }
        self.0.push(name);
    }

    /// One less, and those that are built on it.
    pub(crate) fn remove(&mut self, name: &str) {
        for (base, built) in BUILT_ON {
            if name.eq_ignore_ascii_case(base) {
                self.remove(built);
            }
        }
        self.0.retain(|known| !known.eq_ignore_ascii_case(name));
    }

    /// AUTH= with these alone.
    pub(crate) fn set_mechanisms(&mut self, names: &[String]) {
        self.0.retain(|known| !known.starts_with("AUTH="));
        self.0.extend(names.iter().map(|name| format!("AUTH={name}")));
    }

    /// Whether the server does what this stands for, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        let shows = |name: &str| self.0.iter().any(|known| known.eq_ignore_ascii_case(name));
        shows(name)
            || name == "CONDSTORE" && shows("QRESYNC")
            || IN_REV2.contains(&name) && shows("IMAP4rev2")
            || name == "APPENDLIMIT" && self.value(name).is_some()
    }

    /// What stands behind the `=` of one with a value.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let values = self.0.iter().filter_map(|known| known.split_once('='));
        values.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// What is shown at this stage, over TLS or not.
    pub(crate) fn shown(&self, stage: Stage, is_tls: bool) -> impl Iterator<Item = Capability> {
        let is_shown = move |name: &&String| {
            let before_tls = matches!(name.as_str(), "STARTTLS" | "LOGINDISABLED");
            let mechanism = name.strip_prefix("AUTH=");
            match stage {
                Stage::LoggedIn => !before_tls && mechanism.is_none(),
                Stage::BeforeTls => before_tls || before_login(name),
                Stage::BeforeLogin => {
                    mechanism.map_or_else(|| before_login(name), |name| is_tls || !needs_tls(name))
                }
            }
        };
        self.0.iter().filter(is_shown).map(|name| Capability::new(name.clone()))
    }
}

/// What a server tells to strangers; names that mean nothing here are told to all.
fn before_login(name: &str) -> bool {
    BEFORE_LOGIN.contains(&name) || name == "ENABLE"
}
