//! Conditions on messages, for SEARCH, SORT and THREAD (`search-key`, RFC 9051 section 6.4.4, and its extensions).

use bytes::Bytes;

use super::{
    date::Date,
    encode::{EncodeError, Encoder},
    flags::Flag,
    sequence_set::SequenceSet,
    terminals::{
        Context, Parsing, astring, at_end, atom, byte, fail, keyword, number64, nz_number, skip_spaces,
        spaces,
    },
};

/// A condition on a message (`search-key`).
///
/// ```
/// use mail_proto::imap::{Command, Date, SearchKey};
///
/// let key = SearchKey::from_address("kim") & !SearchKey::seen() & SearchKey::Since(Date::new(2026, 2, 1).unwrap());
/// let command = Command::uid_search(key);
/// let encoded = command.encode("A1", Default::default())?;
/// assert_eq!(encoded.to_bytes(), b"A1 UID SEARCH FROM kim UNSEEN SINCE 1-Feb-2026\r\n");
/// # Ok::<(), mail_proto::imap::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchKey {
    /// Every message.
    All,
    /// Those with this flag. For a keyword, `KEYWORD` is written.
    Flag(Flag),
    /// Those without this flag. For a keyword, `UNKEYWORD` is written.
    NotFlag(Flag),
    /// Those with `\Recent` and without `\Seen` (RFC 3501).
    New,
    /// By sequence number; `$`, the result that was saved, too.
    Sequence(SequenceSet),
    /// By UID.
    Uid(SequenceSet),
    /// Those with more bytes than this.
    Larger(u64),
    /// Those with fewer bytes than this.
    Smaller(u64),
    /// Those with this text in a header or the body.
    Text(Bytes),
    /// Those with this text in the body.
    Body(Bytes),
    /// Those with this text in a header field of this name; empty text: those that have the field.
    Header(Bytes, Bytes),
    /// Those that came before this day, in the server's zone.
    Before(Date),
    /// Those that came on this day.
    On(Date),
    /// Those that came on this day or later.
    Since(Date),
    /// Those whose `Date` field says an earlier day.
    SentBefore(Date),
    /// Those whose `Date` field says this day.
    SentOn(Date),
    /// Those whose `Date` field says this day or a later one.
    SentSince(Date),
    /// Those that came more than this many seconds ago (`WITHIN`, RFC 5032); 1 at least.
    Older(u32),
    /// Those that came within this many seconds (`WITHIN`, RFC 5032); 1 at least.
    Younger(u32),
    /// Those with this mod-sequence or a higher one (RFC 7162).
    ModSeq {
        /// Whose mod-sequence counts, if it isn't the message's: a flag's, `/flags/\Seen` say, and in which scope.
        entry: Option<(Bytes, ModSeqScope)>,
        /// The least mod-sequence.
        least: u64,
    },
    /// Those that were put into this mailbox before this day (`SAVEDATE`, RFC 8514).
    SavedBefore(Date),
    /// Those that were put into this mailbox on this day (RFC 8514).
    SavedOn(Date),
    /// Those that were put into this mailbox on this day or later (RFC 8514).
    SavedSince(Date),
    /// All, if the mailbox keeps the days on which messages were put into it; else none (RFC 8514).
    SaveDateSupported,
    /// Those with this id (`OBJECTID`, RFC 8474).
    EmailId(Bytes),
    /// Those of the thread with this id (RFC 8474).
    ThreadId(Bytes),
    /// Those that match a filter that is kept at the server (`FILTERS`, RFC 5466).
    Filter(Bytes),
    /// Those that match about (`SEARCH=FUZZY`, RFC 6203).
    Fuzzy(Box<Self>),
    /// Those that match in the language of Gmail's search box (`X-GM-EXT-1`).
    GmailRaw(Bytes),
    /// Those with this id (`X-GM-EXT-1`).
    GmailMessageId(u64),
    /// Those of the thread with this id (`X-GM-EXT-1`).
    GmailThreadId(u64),
    /// Those with this label (`X-GM-EXT-1`).
    GmailLabel(Bytes),
    /// Those that one of the two matches.
    Or(Box<(Self, Self)>),
    /// Those that it doesn't match.
    Not(Box<Self>),
    /// Those that all match.
    And(Vec<Self>),
    /// Those that match a condition whose texts are in another charset than UTF-8: its name, and the condition.
    ///
    /// It stands around a whole query. A server that doesn't know the charset answers NO with
    /// [`BadCharset`](super::ResponseCode::BadCharset).
    InCharset(Bytes, Box<Self>),
}

