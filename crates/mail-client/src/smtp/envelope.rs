//! Who sends a message to whom, as its header says it.

use mail_proto::smtp::Address;

use super::{
    addresses::{NoAddress, addresses},
    header::Header,
    invalid_mail::InvalidMail,
};

/// Whom the header names.
#[derive(Debug, Default)]
pub(super) struct Named {
    sender: Vec<Address>,
    from: Vec<Address>,
    recipients: Vec<Address>,
}

impl Named {
    /// Those of the fields of the message, or if it was sent on (RFC 5322 section 3.6.6) of those that the last who did
    /// added.
    pub(super) fn by(header: &Header) -> Result<Self, InvalidMail> {
        let resent = last_resent(header);
        if !resent.is_empty() {
            return Self::of(resent.into_iter());
        }
        Self::of(header.fields())
    }

    fn of<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self, InvalidMail> {
        let mut named = Self::default();
        for (name, value) in fields {
            let plain = without_resent(name).unwrap_or(name).to_ascii_lowercase();
            let list = match plain.as_slice() {
                b"sender" => &mut named.sender,
                b"from" => &mut named.from,
                b"to" | b"cc" | b"bcc" => &mut named.recipients,
                _ => continue,
            };
            let found = addresses(value).map_err(|NoAddress(text)| InvalidMail::Address {
                field: String::from_utf8_lossy(name).into_owned(),
                text,
            })?;
            list.extend(found);
        }
        Ok(named)
    }

    /// Who gets reports: the one who sent it, or if that isn't said, the one whom it is from.
    pub(super) fn sender(&self) -> Result<Address, InvalidMail> {
        let list = if self.sender.is_empty() { &self.from } else { &self.sender };
        match list.as_slice() {
            [] => Err(InvalidMail::NoSender),
            [one] => Ok(one.clone()),
            [_, ..] => Err(InvalidMail::SeveralSenders),
        }
    }

    /// Who gets it, each once.
    pub(super) fn recipients(self) -> Result<Vec<Address>, InvalidMail> {
        let mut each: Vec<Address> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for address in self.recipients {
            // The domain's case means nothing; that of the local part may.
            let (local, domain) = address.as_str().rsplit_once('@').unwrap_or((address.as_str(), ""));
            if seen.insert(format!("{local}@{}", domain.to_ascii_lowercase())) {
                each.push(address);
            }
        }
        if each.is_empty() { Err(InvalidMail::NoRecipients) } else { Ok(each) }
    }
}

/// What a field's name is behind `Resent-`, if it begins so.
fn without_resent(name: &[u8]) -> Option<&[u8]> {
    let (prefix, rest) = name.split_at_checked(7)?;
    prefix.eq_ignore_ascii_case(b"Resent-").then_some(rest)
}

/// The `Resent-` fields that were added last: each who sends a message on puts his before all others, and none twice.
fn last_resent(header: &Header) -> Vec<(&[u8], &[u8])> {
    let mut block: Vec<(&[u8], &[u8])> = Vec::new();
    for (name, value) in header.fields() {
        // What a server adds stands between two who sent it on.
        let is_trace = name.eq_ignore_ascii_case(b"Received") || name.eq_ignore_ascii_case(b"Return-Path");
        let is_repeated = block.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !block.is_empty() && (is_trace || is_repeated) {
            break;
        }
        if without_resent(name).is_some() {
            block.push((name, value));
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sender, and the recipients.
    fn named(header: &str) -> Result<(String, Vec<String>), InvalidMail> {
        let named = Named::by(&Header::new(header.to_owned().into()))?;
        let sender = named.sender()?.to_string();
        Ok((sender, named.recipients()?.iter().map(Address::to_string).collect()))
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
