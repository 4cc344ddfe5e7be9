//! Mailbox names once UTF-8 is switched on: they are UTF-8 on the wire instead of modified UTF-7 (RFC 6855 section 3,
//! RFC 9051 section 5.1).
//!
//! A [`MailboxName`] has one spelling, modified UTF-7, so that the same mailbox has the same name on every connection.
//! Writing with [`EncodeOptions::utf8`](super::encode::EncodeOptions::utf8) turns it into UTF-8. What is read can't
//! tell by itself which of the two it is in (`&-` is text in UTF-8), so whoever switched UTF-8 on says it of each value
//! with `names_from_utf8`. The client's session does.

use bytes::Bytes;

use super::{
    command::Command,
    list::ListExtension,
    mailbox::MailboxName,
    mailbox_filter::MailboxFilter,
    notify::Notify,
    response::{Response, Untagged},
};

impl Response {
    /// Takes the mailbox names in it as UTF-8, which they are after `ENABLED UTF8=ACCEPT` and `ENABLED IMAP4rev2`.
    pub fn names_from_utf8(&mut self) {
        if let Self::Untagged(data) = self {
            data.names_from_utf8();
        }
    }
}

impl Untagged {
    /// As [`Response::names_from_utf8`].
    pub fn names_from_utf8(&mut self) {
        match self {
            Self::List(list) | Self::Lsub(list) | Self::XList(list) => {
                list.mailbox.take_as_utf8();
                for item in &mut list.extended {
                    if let ListExtension::OldName(name) = item {
                        name.take_as_utf8();
                    }
                }
            }
            Self::MailboxStatus(status) => status.mailbox.take_as_utf8(),
            Self::ESearch(found) => found.mailbox.iter_mut().for_each(MailboxName::take_as_utf8),
            Self::QuotaRoot(roots) => roots.mailbox.take_as_utf8(),
            Self::Acl(acl) => acl.mailbox.take_as_utf8(),
            Self::ListRights(rights) => rights.mailbox.take_as_utf8(),
            Self::MyRights(rights) => rights.mailbox.take_as_utf8(),
            Self::Metadata(metadata) => metadata.mailbox.take_as_utf8(),
            Self::Namespace(namespaces) => {
                let all = [&mut namespaces.personal, &mut namespaces.other_users, &mut namespaces.shared];
                all.into_iter().flatten().for_each(|namespace| from_utf8(&mut namespace.prefix));
            }
            _ => {}
        }
    }
}

impl Command {
    /// Takes the mailbox names in it, and the patterns for them, as UTF-8, which they are after UTF-8 was switched on.
    pub fn names_from_utf8(&mut self) {
        match self {
            Self::Rename { from, to } => [from, to].into_iter().for_each(MailboxName::take_as_utf8),
            Self::List { reference, patterns, .. } => {
                from_utf8(reference);
                patterns.iter_mut().for_each(from_utf8);
            }
            Self::Lsub { reference, pattern } | Self::XList { reference, pattern } => {
                from_utf8(reference);
                from_utf8(pattern);
            }
            Self::Notify(Notify::Set { groups, .. }) => {
                groups.iter_mut().for_each(|group| group.mailboxes.names_from_utf8());
            }
            Self::MultiSearch(multi) => multi.mailboxes.iter_mut().for_each(MailboxFilter::names_from_utf8),
            other => other.mailbox_mut().into_iter().for_each(MailboxName::take_as_utf8),
        }
    }
}

impl MailboxFilter {
    fn names_from_utf8(&mut self) {
        if let Self::Subtree(names) | Self::SubtreeOne(names) | Self::Mailboxes(names) = self {
            names.iter_mut().for_each(MailboxName::take_as_utf8);
        }
    }
}

/// The same of a part of a name, or of a pattern.
fn from_utf8(name: &mut Bytes) {
    *name = super::mailbox::utf7_of_utf8(name);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::imap::{
        Namespace, Namespaces,
        command::TaggedCommand,
        encode::EncodeOptions,
        list::List,
        response::{self, ParseOptions},
    };

    const UTF8: EncodeOptions =
        EncodeOptions { utf8: true, ..EncodeOptions::literals(super::super::encode::Literals::Any) };

    fn written(command: &Command) -> Vec<u8> {
        command.encode("a", UTF8).unwrap().to_bytes()
    }

    #[test]
    fn names_are_utf8_on_the_wire_and_the_same_as_before() {
        let name = MailboxName::new("Entwürfe & 日本");
        let create = Command::create(name.clone());
        assert_eq!(
            create.encode("a", EncodeOptions::default()).unwrap().to_bytes(),
            b"a CREATE \"Entw&APw-rfe &- &ZeVnLA-\"\r\n"
        );
        assert_eq!(written(&create), "a CREATE \"Entwürfe & 日本\"\r\n".as_bytes());
        let wire = "* LIST () \"/\" \"Entwürfe & 日本\"\r\n".as_bytes();
        let mut parsed = response::parse(wire, ParseOptions::default()).unwrap().value;
        parsed.names_from_utf8();
        let expected = Response::Untagged(Untagged::List(List::new(name, Some(b'/'))));
        assert_eq!(parsed, expected);
        assert_eq!(expected.encode_utf8().unwrap().to_bytes(), wire);
    }

    #[test]
    fn what_is_no_text_stays_as_it_is() {
        for bytes in [&b"\xff\xfe"[..], b"a&", b"&AOk"] {
            let mut name = MailboxName::from_wire(bytes);
            let wire = written(&Command::Delete(name.clone()));
            assert!(wire.windows(bytes.len()).any(|window| window == bytes), "{name:?}");
            name.take_as_utf8();
            let again = written(&Command::Delete(name));
            assert_eq!(again, wire);
        }
    }

    #[test]
    fn patterns_and_prefixes_are_names_too() {
        let list = Command::list("ä/", "&AOk-%*");
        assert_eq!(written(&list), "a LIST \"ä/\" \"é%*\"\r\n".as_bytes());
        let namespaces =
            Namespaces { personal: vec![Namespace::new("&AOk-/", Some(b'/'))], ..Namespaces::default() };
        let response = Response::Untagged(Untagged::Namespace(namespaces));
        let wire = response.encode_utf8().unwrap().to_bytes();
        assert_eq!(wire, "* NAMESPACE ((\"é/\" \"/\")) NIL NIL\r\n".as_bytes());
        let mut parsed = response::parse(wire, ParseOptions::STRICT).unwrap().value;
        parsed.names_from_utf8();
        assert_eq!(parsed, response);
    }

    proptest! {
        #[test]
        fn every_text_is_the_same_name_both_ways(text in "\\PC{0,20}", other in "[ -~]{0,20}") {
            for text in [text, other] {
                let command = Command::Rename { from: MailboxName::new(&text), to: MailboxName::new("ü&") };
                let mut parsed = TaggedCommand::parse(written(&command), ParseOptions::STRICT).unwrap().value.command;
                parsed.names_from_utf8();
                prop_assert_eq!(parsed, command);
            }
        }
    }
}
