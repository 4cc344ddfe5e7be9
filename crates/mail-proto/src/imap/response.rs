//! Responses: everything a server sends (RFC 9051 section 7).

use bytes::Bytes;

use super::{
    acl::{Acl, ListRights, MyRights},
    capability::Capabilities,
    encode::{EncodeError, EncodeOptions, Encoded, Encoder, Literals},
    esearch::ESearch,
    fetch::{self, Fetch},
    flags::{self, Flag},
    id,
    list::List,
    mailbox_status::MailboxStatus,
    metadata::Metadata,
    namespace::Namespaces,
    quota::{Quota, QuotaRoot},
    search::Search,
    status_line::{Status, StatusKind, kind},
    terminals::{
        Context, Fail, LONGEST_WORD, Parsing, end, in_capitals, line, number, skip_spaces, spaces, string,
    },
    thread::Threads,
    uid_batches::UidBatches,
    vanished::Vanished,
};
pub use crate::parsed::{ParseOptions, Parsed};
use crate::{
    error::{ParseError, QuirkKind},
    frame::Segment,
};

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response {
    /// The end of a command.
    Tagged {
        /// The command's tag.
        tag: Bytes,
        /// How it went.
        status: Status,
    },
    /// Everything else a server tells.
    Untagged(Untagged),
    /// The server waits for the rest of a command.
    Continue {
        /// Text, or base64 during AUTHENTICATE.
        text: Bytes,
    },
}

/// A response that isn't the end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untagged {
    /// A notice, a warning, the greeting, or the end of the connection.
    Status(Status),
    /// What the server can do.
    Capability(Capabilities),
    /// What ENABLE switched on (RFC 5161).
    Enabled(Capabilities),
    /// The flags that messages of the mailbox may have.
    Flags(Vec<Flag>),
    /// How many messages the mailbox has.
    Exists(u32),
    /// How many messages are recent (RFC 3501).
    Recent(u32),
    /// The message with this sequence number is gone, and those behind it count one less.
    Expunge(u32),
    /// A mailbox.
    List(List),
    /// A mailbox that is subscribed to (RFC 3501).
    Lsub(List),
    /// Numbers of a mailbox.
    MailboxStatus(MailboxStatus),
    /// A mailbox, with special uses as Gmail told them before RFC 6154.
    XList(List),
    /// Where the mailboxes are (RFC 2342).
    Namespace(Namespaces),
    /// Messages that match.
    Search(Search),
    /// What a search found, in short (RFC 4731).
    ///
    /// Boxed, since it is by far the largest and every response is as large as the largest.
    ESearch(Box<ESearch>),
    /// Messages that match, in order (RFC 5256).
    Sort(Search),
    /// Messages that match, and which answers which (RFC 5256).
    Thread(Threads),
    /// Messages that are gone, by UID (RFC 7162).
    Vanished(Vanished),
    /// Limits, and how much of them is used (RFC 9208).
    Quota(Quota),
    /// The quota roots of a mailbox (RFC 9208).
    QuotaRoot(QuotaRoot),
    /// Who may do what in a mailbox (RFC 4314).
    Acl(Acl),
    /// Which rights somebody can be given in a mailbox (RFC 4314).
    ListRights(ListRights),
    /// What the user may do in a mailbox (RFC 4314).
    MyRights(MyRights),
    /// Values kept with a mailbox or the server (RFC 5464).
    Metadata(Metadata),
    /// The mailbox' UIDs in batches.
    UidBatches(UidBatches),
    /// The URL of the JMAP session of this account (RFC 9698).
    JmapAccess(Bytes),
    /// A message.
    Fetch(Fetch),
    /// Which server this is: names and values (RFC 2971).
    Id(Vec<(Bytes, Option<Bytes>)>),
    /// One that isn't known here.
    Unknown {
        /// Its keyword, in the server's case.
        keyword: Bytes,
        /// The whole line without its end, raw.
        raw: Bytes,
    },
}

/// Reads a whole response: one frame, its line end included, literals in it.
///
/// # Errors
/// It can't be read. The stream can be read on: the frame is known to end where it does.
pub fn parse(frame: impl Into<Bytes>, options: ParseOptions) -> Result<Parsed<Response>, ParseError> {
    Reader::new(options).segment(Segment { bytes: frame.into(), continues: false, streamed: None })
}

/// Reads responses from the segments of a [`Framer`](crate::frame::Framer), those with streamed literals included.
#[derive(Debug, Default)]
pub struct Reader {
    options: ParseOptions,
    /// How a FETCH goes on behind a streamed literal.
    open: Option<fetch::Start>,
}

impl Reader {
    /// A reader at the start of a stream.
    pub fn new(options: ParseOptions) -> Self {
        Self { options, open: None }
    }

