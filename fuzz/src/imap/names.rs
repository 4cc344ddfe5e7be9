//! Names of mailboxes: bytes and their text.

use mail_proto::imap::MailboxName;

use crate::shown;

/// Bytes stay what they are; a text comes back from the name that is made of it; what is the inbox is the inbox.
pub fn mailbox_names_keep_their_text(data: &[u8]) {
    let name = MailboxName::from_wire(data.to_vec());
    assert_eq!(name.is_inbox(), data.eq_ignore_ascii_case(b"INBOX"));
    assert!(name.is_inbox() || name.as_bytes() == data, "{} became another name", shown(data));
    let text = std::str::from_utf8(data).ok().map(str::to_owned);
    for text in [name.to_text(), text].into_iter().flatten() {
        let again = MailboxName::new(&text);
        assert!(again.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~')), "{again:?} isn't ASCII");
        let expected = if again.is_inbox() { "INBOX" } else { &text };
        assert_eq!(again.to_text().as_deref(), Some(expected), "by way of {again:?}");
        assert_eq!(again.to_string(), expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    #[test]
    fn seeds_have_texts() {
        let seeds = Target::find("imap_mailbox_names").unwrap().seeds();
        let with_text = seeds.iter().filter(|seed| MailboxName::from_wire(seed.to_vec()).to_text().is_some());
        let coded = seeds.iter().filter(|seed| {
            let text = MailboxName::from_wire(seed.to_vec()).to_text();
            text.is_some_and(|text| !text.is_ascii())
        });
        let (with_text, coded) = (with_text.count(), coded.count());
        assert!(with_text >= 15 && coded >= 8, "{with_text} {coded}");
    }
}
