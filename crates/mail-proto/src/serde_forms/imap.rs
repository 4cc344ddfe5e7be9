//! Values of IMAP: a word, a set, a date, a code and a whole response as on the wire, data as maps.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Form, Misfit, maps, text::Text, written_as, written_by_form};
use crate::{
    frame::{Event, Framer, Limits},
    imap::{
        Acl, AddressBuf, BodyStructureBuf, Capabilities, Capability, ContentBuf, Date, DateTime,
        DispositionBuf, ESearch, EnvelopeBuf, Flag, List, ListExtension, ListRights, MailboxAttribute,
        MailboxAttributes, MailboxName, MailboxStatus, Metadata, MetadataData, MyRights, Namespace,
        Namespaces, PartialRange, Quota, QuotaResource, QuotaRoot, ResponseCode, Rights, Search, SequenceSet,
        Status, StatusItem, StatusKind, StatusValue, ThreadAlgorithm, ThreadNode, Threads, UidBatches,
        Vanished,
        encode::{EncodeOptions, Encoder, Literals},
        fetch::Fetch,
        response::{self, Response, Untagged},
        terminals::Context,
    },
};

maps! {
    Acl { mailbox: MailboxName, entries: Vec<(Bytes, Rights)> }
    AddressBuf { name: Option<Bytes>, adl: Option<Bytes>, mailbox: Option<Bytes>, host: Option<Bytes> }
    BodyStructureBuf {
        content: ContentBuf,
        subtype: Bytes,
        params: Vec<(Bytes, Option<Bytes>)>,
        disposition: Option<DispositionBuf>,
        languages: Vec<Bytes>,
        location: Option<Bytes>,
    }
    DispositionBuf { kind: Bytes, params: Vec<(Bytes, Option<Bytes>)> }
    ESearch {
        tag: Option<Bytes>,
        mailbox: Option<MailboxName>,
        uid_validity: Option<u32>,
        uid: bool,
        min: Option<u32>,
        max: Option<u32>,
        count: Option<u32>,
        all: Option<SequenceSet>,
        modseq: Option<u64>,
        partial: Option<(PartialRange, Option<SequenceSet>)>,
        added: Vec<(u32, SequenceSet)>,
        removed: Vec<(u32, SequenceSet)>,
        relevancy: Vec<u32>,
        other: Vec<(Bytes, Bytes)>,
    }
    EnvelopeBuf {
        date: Option<Bytes>,
        subject: Option<Bytes>,
        from: Vec<AddressBuf>,
        sender: Vec<AddressBuf>,
        reply_to: Vec<AddressBuf>,
        to: Vec<AddressBuf>,
        cc: Vec<AddressBuf>,
        bcc: Vec<AddressBuf>,
        in_reply_to: Option<Bytes>,
        message_id: Option<Bytes>,
    }
    List {
        attributes: MailboxAttributes,
        delimiter: Option<u8>,
        mailbox: MailboxName,
        extended: Vec<ListExtension>,
    }
    ListRights { mailbox: MailboxName, identifier: Bytes, required: Rights, optional: Vec<Rights> }
    MailboxStatus { mailbox: MailboxName, items: Vec<(StatusItem, StatusValue)>, other: Vec<(Bytes, Bytes)> }
    Metadata { mailbox: MailboxName, data: MetadataData }
    MyRights { mailbox: MailboxName, rights: Rights }
    Namespace { prefix: Bytes, delimiter: Option<u8>, extensions: Vec<(Bytes, Bytes)> }
    Namespaces { personal: Vec<Namespace>, other_users: Vec<Namespace>, shared: Vec<Namespace> }
    Quota { root: Bytes, resources: Vec<QuotaResource> }
    QuotaResource { name: Bytes, usage: u64, limit: Option<u64> }
    QuotaRoot { mailbox: MailboxName, roots: Vec<Bytes> }
    Search { numbers: Vec<u32>, modseq: Option<u64> }
    Status { kind: StatusKind, code: Option<ResponseCode>, text: Bytes }
    ThreadNode { number: Option<u32>, parent: Option<u32> }
    UidBatches { tag: Option<Bytes>, batches: Option<SequenceSet> }
    Vanished { earlier: bool, uids: SequenceSet }
}

