//! Responses: everything a server sends (RFC 9051 section 7).

mod read;

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
    status_line::Status,
    thread::Threads,
    uid_batches::UidBatches,
    vanished::Vanished,
};
use crate::{error::ParseError, frame::Segment};

pub use crate::parsed::{ParseOptions, Parsed};
pub use read::Reader;

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

impl Response {
    /// The response as it goes over the wire.
    ///
    /// # Errors
    /// An argument can't be written.
    pub fn encode(&self) -> Result<Encoded, EncodeError> {
        self.encode_with(EncodeOptions::literals(Literals::Server))
    }

    /// The response as it goes over the wire to a client that switched UTF-8 on: mailbox names are UTF-8, and so may
    /// quoted strings be.
    ///
    /// # Errors
    /// An argument can't be written.
    pub fn encode_utf8(&self) -> Result<Encoded, EncodeError> {
        self.encode_with(EncodeOptions { utf8: true, ..EncodeOptions::literals(Literals::Server) })
    }

    fn encode_with(&self, options: EncodeOptions) -> Result<Encoded, EncodeError> {
        let mut out = Encoder::new(options);
        match self {
            Self::Tagged { tag, status } => {
                out.tag(tag).raw(" ");
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
pub(crate) mod tests;
