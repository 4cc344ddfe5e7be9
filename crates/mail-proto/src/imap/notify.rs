//! NOTIFY: of what a server tells unasked (RFC 5465).

use bytes::Bytes;

use super::{
    encode::Encoder,
    fetch::{self, FetchItem},
    mailbox_filter::MailboxFilter,
    terminals::{Context, Parsing, at_end, atom, byte, fail, keyword, list, skip_spaces, spaces},
};

/// Of what a server is to tell unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Of nothing, the selected mailbox included.
    None,
    /// Of these events, in these mailboxes.
    Set {
        /// A STATUS for each of the mailboxes first.
        status: bool,
        /// Mailboxes, and what is to be told of them.
        groups: Vec<EventGroup>,
    },
}

/// Mailboxes, and what is to be told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventGroup {
    /// Which mailboxes.
    pub mailboxes: MailboxFilter,
    /// What is to be told; nothing if there are none.
    pub events: Vec<NotifyEvent>,
}

/// Something that is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotifyEvent {
    /// A message came, and these items of it, in the selected mailbox.
    MessageNew(Vec<FetchItem>),
    /// A message is gone.
    MessageExpunge,
    /// A message's flags changed.
    FlagChange,
    /// A message's annotations changed.
    AnnotationChange,
    /// A mailbox was made, renamed or deleted, or its access changed.
    MailboxName,
    /// A mailbox was subscribed to, or no longer.
    SubscriptionChange,
    /// A mailbox' metadata changed.
    MailboxMetadataChange,
    /// The server's metadata changed.
    ServerMetadataChange,
    /// One that isn't known here.
    Other(Bytes),
}

const WORDS: [(&str, NotifyEvent); 7] = [
    ("MessageExpunge", NotifyEvent::MessageExpunge),
    ("FlagChange", NotifyEvent::FlagChange),
    ("AnnotationChange", NotifyEvent::AnnotationChange),
    ("MailboxName", NotifyEvent::MailboxName),
    ("SubscriptionChange", NotifyEvent::SubscriptionChange),
    ("MailboxMetadataChange", NotifyEvent::MailboxMetadataChange),
    ("ServerMetadataChange", NotifyEvent::ServerMetadataChange),
];

impl Notify {
    /// `"NOTIFY" SP ("SET" [SP "STATUS"] SP event-groups / "NONE")`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        if let Some(rest) = keyword(input, "NONE") {
            return Ok((rest, Self::None));
        }
        let Some(rest) = keyword(input, "SET") else { return fail(input, "SET or NONE") };
        let (mut rest, ()) = spaces(rest, cx)?;
        let status = keyword(rest, "STATUS");
        if let Some(behind) = status {
            (rest, ()) = spaces(behind, cx)?;
        }
        let mut groups = Vec::new();
        loop {
            let (behind, group) = EventGroup::parse(rest, cx)?;
            groups.push(group);
            if behind.first() != Some(&b' ') || at_end(skip_spaces(behind)) {
                return Ok((behind, Self::Set { status: status.is_some(), groups }));
            }
            (rest, ()) = spaces(behind, cx)?;
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        let (status, groups) = match self {
            Self::None => {
                out.raw("NONE");
                return;
            }
            Self::Set { status, groups } => (*status, groups),
        };
        if groups.is_empty() {
            out.fail(super::EncodeError::Empty { what: "NOTIFY" });
        }
        out.raw(if status { "SET STATUS " } else { "SET " }).each(groups, |out, group| group.encode(out));
    }
}

impl EventGroup {
    /// `event-group = "(" filter-mailboxes SP events ")"`, `events = "(" event *(SP event) ")" / "NONE"`
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, ()) = byte(b'(', "\"(\"")(input)?;
        let (rest, mailboxes) = MailboxFilter::parse(rest, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let mut events = Vec::new();
        let (rest, ()) = match keyword(rest, "NONE") {
            Some(rest) => (rest, ()),
            None => list(rest, cx, |input, cx| {
                let (rest, event) = NotifyEvent::parse(input, cx)?;
                events.push(event);
                Ok((rest, ()))
            })?,
        };
        let (rest, ()) = byte(b')', "\")\"")(rest)?;
        Ok((rest, Self { mailboxes, events }))
    }

    fn encode(&self, out: &mut Encoder) {
        self.mailboxes.encode(out.raw("("));
        if self.events.is_empty() {
            out.raw(" NONE");
        } else {
            out.raw(" ").list(&self.events, |out, event| event.encode(out));
        }
        out.raw(")");
    }
}

impl NotifyEvent {
    /// `event`; `"MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]` has arguments.
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        if let Some(rest) = keyword(input, "MessageNew") {
            if !rest.starts_with(b" (") {
                return Ok((rest, Self::MessageNew(Vec::new())));
            }
            let (rest, items) = fetch::parse_items(&rest[1..], cx)?;
            return Ok((rest, Self::MessageNew(items)));
        }
        let (rest, name) = atom(input)?;
        let known = WORDS.iter().find(|(word, _)| name.eq_ignore_ascii_case(word.as_bytes()));
        let event = known.map_or_else(|| Self::Other(cx.keep(name)), |(_, event)| event.clone());
        Ok((rest, event))
    }

    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::MessageNew(items) => {
                out.raw("MessageNew");
                if !items.is_empty() {
                    fetch::encode_items(items, out.raw(" "));
                }
            }
            Self::Other(name) => drop(out.atom(name, "event")),
            known => {
                out.raw(WORDS.iter().find(|(_, event)| event == known).map_or("", |(word, _)| word));
            }
        }
    }
}
