//! ENVELOPE, from a message's header (RFC 9051 7.5.2).

use bytes::Bytes;
use mail_proto::imap::{AddressBuf, EnvelopeBuf};

use super::address::addresses;
use super::header::values;

pub(crate) fn envelope(header: &[u8]) -> EnvelopeBuf {
    let text = |name: &[u8]| values(header, name).next().map(Bytes::from);
    // Fields that should occur once and don't are taken together.
    let list = |name: &[u8]| -> Vec<AddressBuf> {
        values(header, name).flat_map(|value| addresses(&value)).collect()
    };
    let from = list(b"From");
    let or_from = |found: Vec<AddressBuf>| if found.is_empty() { from.clone() } else { found };
    EnvelopeBuf {
        date: text(b"Date"),
        subject: text(b"Subject"),
        sender: or_from(list(b"Sender")),
        reply_to: or_from(list(b"Reply-To")),
        to: list(b"To"),
        cc: list(b"Cc"),
        bcc: list(b"Bcc"),
        in_reply_to: text(b"In-Reply-To"),
        message_id: text(b"Message-ID"),
        from,
    }
}