/// Whose mod-sequence is meant (`entry-type-req`, RFC 7162 section 3.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModSeqScope {
    /// The user's own.
    Private,
    /// That of all users.
    Shared,
    /// The higher of the two.
    All,
}

const SCOPES: [(&str, ModSeqScope); 3] =
    [("priv", ModSeqScope::Private), ("shared", ModSeqScope::Shared), ("all", ModSeqScope::All)];

/// Deeper queries are refused: a server's stack is not for clients to spend.
const DEEPEST: usize = 64;

const HEADERS: [&str; 5] = ["BCC", "CC", "FROM", "SUBJECT", "TO"];

const FLAGS: [(&str, Flag); 6] = [
    ("ANSWERED", Flag::Answered),
    ("DELETED", Flag::Deleted),
    ("DRAFT", Flag::Draft),
    ("FLAGGED", Flag::Flagged),
    ("RECENT", Flag::Recent),
    ("SEEN", Flag::Seen),
];

type OfDate = fn(Date) -> SearchKey;

const DATES: [(&str, OfDate); 9] = [
    ("BEFORE", SearchKey::Before),
    ("ON", SearchKey::On),
    ("SINCE", SearchKey::Since),
    ("SENTBEFORE", SearchKey::SentBefore),
    ("SENTON", SearchKey::SentOn),
    ("SENTSINCE", SearchKey::SentSince),
    ("SAVEDBEFORE", SearchKey::SavedBefore),
    ("SAVEDON", SearchKey::SavedOn),
    ("SAVEDSINCE", SearchKey::SavedSince),
];

/// Conditions that are often wanted. `&`, `|` and `!` combine them.
impl SearchKey {
    /// Those with `\Seen`.
    pub fn seen() -> Self {
        Self::Flag(Flag::Seen)
    }

    /// Those without `\Seen`.
    pub fn unseen() -> Self {
        Self::NotFlag(Flag::Seen)
    }

    /// Those with `\Deleted`.
    pub fn deleted() -> Self {
        Self::Flag(Flag::Deleted)
    }

    /// Those with `\Flagged`.
    pub fn flagged() -> Self {
        Self::Flag(Flag::Flagged)
    }

    /// Those with this text in the `From` field.
    pub fn from_address(text: impl Into<Bytes>) -> Self {
        Self::header("FROM", text)
    }

    /// Those with this text in the `To` field.
    pub fn to_address(text: impl Into<Bytes>) -> Self {
        Self::header("TO", text)
    }

    /// Those with this text in the `Cc` field.
    pub fn cc_address(text: impl Into<Bytes>) -> Self {
        Self::header("CC", text)
    }

    /// Those with this text in the `Bcc` field.
    pub fn bcc_address(text: impl Into<Bytes>) -> Self {
        Self::header("BCC", text)
    }

    /// Those with this text in the `Subject` field.
    pub fn subject(text: impl Into<Bytes>) -> Self {
        Self::header("SUBJECT", text)
    }

    /// Those with this text in a header field of this name.
    pub fn header(name: impl Into<Bytes>, text: impl Into<Bytes>) -> Self {
        Self::Header(name.into(), text.into())
    }

    /// Those with this text in a header or the body.
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// Those with this mod-sequence or a higher one (RFC 7162).
    pub fn changed_since(least: u64) -> Self {
        Self::ModSeq { entry: None, least }
    }

    /// Those that one at least matches; nested no deeper than the number of conditions makes necessary, so that
    /// many do. `None` if there are no conditions.
    pub fn any(keys: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut keys: Vec<Self> = keys.into_iter().collect();
        while keys.len() > 1 {
            let mut pairs = Vec::with_capacity(keys.len().div_ceil(2));
            let mut rest = keys.into_iter();
            while let Some(one) = rest.next() {
                pairs.push(match rest.next() {
                    Some(other) => one | other,
                    None => one,
                });
            }
            keys = pairs;
        }
        keys.pop()
    }