    /// Reads a segment. A FETCH with a streamed body comes in several values, whose
    /// [`Fetch::streamed`] says that the body's chunks follow, and whose [`Fetch::continues`] that it goes on.
    ///
    /// # Errors
    /// It can't be read. The chunks of a streamed literal that follows belong to nothing.
    pub fn segment(&mut self, segment: Segment) -> Result<Parsed<Response>, ParseError> {
        let frame = &segment.bytes;
        let mut cx = Context::new(frame, self.options.strict);
        let before = self.open.take();
        let fetch = if segment.continues {
            match before {
                Some(start) => fetch::parse_message(start, frame, segment.streamed, &mut cx),
                None => Err(nom::Err::Error(Fail { at: frame, expected: "a FETCH to go on with" })),
            }
        } else if is_fetch(frame) {
            numbered_fetch(frame, segment.streamed, &mut cx)
        } else {
            return match response(frame, &mut cx) {
                // What stands before the literal isn't the response.
                Ok(_) if segment.streamed.is_some() => {
                    Err(ParseError::at(frame, frame.len(), "a literal small enough to be kept"))
                }
                Ok(value) => Ok(Parsed { value, quirks: cx.into_quirks() }),
                Err(error) => Err(cx.error(&error)),
            };
        };
        match fetch {
            Ok(mut fetch) => {
                let quirks = cx.into_quirks();
                self.open = segment.streamed.map(|_| fetch.goes_on(before));
                // The frame is moved, not shared: sharing it would cost as much as reading a small response.
                fetch.set_frame(segment.bytes);
                Ok(Parsed { value: Response::Untagged(Untagged::Fetch(fetch)), quirks })
            }
            Err(error) => Err(cx.error(&error)),
        }
    }
}

/// Whether a response is a FETCH. That is by far the most frequent one, and isn't passed through layers that know of
/// others.
fn is_fetch(input: &[u8]) -> bool {
    let Some(rest) = input.strip_prefix(b"*") else { return false };
    let rest = skip_spaces(rest);
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let word = skip_spaces(&rest[digits..]);
    let len = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    matches!(len, 5 | 8) && fetch_word(&word[..len]).is_some()
}

/// How a FETCH begins: with a sequence number, or with a UID.
fn fetch_word(word: &[u8]) -> Option<fn(u32) -> fetch::Start> {
    if word.eq_ignore_ascii_case(b"FETCH") {
        Some(fetch::Start::of)
    } else {
        word.eq_ignore_ascii_case(b"UIDFETCH").then_some(fetch::Start::by_uid)
    }
}

/// `"*" SP nz-number SP ("FETCH" / "UIDFETCH") SP msg-att`
fn numbered_fetch<'a>(
    input: &'a [u8],
    streamed: Option<u64>,
    cx: &mut Context<'a>,
) -> Result<Fetch, nom::Err<Fail<'a>>> {
    ends_with_line(input)?;
    let (rest, ()) = spaces(&input[1..], cx)?;
    let (rest, value) = number(rest)?;
    let (rest, ()) = spaces(rest, cx)?;
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, behind) = rest.split_at(len);
    let Some(start) = fetch_word(word) else {
        return Err(nom::Err::Error(Fail { at: rest, expected: "FETCH" }));
    };
    let open = match behind.first() {
        Some(b'(') => {
            cx.quirk(behind, QuirkKind::MissingSpace)?;
            behind
        }
        _ => spaces(behind, cx)?.0,
    };
    fetch::parse_message(start(value), open, streamed, cx)
}

fn ends_with_line(input: &[u8]) -> Result<(), nom::Err<Fail<'_>>> {
    if input.ends_with(b"\n") {
        return Ok(());
    }
    Err(nom::Err::Error(Fail { at: &input[input.len()..], expected: "CRLF" }))
}

fn response<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Result<Response, nom::Err<Fail<'a>>> {
    ends_with_line(input)?;
    match input {
        [b'*', rest @ ..] => {
            let (rest, ()) = spaces(rest, cx)?;
            Ok(Response::Untagged(untagged(rest, cx)?))
        }
        [b'+', rest @ ..] => {
            let text = line(rest);
            let text = text.strip_prefix(b" ").unwrap_or(text);
            Ok(Response::Continue { text: cx.frame.slice_ref(text) })
        }
        _ => {
            let tag = input.iter().position(|byte| *byte == b' ').unwrap_or(0);
            if tag == 0 {
                return Err(nom::Err::Error(Fail { at: input, expected: "\"*\", \"+\" or a tag" }));
            }
            let (rest, ()) = spaces(&input[tag..], cx)?;
            let (rest, kind) = kind(rest)?;
            let (_, status) = Status::parse(kind, rest, cx)?;
            Ok(Response::Tagged { tag: cx.frame.slice(..tag), status })
        }
    }
}

