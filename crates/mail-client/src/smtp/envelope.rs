//! Who sends a message to whom, as its header says it.

use std::collections::HashSet;

use mail_proto::smtp::Address;

use super::{
    addresses::{NoAddress, addresses},
    header::Header,
    invalid_mail::InvalidMail,
};

/// Who gets reports: the one who sent it, or if that isn't said, the one whom it is from.
pub(super) fn sender(header: &Header) -> Result<Address, InvalidMail> {
    let fields = fields(header);
    let named = |name| named(fields.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)));
    let mut list = named("sender")?;
    if list.is_empty() {
        list = named("from")?;
    }
    match (list.pop(), list.is_empty()) {
        (None, _) => Err(InvalidMail::NoSender),
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(InvalidMail::SeveralSenders),
    }
}

/// Who gets it, each once.
pub(super) fn recipients(header: &Header) -> Result<Vec<Address>, InvalidMail> {
    let fields = fields(header);
    let is_for = |name: &str| ["to", "cc", "bcc"].iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut each = named(fields.iter().filter(|(name, _)| is_for(name)))?;
    let mut seen = HashSet::new();
    each.retain(|address| {
        // The domain's case means nothing; that of the local part may.
        let (local, domain) = address.as_str().rsplit_once('@').unwrap_or((address.as_str(), ""));
        seen.insert(format!("{local}@{}", domain.to_ascii_lowercase()))
    });
    if each.is_empty() { Err(InvalidMail::NoRecipients) } else { Ok(each) }
}

fn named<'a>(fields: impl Iterator<Item = &'a (&'a str, &'a [u8])>) -> Result<Vec<Address>, InvalidMail> {
    let mut all = Vec::new();
    for (name, value) in fields {
        let found = addresses(value)
            .map_err(|NoAddress(text)| InvalidMail::Address { field: (*name).to_owned(), text })?;
        all.extend(found);
    }
    Ok(all)
}

/// The fields that count: those of the message, or if it was sent on (RFC 5322 section 3.6.6) those that the last who
/// did added, without `Resent-`.
fn fields(header: &Header) -> Vec<(&str, &[u8])> {
    let resent = last_resent(header);
    if resent.is_empty() { header.fields().collect() } else { resent }
}

/// Each who sends a message on puts his `Resent-` fields before all others, and none of them twice.
fn last_resent(header: &Header) -> Vec<(&str, &[u8])> {
    let mut block: Vec<(&str, &[u8])> = Vec::new();
    for (name, value) in header.fields() {
        let resent = name.split_at_checked(7).filter(|(prefix, _)| prefix.eq_ignore_ascii_case("Resent-"));
        // What a server adds stands between two who sent it on.
        let is_trace = name.eq_ignore_ascii_case("Received") || name.eq_ignore_ascii_case("Return-Path");
        match resent {
            Some((_, name)) if block.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) => break,
            Some((_, name)) => block.push((name, value)),
            None if is_trace && !block.is_empty() => break,
            None => {}
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sender, and the recipients.
    fn named(header: &str) -> Result<(String, Vec<String>), InvalidMail> {
        let header = Header::new(header.to_owned().into());
        let recipients = recipients(&header)?.iter().map(Address::to_string).collect();
        Ok((sender(&header)?.to_string(), recipients))
    }

    #[test]
    fn an_envelope_is_what_the_header_says() {
        for (header, sender, recipients) in [
            ("From: a@x\r\nTo: b@x\r\n", "a@x", &["b@x"][..]),
            (
                "From: a@x, b@x\r\nSender: S <s@x>\r\nTo: c@x\r\nCC: d@x, c@X\r\nbcc: e@x\r\nTo: f@x\r\n\r\n",
                "s@x",
                &["c@x", "d@x", "e@x", "f@x"],
            ),
            ("From: a@x\r\nBcc: b@x\r\nTo: undisclosed:;\r\n", "a@x", &["b@x"]),
            ("From: a@x\r\nTo: b@x, B@x, b@x\r\n", "a@x", &["b@x", "B@x"]),
            (
                "Resent-From: r@x\r\nResent-To: s@x\r\nResent-Bcc: t@x\r\nFrom: a@x\r\nTo: b@x\r\n",
                "r@x",
                &["s@x", "t@x"],
            ),
            // Sent on twice, with and without a server in between.
            (
                "Resent-Sender: q@x\r\nResent-From: r@x\r\nResent-Cc: s@x\r\nResent-From: a@x\r\nResent-To: b@x\r\n",
                "q@x",
                &["s@x"],
            ),
            (
                "Received: 2\r\nResent-From: r@x\r\nResent-Cc: s@x\r\nReceived: 1\r\nResent-To: b@x\r\nFrom: a@x\r\n",
                "r@x",
                &["s@x"],
            ),
            (
                "From: =?utf-8?q?=C3=BC?= <a@x>\r\nTo: L:\r\n b@x,\r\n \"c d\"@x;\r\n",
                "a@x",
                &["b@x", "\"c d\"@x"],
            ),
        ] {
            let expected = recipients.iter().map(|&address| address.to_owned()).collect();
            assert_eq!(named(header), Ok((sender.to_owned(), expected)), "{header}");
        }
    }

    #[test]
    fn what_it_does_not_say_is_an_error() {
        for (header, expected) in [
            ("To: b@x\r\n", InvalidMail::NoSender),
            ("From: a@x, b@x\r\nTo: b@x\r\n", InvalidMail::SeveralSenders),
            ("From: a@x\r\n", InvalidMail::NoRecipients),
            ("From: a@x\r\nTo: undisclosed:;\r\n\r\n", InvalidMail::NoRecipients),
            ("From: a@x\r\n\r\nTo: b@x\r\n", InvalidMail::NoRecipients),
            ("Resent-From: a@x\r\nTo: b@x\r\n", InvalidMail::NoRecipients),
        ] {
            // The caller cuts the header off before it is read.
            let len = crate::smtp::header::HeaderEnd::default().find(header.as_bytes(), true).unwrap();
            assert_eq!(named(&header[..len]), Err(expected), "{header}");
        }
        let address = InvalidMail::Address { field: "Cc".into(), text: "root".into() };
        assert_eq!(named("From: a@x\r\nTo: b@x\r\nCc: c@x, root\r\n"), Err(address));
    }
}
