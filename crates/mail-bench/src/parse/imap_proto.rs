//! imap-proto: its values borrow from the buffer.

use std::borrow::Cow;

use imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode, StatusAttribute};

use crate::walk::proto_017::{of_envelope, of_structure};

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

fn text(text: Option<&Cow<'_, str>>) -> u64 {
    text.map_or(0, |text| text.len() as u64)
}

fn bytes(bytes: Option<&Cow<'_, [u8]>>) -> u64 {
    bytes.map_or(0, |bytes| bytes.len() as u64)
}
