//! Which mailboxes NOTIFY and ESEARCH are about (`filter-mailboxes`, RFC 5465 section 6, RFC 7377 section 2.2).

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    terminals::{Context, Parsing, fail, keyword, list, spaces},
};

/// Which mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailboxFilter {
    /// The selected one.
    Selected,
    /// The selected one, whose expunged messages are told only when a command allows (NOTIFY alone).
    SelectedDelayed,
    /// All that take new messages.
    Inboxes,
    /// All of the user's own.
    Personal,
    /// All that are subscribed to.
    Subscribed,
    /// These and all below them.
    Subtree(Vec<MailboxName>),
    /// These and those one level below them (RFC 7377).
    SubtreeOne(Vec<MailboxName>),
    /// These.
    Mailboxes(Vec<MailboxName>),
}

const WORDS: [(&str, MailboxFilter); 5] = [
    ("selected", MailboxFilter::Selected),
    ("selected-delayed", MailboxFilter::SelectedDelayed),
    ("inboxes", MailboxFilter::Inboxes),
    ("personal", MailboxFilter::Personal),
    ("subscribed", MailboxFilter::Subscribed),
];

type OfNames = fn(Vec<MailboxName>) -> MailboxFilter;

const WITH_NAMES: [(&str, OfNames); 3] = [
    ("subtree", MailboxFilter::Subtree),
    ("subtree-one", MailboxFilter::SubtreeOne),
    ("mailboxes", MailboxFilter::Mailboxes),
];

impl MailboxFilter {
    /// ```abnf
    /// filter-mailboxes = "selected" / "selected-delayed" / "inboxes" / "personal" / "subscribed" /
    ///     ("subtree" / "subtree-one" / "mailboxes") SP one-or-more-mailbox
    /// one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
    /// ```
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        if let Some(found) =
            WORDS.iter().find_map(|(word, filter)| Some((keyword(input, word)?, filter.clone())))
        {
            return Ok(found);
        }
        let found = WITH_NAMES.iter().find_map(|(word, filter)| Some((keyword(input, word)?, filter)));
        let Some((rest, filter)) = found else { return fail(input, "which mailboxes") };
        let (rest, ()) = spaces(rest, cx)?;
        if rest.first() != Some(&b'(') {
            let (rest, name) = MailboxName::parse(rest, cx)?;
            return Ok((rest, filter(vec![name])));
        }
        let mut names = Vec::new();
        let (rest, ()) = list(rest, cx, |input, cx| {
            let (rest, name) = MailboxName::parse(input, cx)?;
            names.push(name);
            Ok((rest, ()))
        })?;
        Ok((rest, filter(names)))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        let (word, names) = match self {
            Self::Subtree(names) => ("subtree ", names),
            Self::SubtreeOne(names) => ("subtree-one ", names),
            Self::Mailboxes(names) => ("mailboxes ", names),
            plain => {
                let word =
                    WORDS.iter().find(|(_, filter)| filter == plain).map_or("selected", |(word, _)| word);
                out.raw(word);
                return;
            }
        };
        match names.as_slice() {
            [name] => name.encode(out.raw(word)),
            names => drop(out.raw(word).list1(names, "mailboxes", |out, name| name.encode(out))),
        }
    }
}