    /// Those that all match; every message if there are no conditions.
    pub fn every(keys: impl IntoIterator<Item = Self>) -> Self {
        let mut keys: Vec<Self> = keys.into_iter().collect();
        match keys.len() {
            0 => Self::All,
            1 => keys.swap_remove(0),
            _ => Self::And(keys),
        }
    }
}

impl std::ops::BitAnd for SearchKey {
    type Output = Self;

    /// Those that both match.
    fn bitand(self, other: Self) -> Self {
        match self {
            Self::And(mut keys) => {
                keys.push(other);
                Self::And(keys)
            }
            one => Self::And(vec![one, other]),
        }
    }
}

impl std::ops::BitOr for SearchKey {
    type Output = Self;

    /// Those that one of the two matches.
    fn bitor(self, other: Self) -> Self {
        Self::Or(Box::new((self, other)))
    }
}

impl std::ops::Not for SearchKey {
    type Output = Self;

    /// Those that it doesn't match.
    fn not(self) -> Self {
        match self {
            Self::Flag(flag) => Self::NotFlag(flag),
            Self::NotFlag(flag) => Self::Flag(flag),
            Self::Not(key) => *key,
            key => Self::Not(Box::new(key)),
        }
    }
}

/// What waits for the keys that are part of it.
enum Open {
    /// A parenthesis; the keys that stand before it.
    List(Vec<SearchKey>),
    Not,
    Fuzzy,
    Or,
    /// OR with its first key.
    OrBehind(SearchKey),
}

/// What stands next in a search.
enum Found {
    Key(SearchKey),
    Operator(Open),
}

