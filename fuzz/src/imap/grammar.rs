//! What is read can be written, and what was written is read as the same.

use mail_proto::frame::{Event, Framer, Lent, Limits};
use mail_proto::imap::command::TaggedCommand;
use mail_proto::imap::encode::{EncodeOptions, Encoded, Fragment, Literals};
use mail_proto::imap::response::{self, ParseOptions, Reader};

use crate::shown;

/// What a server says: each frame is read tolerantly and strictly; what is strictly right is written and read again.
pub fn responses_survive_being_written(data: &[u8]) {
    for_each_frame(Framer::responses(Limits::RESPONSES), data, |frame| {
        let tolerant = response::parse(frame.to_vec(), ParseOptions::default());
        let Ok(strict) = response::parse(frame.to_vec(), ParseOptions::STRICT) else { return };
        assert!(tolerant.is_ok(), "strict reads what tolerant doesn't: {}", shown(frame));
        assert!(strict.quirks.is_empty(), "strict has quirks: {}", shown(frame));
        if has_controls(frame) {
            // Free text is written without them, and an unknown response as one line.
            return;
        }
        let Ok(written) = strict.value.encode() else { return };
        let written = written.to_bytes();
        let again = response::parse(written.clone(), ParseOptions::STRICT);
        assert_eq!(again.as_ref(), Ok(&strict), "{} was written as {}", shown(frame), shown(&written));
    });
    // Segment by segment, with literals streamed.
    let mut limits = Limits::RESPONSES;
    limits.kept_literal = 4;
    let mut framer = Framer::responses(limits);
    let mut reader = Reader::new(ParseOptions::default());
    framer.buffer().extend_from_slice(data);
    let mut given = Vec::new();
    while let Ok(Some(event)) = framer.next_event() {
        if let Event::Segment(segment) = event {
            given.push(reader.segment(segment));
        }
    }
    // And where they lie, which makes no difference.
    let mut limits = Limits::RESPONSES;
    limits.kept_literal = 4;
    let mut framer = Framer::responses(limits);
    let mut reader = Reader::new(ParseOptions::default());
    framer.buffer().extend_from_slice(data);
    let mut lent = Vec::new();
    while let Ok(Some(event)) = framer.lend() {
        if let Lent::Segment(segment) = event {
            lent.push(reader.lent(segment));
        }
    }
    assert_eq!(lent, given);
}

/// What a client says: each frame is read tolerantly and strictly; what is strictly right is written and read again.
pub fn commands_survive_being_written(data: &[u8]) {
    for_each_frame(Framer::commands(Limits::COMMANDS), data, |frame| {
        let tolerant = TaggedCommand::parse(frame.to_vec(), ParseOptions::default());
        let Ok(strict) = TaggedCommand::parse(frame.to_vec(), ParseOptions::STRICT) else { return };
        assert!(tolerant.is_ok(), "strict reads what tolerant doesn't: {}", shown(frame));
        let tag = String::from_utf8_lossy(&strict.value.tag).into_owned();
        let Ok(written) = strict.value.command.encode(&tag, EncodeOptions::literals(Literals::Any)) else {
            return;
        };
        let written = with_messages(&written, &strict.value.uploads);
        let again = TaggedCommand::parse(written.clone(), ParseOptions::STRICT);
        assert_eq!(again.as_ref(), Ok(&strict), "{} was written as {}", shown(frame), shown(&written));
    });
}