/// `response-data`, behind the star, dispatched on its first byte.
fn untagged<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Result<Untagged, nom::Err<Fail<'a>>> {
    if input.first().is_some_and(u8::is_ascii_digit) {
        return numbered(input, cx);
    }
    let len =
        input.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n' | b'[')).unwrap_or(input.len());
    let (word, rest) = input.split_at(len);
    if let (b"OK" | b"NO", [b' ', ..]) = (word, rest) {
        // The most frequent ones, ahead of all others.
        let kind = if word == b"OK" { StatusKind::Ok } else { StatusKind::No };
        return Ok(Untagged::Status(Status::parse(kind, rest, cx)?.1));
    }
    let mut capitals = [0; LONGEST_WORD];
    let (rest, value) = match in_capitals(word, &mut capitals) {
        b"OK" | b"NO" | b"BAD" | b"BYE" | b"PREAUTH" => {
            let (rest, kind) = kind(input)?;
            let (rest, status) = Status::parse(kind, rest, cx)?;
            (rest, Untagged::Status(status))
        }
        b"CAPABILITY" => map(Capabilities::parse(rest, cx), Untagged::Capability)?,
        b"ENABLED" => map(Capabilities::parse(rest, cx), Untagged::Enabled)?,
        b"FLAGS" => map(flags::parse_list(spaces(rest, cx)?.0, cx), Untagged::Flags)?,
        b"LIST" => map(List::parse(spaces(rest, cx)?.0, cx), Untagged::List)?,
        b"LSUB" => map(List::parse(spaces(rest, cx)?.0, cx), Untagged::Lsub)?,
        b"STATUS" => map(MailboxStatus::parse(spaces(rest, cx)?.0, cx), Untagged::MailboxStatus)?,
        b"XLIST" => map(List::parse(spaces(rest, cx)?.0, cx), Untagged::XList)?,
        b"NAMESPACE" => map(Namespaces::parse(rest, cx), Untagged::Namespace)?,
        b"SEARCH" => map(Search::parse(rest, cx), Untagged::Search)?,
        b"ESEARCH" => map(ESearch::parse(rest, cx), |found| Untagged::ESearch(Box::new(found)))?,
        b"SORT" => map(Search::parse(rest, cx), Untagged::Sort)?,
        b"THREAD" => map(Threads::parse(rest, cx), Untagged::Thread)?,
        b"VANISHED" => map(Vanished::parse(rest, cx), Untagged::Vanished)?,
        b"ID" => map(id::parse(spaces(rest, cx)?.0, cx), Untagged::Id)?,
        b"QUOTA" => map(Quota::parse(spaces(rest, cx)?.0, cx), Untagged::Quota)?,
        b"QUOTAROOT" => map(QuotaRoot::parse(spaces(rest, cx)?.0, cx), Untagged::QuotaRoot)?,
        b"ACL" => map(Acl::parse(spaces(rest, cx)?.0, cx), Untagged::Acl)?,
        b"LISTRIGHTS" => map(ListRights::parse(spaces(rest, cx)?.0, cx), Untagged::ListRights)?,
        b"MYRIGHTS" => map(MyRights::parse(spaces(rest, cx)?.0, cx), Untagged::MyRights)?,
        b"METADATA" => map(Metadata::parse(spaces(rest, cx)?.0, cx), Untagged::Metadata)?,
        b"UIDBATCHES" => map(UidBatches::parse(rest, cx), Untagged::UidBatches)?,
        b"JMAPACCESS" => {
            let (rest, url) = string(spaces(rest, cx)?.0, cx)?;
            (rest, Untagged::JmapAccess(cx.bytes(url)))
        }
        // A response code without its OK, as some servers send COPYUID.
        b"" if rest.first() == Some(&b'[') => {
            cx.quirk(rest, QuirkKind::MissingText)?;
            let name =
                rest[1..].iter().take_while(|byte| !matches!(byte, b' ' | b']' | b'\r' | b'\n')).count();
            let unknown = Untagged::Unknown {
                keyword: cx.frame.slice_ref(&rest[1..=name]),
                raw: cx.frame.slice_ref(line(cx.frame)),
            };
            (&[][..], unknown)
        }
        b"" => return Err(nom::Err::Error(Fail { at: input, expected: "a response" })),
        _ => {
            let unknown = Untagged::Unknown {
                keyword: cx.frame.slice_ref(word),
                raw: cx.frame.slice_ref(line(cx.frame)),
            };
            (&[][..], unknown)
        }
    };
    end(rest, cx)?;
    Ok(value)
}

fn map<'a, T>(parsed: Parsing<'a, T>, value: impl Fn(T) -> Untagged) -> Parsing<'a, Untagged> {
    parsed.map(|(rest, parsed)| (rest, value(parsed)))
}

