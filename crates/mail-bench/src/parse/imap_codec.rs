//! imap-codec: its values own what has to be changed and are made static, so that they outlive the buffer as ours do.

use imap_codec::{
    CommandCodec, ResponseCodec,
    decode::Decoder,
    encode::{Encoder, Fragment},
    imap_types::{
        body::{BasicFields, BodyStructure, Disposition, SpecificFields},
        command::{Command, CommandBody},
        core::{IString, NString},
        envelope::{Address, Envelope},
        fetch::{MessageDataItem, MessageDataItemName},
        flag::{Flag, FlagFetch, StoreResponse, StoreType},
        mailbox::Mailbox,
        response::{Code, Data, Response, Status, StatusBody},
        status::StatusDataItem,
    },
};

pub(super) fn read(wire: &[u8]) -> u64 {
    let codec = ResponseCodec::default();
    let mut rest = wire;
    let mut sum = 0;
    while !rest.is_empty() {
        let (behind, value) = codec.decode_static(rest).expect("a response");
        rest = behind;
        sum += response(&value);
    }
    sum
}

fn response(response: &Response<'_>) -> u64 {
    match response {
        Response::Status(Status::Tagged(tagged)) => {
            tagged.tag.as_ref().len() as u64 + of_status(&tagged.body)
        }
        Response::Status(Status::Untagged(body)) => of_status(body),
        Response::Data(data) => match data {
            Data::Fetch { seq, items } => u64::from(seq.get()) + items.as_ref().iter().map(item).sum::<u64>(),
            Data::Exists(number) | Data::Recent(number) => u64::from(*number),
            Data::Expunge(number) => u64::from(number.get()),
            Data::List { items, delimiter, mailbox } => {
                items.len() as u64 + u64::from(delimiter.is_some()) + of_mailbox(mailbox)
            }
            Data::Search(numbers, _) => numbers.iter().map(|number| u64::from(number.get())).sum(),
            Data::Status { mailbox, items } => {
                let numbers = items.iter().map(|item| match item {
                    StatusDataItem::Messages(number) | StatusDataItem::Unseen(number) => u64::from(*number),
                    StatusDataItem::UidNext(number) => u64::from(number.get()),
                    other => panic!("{other:?}"),
                });
                of_mailbox(mailbox) + numbers.sum::<u64>()
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn of_mailbox(mailbox: &Mailbox<'_>) -> u64 {
    match mailbox {
        Mailbox::Inbox => 5,
        Mailbox::Other(name) => name.inner().as_ref().len() as u64,
    }
}

fn of_status(status: &StatusBody<'_>) -> u64 {
    let code = match &status.code {
        Some(Code::UidValidity(number) | Code::UidNext(number)) => u64::from(number.get()),
        Some(Code::HighestModSeq(number)) => number.get(),
        Some(_) => 1,
        None => 0,
    };
    code + status.text.inner().len() as u64
}

pub(crate) fn item(item: &MessageDataItem<'_>) -> u64 {
    match item {
        MessageDataItem::Uid(uid) => u64::from(uid.get()),
        MessageDataItem::Flags(flags) => flags
            .iter()
            .map(|flag| match flag {
                FlagFetch::Flag(Flag::Keyword(name)) => name.as_ref().len() as u64,
                _ => 1,
            })
            .sum(),
        MessageDataItem::InternalDate(date) => date.as_ref().timestamp().unsigned_abs(),
        MessageDataItem::Rfc822Size(size) => u64::from(*size),
        MessageDataItem::ModSeq(number) => number.get(),
        MessageDataItem::Envelope(envelope) => of_envelope(envelope),
        MessageDataItem::BodyStructure(structure) => of_structure(structure),
        MessageDataItem::BodyExt { section, data, .. } => u64::from(section.is_some()) + nullable(data),
        other => panic!("{other:?}"),
    }
}

fn of_envelope(envelope: &Envelope<'_>) -> u64 {
    let fields =
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
    let address = |address: &Address<'_>| {
        nullable(&address.name)
            + nullable(&address.adl)
            + nullable(&address.mailbox)
            + nullable(&address.host)
    };
    nullable(&envelope.date)
        + nullable(&envelope.subject)
        + nullable(&envelope.in_reply_to)
        + nullable(&envelope.message_id)
        + fields.into_iter().flatten().map(address).sum::<u64>()
}

fn of_structure(structure: &BodyStructure<'_>) -> u64 {
    match structure {
        BodyStructure::Single { body, extension_data } => {
            let specific = match &body.specific {
                SpecificFields::Basic { r#type, subtype } => text(r#type) + text(subtype),
                SpecificFields::Text { subtype, number_of_lines } => {
                    text(subtype) + u64::from(*number_of_lines)
                }
                SpecificFields::Message { envelope, body_structure, number_of_lines } => {
                    of_envelope(envelope) + of_structure(body_structure) + u64::from(*number_of_lines)
                }
            };
            let extension = extension_data
                .as_ref()
                .map_or(0, |data| nullable(&data.md5) + of_disposition(data.tail.as_ref()));
            of_basic(&body.basic) + specific + extension
        }
        BodyStructure::Multi { bodies, subtype, extension_data } => {
            let extension = extension_data
                .as_ref()
                .map_or(0, |data| params(&data.parameter_list) + of_disposition(data.tail.as_ref()));
            text(subtype) + extension + bodies.as_ref().iter().map(of_structure).sum::<u64>()
        }
    }
}

fn of_basic(basic: &BasicFields<'_>) -> u64 {
    params(&basic.parameter_list)
        + nullable(&basic.id)
        + nullable(&basic.description)
        + text(&basic.content_transfer_encoding)
        + u64::from(basic.size)
}

fn of_disposition(disposition: Option<&Disposition<'_>>) -> u64 {
    let Some(disposition) = disposition else { return 0 };
    let kind = disposition.disposition.as_ref().map_or(0, |(kind, list)| text(kind) + params(list));
    let Some(language) = &disposition.tail else { return kind };
    let languages = language.language.iter().map(text).sum::<u64>();
    kind + languages + language.tail.as_ref().map_or(0, |location| nullable(&location.location))
}

fn params(params: &[(IString<'_>, IString<'_>)]) -> u64 {
    params.iter().map(|(name, value)| text(name) + text(value)).sum()
}

fn text(text: &IString<'_>) -> u64 {
    text.as_ref().len() as u64
}

fn nullable(nullable: &NString<'_>) -> u64 {
    nullable.0.as_ref().map_or(0, text)
}

/// A command to write.
pub(super) struct Encoding(Command<'static>);

impl Encoding {
    pub(super) fn store() -> Self {
        let flags = vec![Flag::Seen, Flag::try_from("$Label1").expect("a flag")];
        let body = CommandBody::store("1000:1005", StoreType::Add, StoreResponse::Silent, flags, true);
        Self::of(body.expect("a command"))
    }

    pub(super) fn set() -> Self {
        let set: Vec<String> = (1..=8_000).map(|number| (number * 3).to_string()).collect();
        let items = vec![MessageDataItemName::Flags];
        Self::of(CommandBody::fetch(set.join(",").as_str(), items, true).expect("a command"))
    }

    pub(super) fn append() -> Self {
        Self::of(CommandBody::append("Sent", vec![Flag::Seen], None, vec![b'x'; 10_000]).expect("a command"))
    }

    fn of(body: CommandBody<'static>) -> Self {
        Self(Command::new("A1", body).expect("a tag"))
    }

    pub(super) fn write(&self) -> u64 {
        let pieces = CommandCodec::default().encode(&self.0).map(|fragment| match fragment {
            Fragment::Line { data } | Fragment::Literal { data, .. } => data.len() as u64,
        });
        pieces.sum()
    }
}