/// All bytes of a command, with the messages that it only knows the length of.
fn with_messages(written: &Encoded, messages: &[bytes::Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut messages = messages.iter();
    for fragment in &written.fragments {
        match fragment {
            Fragment::Bytes(piece) => bytes.extend_from_slice(piece),
            Fragment::Upload { len } => {
                let message = messages.next().expect("a message for each literal that is uploaded");
                assert_eq!(message.len() as u64, *len);
                bytes.extend_from_slice(message);
            }
            Fragment::Wait => {}
        }
    }
    bytes
}

/// Whether there are any before the line end.
fn has_controls(frame: &[u8]) -> bool {
    frame.strip_suffix(b"\r\n").unwrap_or(frame).iter().any(u8::is_ascii_control)
}

/// Each frame without streamed literals.
fn for_each_frame(mut framer: Framer, data: &[u8], mut each: impl FnMut(&[u8])) {
    framer.buffer().extend_from_slice(data);
    while let Ok(Some(event)) = framer.next_event() {
        if let Event::Segment(segment) = event
            && segment.streamed.is_none()
            && !segment.continues
        {
            each(&segment.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use mail_proto::imap::{
        command::Command,
        response::{Response, Untagged},
    };

    use super::*;
    use crate::Target;

    /// The name of the variant that a value's `Debug` form begins with.
    fn variant(value: &impl std::fmt::Debug) -> String {
        let shown = format!("{value:?}");
        shown.split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
    }

    /// How many frames of a target's seeds are read as each kind of value, and which words stand in these values.
    fn reached<T: std::fmt::Debug>(
        target: &str,
        framer: fn(Limits) -> Framer,
        parse: impl Fn(&[u8]) -> Option<T>,
        kind: impl Fn(&T) -> String,
    ) -> (BTreeMap<String, usize>, BTreeSet<String>) {
        let (mut kinds, mut words) = (BTreeMap::new(), BTreeSet::new());
        for seed in Target::find(target).unwrap().seeds() {
            for_each_frame(framer(Limits::RESPONSES), &seed, |frame| {
                if let Some(value) = parse(frame) {
                    *kinds.entry(kind(&value)).or_default() += 1;
                    let shown = format!("{value:?}");
                    words.extend(shown.split(|char: char| !char.is_ascii_alphanumeric()).map(str::to_owned));
                }
            });
        }
        (kinds, words)
    }

    fn missing<'a>(expected: &'a str, found: &BTreeSet<String>) -> Vec<&'a str> {
        expected.split_whitespace().filter(|word| !found.contains(*word)).collect()
    }

    #[test]
    fn seeds_reach_every_response() {
        let kind = |response: &Response| match response {
            Response::Untagged(untagged) => variant(untagged),
            other => variant(other),
        };
        let parse = |strict| {
            move |frame: &[u8]| {
                let parsed = response::parse(
                    frame.to_vec(),
                    if strict { ParseOptions::STRICT } else { ParseOptions::default() },
                )
                .ok()?;
                let unknown = matches!(parsed.value, Response::Untagged(Untagged::Unknown { .. }));
                (!unknown || !strict).then_some(parsed.value)
            }
        };
        let (tolerant, _) = reached("imap_responses", Framer::responses, parse(false), kind);
        let (strict, words) = reached("imap_responses", Framer::responses, parse(true), kind);
        let kinds = strict.keys().cloned().collect();
        const KINDS: &str = "Tagged Continue Status Capability Enabled Flags Exists Recent Expunge List Lsub \
            MailboxStatus XList Namespace Search ESearch Sort Thread Vanished Quota QuotaRoot Acl ListRights \
            MyRights Metadata UidBatches JmapAccess Fetch Id";
        assert_eq!(missing(KINDS, &kinds), [""; 0], "of {strict:?}");
        const CODES: &str = "Alert AlreadyExists AuthenticationFailed AuthorizationFailed Cannot ClientBug Closed \
            CompressionActive ContactAdmin Corruption Expired ExpungeIssued HasChildren InUse Limit NonExistent \
            NoModSeq NoPerm NotificationOverflow NotSaved OverQuota Parse PrivacyRequired ReadOnly ReadWrite \
            ServerBug Throttled TooBig TryCreate BadCharset BadEvent BadUrl Capability PermanentFlags UidNext \
            UidValidity Unseen AppendUid CopyUid HighestModSeq Modified InProgress MailboxId MessageLimit \
            Metadata NoUpdate UndefinedFilter UidRequired";
        assert_eq!(missing(CODES, &words), [""; 0]);
        const ITEMS: &str = "Uid Flags InternalDate Size ModSeq Envelope BodyStructure BodyBasic Body BinarySize \
            EmailId ThreadId Preview SaveDate GmailMessageId GmailThreadId GmailLabels";
        assert_eq!(missing(ITEMS, &words), [""; 0]);
        assert!(tolerant["Fetch"] > 80 && tolerant["List"] > 20 && tolerant["Status"] > 60, "{tolerant:?}");
        assert!(tolerant.values().sum::<usize>() > strict.values().sum::<usize>() + 50);
    }

    #[test]
    fn seeds_reach_every_command() {
        let parse = |frame: &[u8]| {
            TaggedCommand::parse(frame.to_vec(), ParseOptions::STRICT).ok().map(|parsed| parsed.value.command)
        };
        let (kinds, words) =
            reached("imap_commands", Framer::commands, parse, |command: &Command| variant(command));
        let found = kinds.keys().cloned().collect();
        const KINDS: &str = "Capability Noop Logout StartTls Login Authenticate Id Enable Unauthenticate Compress \
            Notify GetJmapAccess Select List Lsub XList Status Create Delete Rename Subscribe Unsubscribe Namespace \
            Idle Append Replace Check Close Unselect Expunge UidExpunge Search MultiSearch Sort Thread CancelUpdate \
            UidBatches Fetch Store Copy Move GetQuota GetQuotaRoot SetQuota SetAcl DeleteAcl GetAcl ListRights \
            MyRights GetMetadata SetMetadata";
        assert_eq!(missing(KINDS, &found), [""; 0], "of {kinds:?}");
        const KEYS: &str = "All Flag NotFlag New Sequence Uid Larger Smaller Text Body Header Before On Since \
            SentBefore SentOn SentSince Older Younger ModSeq SavedBefore SavedOn SavedSince SaveDateSupported EmailId \
            ThreadId Filter Fuzzy GmailRaw GmailMessageId GmailThreadId GmailLabel Or Not And";
        assert_eq!(missing(KEYS, &words), [""; 0]);
        const ITEMS: &str = "Flags InternalDate Size ModSeq Envelope BodyStructure BodyBasic Preview SaveDate \
            GmailLabels Binary BinarySize HeaderFields HeaderFieldsNot Mime";
        assert_eq!(missing(ITEMS, &words), [""; 0]);
        assert!(kinds["Search"] > 40 && kinds["Fetch"] > 6, "{kinds:?}");
    }
}