written_as! {
    Flag as Text: |flag| Ok(Text::copied(flag.as_bytes())), |Text(name)| Ok(Self::new(name));
    MailboxName as Text: |name| Ok(Text::copied(name.as_bytes())), |Text(name)| Ok(Self::from_wire(name));
    MailboxAttribute as Text: |name| Ok(Text::copied(name.as_bytes())), |Text(name)| Ok(Self::new(name));
    MailboxAttributes as Vec<Text>:
        |set| set.iter().map(Form::to_written).collect(),
        |list| list.into_iter().map(MailboxAttribute::from_written).collect();
    Rights as Text: |rights| Ok(Text::copied(rights.as_bytes())), |Text(letters)| Ok(Self::new(letters));
    ThreadAlgorithm as Text: |name| Ok(Text::copied(name.as_bytes())), |Text(name)| Ok(Self::new(name));
    Capability as Text:
        |capability| Ok(match capability {
            Self::Other(name) => Text(name.clone()),
            known => Text(known.to_string().into()),
        }),
        |Text(name)| Ok(Self::new(name));
    Capabilities as Vec<Text>:
        |list| list.iter().map(Form::to_written).collect(),
        |list| list.into_iter().map(Capability::from_written).collect();
    // The wire has no empty set, and who keeps one has.
    SequenceSet as String:
        |set| Ok(set.to_string()),
        |text| match text.as_str() {
            "" => Ok(Self::default()),
            text => text.parse().map_err(|_| Misfit::Not("a set of message numbers")),
        };
    PartialRange as String:
        |range| written(|out| range.encode(out)).map(|text| String::from_utf8_lossy(&text).into_owned()),
        |text| whole(Self::parse(text.as_bytes())).ok_or(Misfit::Not("a range of results"));
    // A date out of its ranges would be written as another.
    Date as String:
        |date| {
            let text = written(|out| date.encode(out))?;
            let text = String::from_utf8_lossy(&text).into_owned();
            if whole(Self::parse(text.as_bytes())) == Some(*date) { Ok(text) } else { Err(Misfit::Not("a date")) }
        },
        |text| whole(Self::parse(text.as_bytes())).ok_or(Misfit::Not("a date"));
    DateTime as String:
        |date| {
            let text = date.to_string();
            if Self::parse(text.as_bytes()) == Some(*date) { Ok(text) } else { Err(Misfit::Not("a date and time")) }
        },
        |text| Self::parse(text.as_bytes()).ok_or(Misfit::Not("a date and time"));
    StatusItem as String:
        |item| Ok(item.name().to_owned()),
        |text| Self::known(text.as_bytes()).ok_or(Misfit::Not("a status item"));
    StatusKind as String:
        |kind| Ok(kind.wire().to_owned()),
        |text| Self::from_word(text.as_bytes()).ok_or(Misfit::Not("OK, NO, BAD, BYE or PREAUTH"));
    ResponseCode as Text: code_to_text, code_from_text;
    Threads as Vec<<ThreadNode as Form>::Written>:
        |threads| threads.nodes().iter().map(Form::to_written).collect(),
        |nodes| {
            let mut threads = Self::default();
            for node in nodes {
                let ThreadNode { number, parent } = Form::from_written(node)?;
                threads.push(number, parent).ok_or(Misfit::Not("a message behind the one that it answers"))?;
            }
            Ok(threads)
        };
    Response as Text:
        |response| match response {
            Self::Untagged(Untagged::Fetch(fetch)) if fetch.continues() || fetch.streamed().is_some() => {
                Err(Misfit::Piece)
            }
            response => Ok(Text(response.encode()?.to_bytes().into())),
        },
        |Text(wire)| Ok(response::parse(one_frame(wire)?, response::ParseOptions::default())?.value);
    Fetch as Text:
        |fetch| Response::Untagged(Untagged::Fetch(fetch.clone())).to_written(),
        |text| match Response::from_written(text)? {
            Response::Untagged(Untagged::Fetch(fetch)) => Ok(fetch),
            _ => Err(Misfit::Not("a FETCH response")),
        };
}

/// What an encoder writes.
fn written(write: impl FnOnce(&mut Encoder)) -> Result<Vec<u8>, Misfit> {
    let mut out = Encoder::new(EncodeOptions::literals(Literals::Server));
    write(&mut out);
    Ok(out.finish()?.to_bytes())
}

/// The value, if nothing stands behind it.
fn whole<T, E>(parsed: Result<(&[u8], T), E>) -> Option<T> {
    parsed.ok().filter(|(rest, _)| rest.is_empty()).map(|(_, value)| value)
}

/// The bytes, if they are one frame: what stands behind its end would be lost without a word.
fn one_frame(wire: Bytes) -> Result<Bytes, Misfit> {
    let len = wire.len();
    let limits = Limits { text: len, kept_literal: len, literal: len as u64, literals: len, frame: len };
    let mut framer = Framer::responses(limits);
    *framer.buffer() = wire.into();
    match framer.next_event() {
        Ok(Some(Event::Segment(segment))) if segment.bytes.len() == len => Ok(segment.bytes),
        _ => Err(Misfit::Not("one whole response")),
    }
}