impl SearchKey {
    /// `search-key *(SP search-key)` up to the end of the line or a closing parenthesis. One loop over what is open,
    /// without recursion.
    pub(crate) fn parse_all<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut rest = input;
        let mut open: Vec<Open> = Vec::new();
        let mut keys = Vec::new();
        loop {
            if open.len() >= DEEPEST {
                return fail(rest, "a search of at most 64 levels");
            }
            if let [b'(', inner @ ..] = rest {
                open.push(Open::List(std::mem::take(&mut keys)));
                rest = inner;
                continue;
            }
            let mut key = match Self::parse(rest, cx)? {
                (behind, Found::Operator(operator)) => {
                    open.push(operator);
                    rest = behind;
                    continue;
                }
                (behind, Found::Key(key)) => {
                    rest = behind;
                    key
                }
            };
            // What is open may end here too.
            loop {
                key = match open.pop() {
                    Some(Open::Not) => Self::Not(Box::new(key)),
                    Some(Open::Fuzzy) => Self::Fuzzy(Box::new(key)),
                    Some(Open::OrBehind(one)) => Self::Or(Box::new((one, key))),
                    Some(Open::Or) => {
                        open.push(Open::OrBehind(key));
                        (rest, ()) = spaces(rest, cx)?;
                        break;
                    }
                    list => {
                        keys.push(key);
                        if rest.first() == Some(&b' ') && !at_end(skip_spaces(rest)) {
                            open.extend(list);
                            (rest, ()) = spaces(rest, cx)?;
                            break;
                        }
                        let Some(Open::List(before)) = list else {
                            let key = match <[Self; 1]>::try_from(keys) {
                                Ok([key]) => key,
                                Err(keys) => Self::And(keys),
                            };
                            return Ok((rest, key));
                        };
                        (rest, ()) = byte(b')', "\")\"")(rest)?;
                        Self::And(std::mem::replace(&mut keys, before))
                    }
                };
            }
        }
    }

    /// A key that no other is part of, or the word before those that are part of one.
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Found> {
        if let Some(b'0'..=b'9' | b'*' | b'$') = input.first() {
            let (rest, set) = SequenceSet::parse(input)?;
            return Ok((rest, Found::Key(Self::Sequence(set))));
        }
        let (rest, word) = atom(input)?;
        let operator = [("NOT", Open::Not), ("FUZZY", Open::Fuzzy), ("OR", Open::Or)]
            .into_iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
        if let Some((_, operator)) = operator {
            let Ok((rest, ())) = spaces(rest, cx) else { return fail(input, "a search key") };
            return Ok((rest, Found::Operator(operator)));
        }
        let (rest, key) = Self::parse_leaf(input, cx)?;
        Ok((rest, Found::Key(key)))
    }

    fn parse_leaf<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, word) = atom(input)?;
        let word = word.to_ascii_uppercase();
        let named = |name: &str| name.as_bytes() == word;
        match word.as_slice() {
            b"ALL" => return Ok((rest, Self::All)),
            b"NEW" => return Ok((rest, Self::New)),
            b"OLD" => return Ok((rest, Self::NotFlag(Flag::Recent))),
            b"SAVEDATESUPPORTED" => return Ok((rest, Self::SaveDateSupported)),
            _ => {}
        }
        if let Some((_, flag)) = FLAGS.iter().find(|(name, _)| named(name)) {
            return Ok((rest, Self::Flag(flag.clone())));
        }
        if let Some(positive) = word.strip_prefix(b"UN")
            && let Some((_, flag)) = FLAGS.iter().find(|(name, _)| name.as_bytes() == positive)
        {
            return Ok((rest, Self::NotFlag(flag.clone())));
        }
        // All others have an argument.
        let Ok((rest, ())) = spaces(rest, cx) else { return fail(input, "a search key") };
        if let Some((_, key)) = DATES.iter().find(|(name, _)| named(name)) {
            let (rest, date) = Date::parse(rest)?;
            return Ok((rest, key(date)));
        }
        if HEADERS.iter().any(|name| named(name)) {
            let name = Bytes::from(word);
            return text(rest, cx).map(|(rest, value)| (rest, Self::Header(name, value)));
        }
        let of =
            |found: Parsing<'a, Bytes>, key: fn(Bytes) -> Self| found.map(|(rest, text)| (rest, key(text)));
        match word.as_slice() {
            b"TEXT" => of(text(rest, cx), Self::Text),
            b"BODY" => of(text(rest, cx), Self::Body),
            b"KEYWORD" => of(text(rest, cx), |name| Self::Flag(Flag::new(name))),
            b"UNKEYWORD" => of(text(rest, cx), |name| Self::NotFlag(Flag::new(name))),
            b"EMAILID" => of(text(rest, cx), Self::EmailId),
            b"THREADID" => of(text(rest, cx), Self::ThreadId),
            b"FILTER" => of(text(rest, cx), Self::Filter),
            b"X-GM-RAW" => of(text(rest, cx), Self::GmailRaw),
            b"X-GM-LABELS" => of(text(rest, cx), Self::GmailLabel),
            b"X-GM-MSGID" => number64(rest).map(|(rest, id)| (rest, Self::GmailMessageId(id))),
            b"X-GM-THRID" => number64(rest).map(|(rest, id)| (rest, Self::GmailThreadId(id))),
            b"HEADER" => {
                let (rest, name) = text(rest, cx)?;
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, value) = text(rest, cx)?;
                Ok((rest, Self::Header(name, value)))
            }
            b"LARGER" => number64(rest).map(|(rest, size)| (rest, Self::Larger(size))),
            b"SMALLER" => number64(rest).map(|(rest, size)| (rest, Self::Smaller(size))),
            b"OLDER" => nz_number(rest).map(|(rest, seconds)| (rest, Self::Older(seconds))),
            b"YOUNGER" => nz_number(rest).map(|(rest, seconds)| (rest, Self::Younger(seconds))),
            b"MODSEQ" => mod_seq(rest, cx),
            b"UID" => SequenceSet::parse(rest).map(|(rest, set)| (rest, Self::Uid(set))),
            _ => fail(input, "a search key"),
        }
    }

    fn encode(&self, out: &mut Encoder, depth: usize) {
        if depth >= DEEPEST {
            out.fail(EncodeError::TooDeep { what: "search" });
            return;
        }
        let text = |out: &mut Encoder, name: &str, text: &Bytes| {
            out.raw(name).raw(" ").astring(text, "searched text");
        };
        let set = |out: &mut Encoder, set: &SequenceSet| set.encode(out, "searched messages");
        let seconds = |out: &mut Encoder, name: &str, seconds: u32| {
            // The grammar has no zero; a message of no age is younger than a second.
            out.raw(name).number(u64::from(seconds.max(1)));
        };
        match self {
            Self::All => drop(out.raw("ALL")),
            Self::New => drop(out.raw("NEW")),
            Self::Flag(flag) => encode_flag(flag, true, out),
            Self::NotFlag(flag) => encode_flag(flag, false, out),
            Self::Sequence(numbers) => set(out, numbers),
            Self::Uid(numbers) => set(out.raw("UID "), numbers),
            Self::Larger(size) => drop(out.raw("LARGER ").number(*size)),
            Self::Smaller(size) => drop(out.raw("SMALLER ").number(*size)),
            Self::Text(value) => text(out, "TEXT", value),
            Self::Body(value) => text(out, "BODY", value),
            Self::Header(name, value) => {
                match HEADERS.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
                    Some(known) => out.raw(known),
                    None => out.raw("HEADER ").astring(name, "header field name"),
                };
                out.raw(" ").astring(value, "searched text");
            }
            Self::Before(date) => date.encode(out.raw("BEFORE ")),
            Self::On(date) => date.encode(out.raw("ON ")),
            Self::Since(date) => date.encode(out.raw("SINCE ")),
            Self::SentBefore(date) => date.encode(out.raw("SENTBEFORE ")),
            Self::SentOn(date) => date.encode(out.raw("SENTON ")),
            Self::SentSince(date) => date.encode(out.raw("SENTSINCE ")),
            Self::SavedBefore(date) => date.encode(out.raw("SAVEDBEFORE ")),
            Self::SavedOn(date) => date.encode(out.raw("SAVEDON ")),
            Self::SavedSince(date) => date.encode(out.raw("SAVEDSINCE ")),
            Self::SaveDateSupported => drop(out.raw("SAVEDATESUPPORTED")),
            Self::Older(age) => seconds(out, "OLDER ", *age),
            Self::Younger(age) => seconds(out, "YOUNGER ", *age),
            Self::ModSeq { entry, least } => {
                out.raw("MODSEQ ");
                if let Some((name, scope)) = entry {
                    let scope =
                        SCOPES.iter().find(|(_, known)| known == scope).map_or("all", |(name, _)| name);
                    out.string(name, "mod-sequence entry").raw(" ").raw(scope).raw(" ");
                }
                out.number(*least);
            }
            Self::EmailId(id) => drop(out.raw("EMAILID ").atom(id, "id")),
            Self::ThreadId(id) => drop(out.raw("THREADID ").atom(id, "id")),
            Self::Filter(name) => drop(out.raw("FILTER ").atom(name, "filter name")),
            Self::GmailRaw(query) => text(out, "X-GM-RAW", query),
            Self::GmailLabel(label) => text(out, "X-GM-LABELS", label),
            Self::GmailMessageId(id) => drop(out.raw("X-GM-MSGID ").number(*id)),
            Self::GmailThreadId(id) => drop(out.raw("X-GM-THRID ").number(*id)),
            Self::Fuzzy(key) => key.encode(out.raw("FUZZY "), depth + 1),
            Self::Or(keys) => {
                keys.0.encode(out.raw("OR "), depth + 1);
                keys.1.encode(out.raw(" "), depth + 1);
            }
            Self::Not(key) => key.encode(out.raw("NOT "), depth + 1),
            Self::And(keys) => {
                out.list1(keys, "search", |out, key| key.encode(out, depth + 1));
            }
            // It would count for the keys beside it too.
            Self::InCharset(..) => drop(out.fail(EncodeError::NotAValue { what: "charset within a search" })),
        }
    }

    /// As the whole query, where several keys need no parentheses.
    pub(crate) fn encode_all(&self, out: &mut Encoder) {
        match self {
            Self::And(keys) if keys.len() > 1 => drop(out.each(keys, |out, key| key.encode(out, 0))),
            key => key.encode(out, 0),
        }
    }

    /// Whether the query holds text that isn't ASCII, so that its charset has to be told.
    pub(crate) fn needs_charset(&self) -> bool {
        self.holds_text_beyond_ascii(0)
    }

    /// Whether it depends on sequence numbers or on the result that was saved.
    pub fn has_sequence_numbers(&self) -> bool {
        self.depends_on_sequence(0)
    }

    fn depends_on_sequence(&self, depth: usize) -> bool {
        // A deeper query can't be written anyway.
        let within = |key: &Self| depth < DEEPEST && key.depends_on_sequence(depth + 1);
        match self {
            Self::Sequence(_) => true,
            Self::Uid(set) => set.is_saved(),
            Self::Or(keys) => within(&keys.0) || within(&keys.1),
            Self::Not(key) | Self::Fuzzy(key) | Self::InCharset(_, key) => within(key),
            Self::And(keys) => keys.iter().any(within),
            _ => false,
        }
    }

    fn holds_text_beyond_ascii(&self, depth: usize) -> bool {
        // A deeper query can't be written anyway.
        let within = |key: &Self| depth < DEEPEST && key.holds_text_beyond_ascii(depth + 1);
        match self {
            Self::Text(text) | Self::Body(text) | Self::GmailRaw(text) | Self::GmailLabel(text) => {
                !text.is_ascii()
            }
            Self::Header(name, value) => !name.is_ascii() || !value.is_ascii(),
            Self::Or(keys) => within(&keys.0) || within(&keys.1),
            Self::Not(key) | Self::Fuzzy(key) => within(key),
            Self::And(keys) => keys.iter().any(within),
            _ => false,
        }
    }
}

