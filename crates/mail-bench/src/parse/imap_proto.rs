//! imap-proto: its values borrow from the buffer.

use std::borrow::Cow;

use imap_proto::{
    Address, AttributeValue, BodyContentCommon, BodyContentSinglePart, BodyParams, BodyStructure,
    ContentEncoding, Envelope, MailboxDatum, Response, ResponseCode, StatusAttribute,
};

pub(super) fn read(wire: &[u8]) -> u64 {
    let mut rest = wire;
    let mut sum = 0;
    while !rest.is_empty() {
        let (behind, value) = Response::parse(rest).expect("a response");
        rest = behind;
        sum += response(&value);
    }
    sum
}

fn response(response: &Response<'_>) -> u64 {
    match response {
        Response::Fetch(seq, items) => u64::from(*seq) + items.iter().map(item).sum::<u64>(),
        Response::Expunge(number) => u64::from(*number),
        Response::Done { tag, outcome, .. } => {
            tag.0.len() as u64 + code(outcome.code.as_ref()) + text(outcome.information.as_ref())
        }
        Response::Data { outcome, .. } => code(outcome.code.as_ref()) + text(outcome.information.as_ref()),
        Response::MailboxData(data) => match data {
            MailboxDatum::Exists(number) | MailboxDatum::Recent(number) => u64::from(*number),
            MailboxDatum::List(list) => {
                list.name_attributes.len() as u64 + text(list.delimiter.as_ref()) + list.name.len() as u64
            }
            MailboxDatum::Search(numbers) => numbers.iter().map(|number| u64::from(*number)).sum(),
            MailboxDatum::Status { mailbox, status } => {
                let numbers = status.iter().map(|item| match item {
                    StatusAttribute::Messages(number)
                    | StatusAttribute::UidNext(number)
                    | StatusAttribute::Unseen(number) => u64::from(*number),
                    other => panic!("{other:?}"),
                });
                mailbox.len() as u64 + numbers.sum::<u64>()
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn code(code: Option<&ResponseCode<'_>>) -> u64 {
    match code {
        Some(ResponseCode::UidValidity(number) | ResponseCode::UidNext(number)) => u64::from(*number),
        Some(ResponseCode::HighestModSeq(number)) => *number,
        Some(_) => 1,
        None => 0,
    }
}

fn item(item: &AttributeValue<'_>) -> u64 {
    match item {
        AttributeValue::Uid(uid) => u64::from(*uid),
        AttributeValue::Flags(flags) => flags.iter().map(|flag| flag.len() as u64).sum(),
        AttributeValue::InternalDate(date) => date.len() as u64,
        AttributeValue::Rfc822Size(size) => u64::from(*size),
        AttributeValue::ModSeq(number) => *number,
        AttributeValue::Envelope(envelope) => of_envelope(envelope),
        AttributeValue::BodyStructure(structure) => of_structure(structure),
        AttributeValue::BodySection { section, data, .. } => {
            u64::from(section.is_some()) + bytes(data.as_ref())
        }
        other => panic!("{other:?}"),
    }
}

fn of_envelope(envelope: &Envelope<'_>) -> u64 {
    let fields =
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
    let address = |address: &Address<'_>| {
        let parts = [&address.name, &address.adl, &address.mailbox, &address.host];
        parts.into_iter().map(|part| bytes(part.as_ref())).sum::<u64>()
    };
    let texts = [&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id];
    texts.into_iter().map(|text| bytes(text.as_ref())).sum::<u64>()
        + fields.into_iter().flatten().flatten().map(address).sum::<u64>()
}

fn of_structure(structure: &BodyStructure<'_>) -> u64 {
    match structure {
        BodyStructure::Basic { common, other, extension } => single(common, other, extension),
        BodyStructure::Text { common, other, lines, extension } => {
            single(common, other, extension) + u64::from(*lines)
        }
        BodyStructure::Message { common, other, envelope, body, lines, extension } => {
            single(common, other, extension) + of_envelope(envelope) + of_structure(body) + u64::from(*lines)
        }
        BodyStructure::Multipart { common, bodies, .. } => {
            of_common(common) + bodies.iter().map(of_structure).sum::<u64>()
        }
    }
}

fn single(
    common: &BodyContentCommon<'_>,
    other: &BodyContentSinglePart<'_>,
    extension: &Option<imap_proto::BodyExtension<'_>>,
) -> u64 {
    let encoding = match &other.transfer_encoding {
        ContentEncoding::Other(name) => name.len() as u64,
        _ => 1,
    };
    of_common(common)
        + text(other.id.as_ref())
        + text(other.md5.as_ref())
        + text(other.description.as_ref())
        + encoding
        + u64::from(other.octets)
        + u64::from(extension.is_some())
}

fn of_common(common: &BodyContentCommon<'_>) -> u64 {
    common.ty.ty.len() as u64
        + common.ty.subtype.len() as u64
        + params(&common.ty.params)
        + common
            .disposition
            .as_ref()
            .map_or(0, |disposition| disposition.ty.len() as u64 + params(&disposition.params))
        + common.language.iter().flatten().map(|language| language.len() as u64).sum::<u64>()
        + text(common.location.as_ref())
}

fn params(params: &BodyParams<'_>) -> u64 {
    params.iter().flatten().map(|(name, value)| (name.len() + value.len()) as u64).sum()
}

fn text(text: Option<&Cow<'_, str>>) -> u64 {
    text.map_or(0, |text| text.len() as u64)
}

fn bytes(bytes: Option<&Cow<'_, [u8]>>) -> u64 {
    bytes.map_or(0, |bytes| bytes.len() as u64)
}