/// `number SP ("EXISTS" / "RECENT" / "EXPUNGE")`
fn numbered<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Result<Untagged, nom::Err<Fail<'a>>> {
    let (rest, value) = number(input)?;
    let (rest, ()) = spaces(rest, cx)?;
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (word, behind) = rest.split_at(len);
    let is = |known: &[u8]| word.eq_ignore_ascii_case(known);
    let data = match len {
        6 if is(b"EXISTS") => Untagged::Exists(value),
        6 if is(b"RECENT") => Untagged::Recent(value),
        7 if is(b"EXPUNGE") => Untagged::Expunge(value),
        0 => return Err(nom::Err::Error(Fail { at: rest, expected: "EXISTS, EXPUNGE or FETCH" })),
        _ => {
            return Ok(Untagged::Unknown {
                keyword: cx.frame.slice_ref(word),
                raw: cx.frame.slice_ref(line(cx.frame)),
            });
        }
    };
    end(behind, cx)?;
    Ok(data)
}

impl Response {
    /// The response as it goes over the wire.
    ///
    /// # Errors
    /// An argument can't be written.
    pub fn encode(&self) -> Result<Encoded, EncodeError> {
        let mut out = Encoder::new(EncodeOptions::literals(Literals::Server));
        match self {
            Self::Tagged { tag, status } => {
                out.atom(tag, "tag").raw(" ");
                status.encode(&mut out);
            }
            Self::Continue { text } => drop(out.raw("+ ").line_text(text)),
            Self::Untagged(Untagged::Fetch(fetch)) => return encode_fetch(fetch),
            Self::Untagged(data) => {
                out.raw("* ");
                data.encode(&mut out);
            }
        }
        out.raw("\r\n");
        out.finish()
    }
}

impl Untagged {
    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Status(status) => status.encode(out),
            Self::Capability(capabilities) => capabilities.encode(out.raw("CAPABILITY")),
            Self::Enabled(capabilities) => capabilities.encode(out.raw("ENABLED")),
            Self::Flags(list) => flags::encode_list(list, out.raw("FLAGS ")),
            Self::Exists(number) => drop(out.number(u64::from(*number)).raw(" EXISTS")),
            Self::Recent(number) => drop(out.number(u64::from(*number)).raw(" RECENT")),
            Self::Expunge(number) => drop(out.number(u64::from(*number)).raw(" EXPUNGE")),
            Self::List(list) => list.encode(out.raw("LIST ")),
            Self::Lsub(list) => list.encode(out.raw("LSUB ")),
            Self::MailboxStatus(status) => status.encode(out.raw("STATUS ")),
            Self::XList(list) => list.encode(out.raw("XLIST ")),
            Self::Namespace(namespaces) => namespaces.encode(out.raw("NAMESPACE")),
            Self::Search(search) => search.encode(out.raw("SEARCH")),
            Self::ESearch(found) => found.encode(out.raw("ESEARCH")),
            Self::Sort(search) => search.encode(out.raw("SORT")),
            Self::Thread(threads) => threads.encode(out.raw("THREAD")),
            Self::Vanished(vanished) => vanished.encode(out.raw("VANISHED")),
            Self::Id(fields) => id::encode(fields, out.raw("ID ")),
            Self::Quota(quota) => quota.encode(out.raw("QUOTA ")),
            Self::QuotaRoot(roots) => roots.encode(out.raw("QUOTAROOT ")),
            Self::Acl(acl) => acl.encode(out.raw("ACL ")),
            Self::ListRights(rights) => rights.encode(out.raw("LISTRIGHTS ")),
            Self::MyRights(rights) => rights.encode(out.raw("MYRIGHTS ")),
            Self::Metadata(metadata) => metadata.encode(out.raw("METADATA ")),
            Self::UidBatches(batches) => batches.encode(out.raw("UIDBATCHES")),
            Self::JmapAccess(url) => drop(out.raw("JMAPACCESS ").string(url, "URL")),
            // Written by `encode_fetch`; a value has no other way here.
            Self::Fetch(_) => {}
            Self::Unknown { raw, .. } => {
                let raw = raw.strip_prefix(b"* ").unwrap_or(raw);
                out.line_text(raw);
            }
        }
    }
}

/// A value read from the wire goes out with the items it has, but for those that couldn't be read.
fn encode_fetch(fetch: &Fetch) -> Result<Encoded, EncodeError> {
    let builder = match fetch.uid() {
        Some(uid) if fetch.is_by_uid() => Fetch::build_by_uid(uid),
        _ => Fetch::build(fetch.seq()),
    };
    fetch.items().fold(builder, fetch::FetchBuilder::item).encode()
}

#[cfg(test)]
mod tests;
