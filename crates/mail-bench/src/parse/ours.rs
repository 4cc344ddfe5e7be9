//! Our side: framer and reader, to the values that users get.

use mail_proto::{
    Str,
    frame::{Framer, Lent, Limits},
    imap::{
        Addresses, AppendMessage, BodyStructure, Command, Envelope, Flag, ResponseCode, SequenceSet, Status,
        StatusValue,
        command::StoreAction,
        encode::{EncodeOptions, Fragment},
        fetch::{Fetch, FetchItem, Item},
        response::{Reader, Response, Untagged},
    },
};

pub(super) fn read(wire: &[u8]) -> u64 {
    // As large as a read from a socket.
    read_in_pieces(wire, 64 << 10)
}

pub(super) fn read_in_pieces(wire: &[u8], piece: usize) -> u64 {
    let mut framer = Framer::responses(Limits::RESPONSES);
    let mut reader = Reader::new(Default::default());
    let mut sum = 0;
    for piece in wire.chunks(piece) {
        framer.buffer().extend_from_slice(piece);
        while let Some(lent) = framer.lend().expect("no limit is reached") {
            let Lent::Segment(segment) = lent else { panic!("nothing is streamed") };
            let parsed = reader.lent(segment);
            let Ok(parsed) = &parsed else { panic!("no response") };
            assert!(parsed.quirks.is_empty());
            sum += response(&parsed.value);
        }
    }
    sum
}

fn response(response: &Response) -> u64 {
    match response {
        Response::Tagged { tag, status } => tag.len() as u64 + of_status(status),
        Response::Untagged(Untagged::Fetch(fetch)) => of_fetch(fetch),
        Response::Untagged(Untagged::Status(status)) => of_status(status),
        Response::Untagged(
            Untagged::Exists(number) | Untagged::Recent(number) | Untagged::Expunge(number),
        ) => u64::from(*number),
        Response::Untagged(Untagged::List(list)) => {
            list.attributes.len() as u64
                + u64::from(list.delimiter.unwrap_or_default())
                + list.mailbox.as_bytes().len() as u64
        }
        Response::Untagged(Untagged::MailboxStatus(status)) => {
            let numbers = status.items.iter().map(|(_, value)| match value {
                StatusValue::Number(number) => *number,
                StatusValue::Id(id) => id.len() as u64,
                _ => 0,
            });
            status.mailbox.as_bytes().len() as u64 + numbers.sum::<u64>()
        }
        Response::Untagged(Untagged::Search(search)) => {
            search.numbers.iter().map(|number| u64::from(*number)).sum()
        }
        other => panic!("{other:?}"),
    }
}

fn of_status(status: &Status) -> u64 {
    let code = match &status.code {
        Some(ResponseCode::UidValidity(number) | ResponseCode::UidNext(number)) => u64::from(*number),
        Some(ResponseCode::HighestModSeq(number)) => *number,
        Some(_) => 1,
        None => 0,
    };
    code + status.text.len() as u64
}

pub(crate) fn of_fetch(fetch: &Fetch) -> u64 {
    let items = fetch.items().map(|item| match item {
        Item::Uid(uid) => u64::from(uid),
        Item::Flags(flags) => {
            u64::from(flags.seen())
                + u64::from(flags.contains(&Flag::Answered))
                + flags.keywords().map(<[u8]>::len).sum::<usize>() as u64
        }
        Item::InternalDate(date) => length(Some(date.text)),
        Item::Size(number) | Item::ModSeq(number) => number,
        Item::Envelope(envelope) => of_envelope(envelope),
        Item::BodyStructure(structure) => of_structure(structure),
        Item::Body(body) => length(body.content()) + body.section().len() as u64,
        other => panic!("{other:?}"),
    });
    u64::from(fetch.seq()) + items.sum::<u64>()
}

fn of_envelope(envelope: Envelope<'_>) -> u64 {
    let addresses = |addresses: Addresses<'_>| {
        addresses
            .map(|address| {
                length(address.name) + length(address.adl) + length(address.mailbox) + length(address.host)
            })
            .sum::<u64>()
    };
    length(envelope.date())
        + length(envelope.subject())
        + addresses(envelope.from())
        + addresses(envelope.sender())
        + addresses(envelope.reply_to())
        + addresses(envelope.to())
        + addresses(envelope.cc())
        + addresses(envelope.bcc())
        + length(envelope.in_reply_to())
        + length(envelope.message_id())
}

fn of_structure(part: BodyStructure<'_>) -> u64 {
    let params = part.params().map(|(name, value)| length(Some(name)) + length(value)).sum::<u64>();
    let disposition = part.disposition().map_or(0, |disposition| {
        let params = disposition.params.map(|(name, value)| length(Some(name)) + length(value));
        length(Some(disposition.kind)) + params.sum::<u64>()
    });
    length(Some(part.media_type()))
        + length(Some(part.subtype()))
        + params
        + length(part.id())
        + length(part.description())
        + length(part.encoding())
        + part.octets().unwrap_or_default()
        + part.lines().unwrap_or_default()
        + length(part.md5())
        + disposition
        + part.languages().map(|language| length(Some(language))).sum::<u64>()
        + length(part.location())
        + part.children().map(of_structure).sum::<u64>()
}

fn length(text: Option<Str<'_>>) -> u64 {
    text.map_or(0, |text| text.len() as u64)
}

/// A command to write.
pub(super) struct Encoding(Command);

impl Encoding {
    pub(super) fn store() -> Self {
        Self(Command::Store {
            uid: true,
            set: SequenceSet::from(1_000..=1_005),
            action: StoreAction::Add,
            silent: true,
            flags: vec![Flag::Seen, Flag::new("$Label1")],
            unchanged_since: None,
        })
    }

    /// 8,000 UIDs, no two of them neighbours.
    pub(super) fn set() -> Self {
        let set: SequenceSet = (1..=8_000).map(|number| number * 3).collect();
        Self(Command::uid_fetch(set, [FetchItem::Flags]))
    }

    /// The message itself goes out as it lies in memory.
    pub(super) fn append() -> Self {
        let message = AppendMessage { flags: vec![Flag::Seen], ..AppendMessage::new(10_000) };
        Self(Command::append("Sent", message))
    }

    pub(super) fn write(&self) -> u64 {
        let encoded = self.0.encode("A1", EncodeOptions::default()).expect("a command that can be written");
        let pieces = encoded.fragments.iter().map(|fragment| match fragment {
            Fragment::Bytes(bytes) => bytes.len() as u64,
            Fragment::Upload { len } => *len,
            Fragment::Wait => 1,
        });
        pieces.sum()
    }
}
