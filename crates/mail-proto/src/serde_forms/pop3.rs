//! Replies, listings and capabilities of POP3.

use bytes::Bytes;

use super::{Form, Misfit, maps, text::Text, written_as, written_by_form};
use crate::pop3::{Capabilities, Capability, Code, DropListing, Reply, ReplyKind, ScanListing, UniqueId};

maps! {
    Reply { kind: ReplyKind, code: Option<Code>, text: Bytes }
    DropListing { count: u64, octets: u64 }
    ScanListing { number: u32, octets: u64 }
    UniqueId { number: u32, uid: Bytes }
}

const KINDS: [(&str, ReplyKind); 3] =
    [("+OK", ReplyKind::Ok), ("-ERR", ReplyKind::Err), ("+", ReplyKind::Continue)];

written_as! {
    ReplyKind as String:
        |kind| KINDS.iter().find(|(_, known)| known == kind).map(|(word, _)| (*word).to_owned()).ok_or(Misfit::Not("a status")),
        |text| KINDS.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind).ok_or(Misfit::Not("+OK, -ERR or +"));
    Code as String:
        |code| Ok(code.name().to_owned()), |text| Self::new(text.as_bytes()).ok_or(Misfit::Not("a response code"));
    Capability as Text:
        |capability| Ok(Text(capability.encode()?.into())), |Text(line)| Ok(Self::parse(line));
    Capabilities as Vec<Text>:
        |list| list.iter().map(Form::to_written).collect(),
        |list| list.into_iter().map(Capability::from_written).collect();
}