fn text<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Bytes> {
    let (rest, span) = astring(input, cx)?;
    Ok((rest, cx.bytes(span)))
}

/// `search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer`, behind the word.
fn mod_seq<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, SearchKey> {
    let (mut rest, mut entry) = (input, None);
    if matches!(input.first(), Some(b'"' | b'{')) {
        let (behind, name) = text(input, cx)?;
        let (behind, ()) = spaces(behind, cx)?;
        let found = SCOPES.iter().find_map(|(name, scope)| Some((keyword(behind, name)?, *scope)));
        let Some((behind, scope)) = found else { return fail(behind, "priv, shared or all") };
        entry = Some((name, scope));
        (rest, ()) = spaces(behind, cx)?;
    }
    let (rest, least) = number64(rest)?;
    Ok((rest, SearchKey::ModSeq { entry, least }))
}

fn encode_flag(flag: &Flag, set: bool, out: &mut Encoder) {
    let known = FLAGS.iter().find(|(_, known)| known == flag);
    match (known, flag) {
        (Some((name, _)), _) if set => out.raw(name),
        (_, Flag::Recent) => out.raw("OLD"),
        (Some((name, _)), _) => out.raw("UN").raw(name),
        (None, flag) => {
            out.raw(if set { "KEYWORD " } else { "UNKEYWORD " }).keyword(flag.as_bytes(), "keyword")
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::encode::EncodeOptions;

    fn written(key: &SearchKey) -> Result<String, EncodeError> {
        let mut out = Encoder::new(EncodeOptions::default());
        key.encode_all(&mut out);
        out.finish().map(|encoded| String::from_utf8(encoded.to_bytes()).unwrap())
    }

    #[test]
    fn many_alternatives_stay_shallow() {
        let keys = (1..=5000_u32).map(|uid| SearchKey::Uid(uid.into()));
        let wire = Bytes::from(written(&SearchKey::any(keys).unwrap()).unwrap());
        let mut cx = Context::new(&wire, true);
        assert!(SearchKey::parse_all(&wire, &mut cx).is_ok());
        assert_eq!(SearchKey::any([]), None);
    }

    #[test]
    fn what_is_too_deep_is_neither_read_nor_written() {
        let deep = (0..100).fold(SearchKey::All, |key, _| SearchKey::Not(Box::new(key)));
        assert_eq!(written(&deep), Err(EncodeError::TooDeep { what: "search" }));
        for word in ["NOT ", "(", "OR ALL ", "FUZZY "] {
            let wire = Bytes::from(word.repeat(1 << 18));
            let mut cx = Context::new(&wire, false);
            assert!(SearchKey::parse_all(&wire, &mut cx).is_err());
        }
    }

    #[test]
    fn parentheses_are_kept() {
        for text in ["(TEXT a)", "((SEEN NEW))", "(SEEN NEW) ALL", "NOT (SEEN)", "SEEN NEW"] {
            let wire = Bytes::from(text);
            let (_, key) = SearchKey::parse_all(&wire, &mut Context::new(&wire, true)).unwrap();
            assert_eq!(written(&key).unwrap(), text, "{key:?}");
        }
    }

    #[test]
    fn operators_combine() {
        let key = (SearchKey::seen() | !SearchKey::flagged()) & SearchKey::Larger(5) & !!SearchKey::All;
        assert_eq!(written(&key).unwrap(), "OR SEEN UNFLAGGED LARGER 5 ALL");
        assert_eq!(written(&SearchKey::every([])).unwrap(), "ALL");
    }
}