/// The code as between its brackets.
fn code_to_text(code: &ResponseCode) -> Result<Text, Misfit> {
    let bracketed = written(|out| code.encode(out))?;
    Ok(Text::copied(&bracketed[1..bracketed.len() - 1]))
}

fn code_from_text(Text(text): Text) -> Result<ResponseCode, Misfit> {
    let bracketed = [b"[", &text[..], b"]"].concat();
    let mut cx = Context::lent(&bracketed, false);
    whole(ResponseCode::parse(&bracketed, &mut cx)).ok_or(Misfit::Not("a response code"))
}

/// [`ListExtension`]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenExtension {
    ChildInfo(Vec<Text>),
    OldName(Text),
    Other { tag: Text, value: Text },
}

/// [`MetadataData`]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenMetadata {
    Entries(Vec<(Text, Option<Text>)>),
    Changed(Vec<Text>),
}

/// [`StatusValue`]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenStatusValue {
    Number(u64),
    Id(Text),
    Nil,
}

/// [`ContentBuf`]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenContent {
    Multipart(Vec<<BodyStructureBuf as Form>::Written>),
    Single {
        media_type: Text,
        id: Option<Text>,
        description: Option<Text>,
        encoding: Option<Text>,
        octets: Option<u64>,
        lines: Option<u64>,
        md5: Option<Text>,
        message: <MessageInPart as Form>::Written,
    },
}

type MessageInPart = Option<Box<(EnvelopeBuf, Option<BodyStructureBuf>)>>;

written_as! {
    ListExtension as WrittenExtension:
        |extension| Ok(match extension {
            Self::ChildInfo(options) => WrittenExtension::ChildInfo(options.to_written()?),
            Self::OldName(name) => WrittenExtension::OldName(name.to_written()?),
            Self::Other { tag, value } => {
                WrittenExtension::Other { tag: tag.to_written()?, value: value.to_written()? }
            }
        }),
        |written| Ok(match written {
            WrittenExtension::ChildInfo(options) => Self::ChildInfo(Form::from_written(options)?),
            WrittenExtension::OldName(name) => Self::OldName(Form::from_written(name)?),
            WrittenExtension::Other { tag: Text(tag), value: Text(value) } => Self::Other { tag, value },
        });
    MetadataData as WrittenMetadata:
        |data| Ok(match data {
            Self::Entries(entries) => WrittenMetadata::Entries(entries.to_written()?),
            Self::Changed(names) => WrittenMetadata::Changed(names.to_written()?),
        }),
        |written| Ok(match written {
            WrittenMetadata::Entries(entries) => Self::Entries(Form::from_written(entries)?),
            WrittenMetadata::Changed(names) => Self::Changed(Form::from_written(names)?),
        });
    StatusValue as WrittenStatusValue:
        |value| Ok(match value {
            Self::Number(number) => WrittenStatusValue::Number(*number),
            Self::Id(id) => WrittenStatusValue::Id(id.to_written()?),
            Self::Nil => WrittenStatusValue::Nil,
        }),
        |written| Ok(match written {
            WrittenStatusValue::Number(number) => Self::Number(number),
            WrittenStatusValue::Id(Text(id)) => Self::Id(id),
            WrittenStatusValue::Nil => Self::Nil,
        });
    ContentBuf as WrittenContent:
        |content| Ok(match content {
            Self::Multipart(parts) => WrittenContent::Multipart(parts.to_written()?),
            Self::Single { media_type, id, description, encoding, octets, lines, md5, message } => {
                WrittenContent::Single {
                    media_type: media_type.to_written()?,
                    id: id.to_written()?,
                    description: description.to_written()?,
                    encoding: encoding.to_written()?,
                    octets: *octets,
                    lines: *lines,
                    md5: md5.to_written()?,
                    message: message.to_written()?,
                }
            }
        }),
        |written| Ok(match written {
            WrittenContent::Multipart(parts) => Self::Multipart(Form::from_written(parts)?),
            WrittenContent::Single { media_type, id, description, encoding, octets, lines, md5, message } => {
                Self::Single {
                    media_type: Form::from_written(media_type)?,
                    id: Form::from_written(id)?,
                    description: Form::from_written(description)?,
                    encoding: Form::from_written(encoding)?,
                    octets,
                    lines,
                    md5: Form::from_written(md5)?,
                    message: Form::from_written(message)?,
                }
            }
        });
}
