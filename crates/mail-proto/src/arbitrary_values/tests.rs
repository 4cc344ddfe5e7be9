use arbitrary::Arbitrary;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    generated::{assert_every_variant_is_generated, singly},
    imap::{
        Command, ResponseCode, SearchKey,
        command::TaggedCommand,
        encode::{EncodeOptions, Literals},
        fetch::FetchItem,
        response::{self, ParseOptions, Response, Untagged},
    },
    pop3, smtp,
};

fn made<T: for<'a> Arbitrary<'a> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    vec(any::<u8>(), 0..400)
        .prop_filter_map("not made", |bytes| T::arbitrary(&mut Unstructured::new(&bytes)).ok())
}

/// How many of a thousand values can be written, and how many of those can be read.
fn shares<T: for<'a> Arbitrary<'a>>(written_and_read: impl Fn(&T) -> Option<bool>) -> (u32, u32) {
    let (mut written, mut read) = (0, 0);
    let mut seed = 1_u64;
    for _ in 0..1_000 {
        let bytes: Vec<u8> = (0..300)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 56) as u8
            })
            .collect();
        let Ok(value) = T::arbitrary(&mut Unstructured::new(&bytes)) else { continue };
        if let Some(comes_back) = written_and_read(&value) {
            written += 1;
            read += u32::from(comes_back);
        }
    }
    (written, read)
}

#[test]
fn most_values_can_be_written_and_read() {
    let (written, read) = shares(|response: &Response| {
        let wire = response.encode().ok()?.to_bytes();
        let parsed = response::parse(wire, ParseOptions::default());
        Some(parsed.is_ok_and(|parsed| parsed.value == *response))
    });
    assert!(written > 900 && read > written * 9 / 10, "{written} written, {read} read");
    let literals = EncodeOptions::literals(Literals::Any);
    let (written, read) = shares(|command: &Command| {
        // The messages of these come from elsewhere.
        let is_upload = matches!(command, Command::Append { .. } | Command::Replace { .. });
        let wire = command.encode("A1", literals).ok().filter(|_| !is_upload)?.to_bytes();
        let parsed = TaggedCommand::parse(wire, ParseOptions::default());
        Some(parsed.is_ok_and(|parsed| parsed.value.command == *command))
    });
    assert!(written > 800 && read > written * 9 / 10, "{written} written, {read} read");
}

#[test]
fn most_values_of_pop3_can_be_written_and_read() {
    let (written, read) = shares(|command: &pop3::Command| {
        Some(pop3::Command::parse(command.encode().ok()?).as_ref() == Ok(command))
    });
    assert!(written > 900 && read == written, "{written} commands written, {read} read");
    let (written, read) = shares(|reply: &pop3::Reply| {
        let parsed = pop3::Reply::parse(reply.encode().ok()?, ParseOptions::default());
        Some(parsed.is_ok_and(|parsed| parsed.value == *reply))
    });
    assert!(written > 900 && read == written, "{written} replies written, {read} read");
    let (written, read) = shares(|capability: &pop3::Capability| {
        Some(pop3::Capability::parse(capability.encode().ok()?) == *capability)
    });
    assert!(written > 900 && read == written, "{written} capabilities written, {read} read");
}

#[test]
fn most_values_of_smtp_can_be_written_and_read() {
    let (written, read) = shares(|command: &smtp::Command| {
        Some(smtp::Command::parse(command.encode().ok()?).as_ref() == Ok(command))
    });
    assert!(written > 900 && read == written, "{written} commands written, {read} read");
    let (written, read) = shares(|reply: &smtp::Reply| {
        let mut reader = smtp::ReplyReader::new(smtp::Limits::default(), ParseOptions::default());
        reader.buffer().extend_from_slice(&reply.encode().ok()?);
        Some(matches!(reader.next_reply(), Ok(Some(parsed)) if parsed.value == *reply))
    });
    assert!(written > 900 && read > written * 9 / 10, "{written} replies written, {read} read");
}

#[test]
fn no_bytes_make_a_value_all_the_same() {
    assert!(pop3::Command::arbitrary(&mut Unstructured::new(b"")).is_ok());
    assert!(pop3::Reply::arbitrary(&mut Unstructured::new(b"")).is_ok());
    assert!(smtp::Command::arbitrary(&mut Unstructured::new(b"")).is_ok());
    assert!(smtp::Reply::arbitrary(&mut Unstructured::new(b"")).is_ok());
    assert!(Response::arbitrary(&mut Unstructured::new(b"")).is_ok());
    assert!(Command::arbitrary(&mut Unstructured::new(b"")).is_ok());
}

#[test]
fn every_variant_of_pop3_and_smtp_is_made() {
    use pop3::{Capability, Code, ReplyKind};
    use smtp::Extension;

    assert_every_variant_is_generated!(singly(made::<ReplyKind>()) => ReplyKind: Ok Err Continue);
    assert_every_variant_is_generated!(singly(made::<Code>()) => Code: InUse LoginDelay Auth SysTemp SysPerm Utf8 Other);
    assert_every_variant_is_generated!(singly(made::<Capability>()) => Capability:
        Top Uidl User Sasl RespCodes AuthRespCode LoginDelay Pipelining Expire Implementation Stls Utf8 Lang Other);
    assert_every_variant_is_generated!(singly(made::<Extension>()) => Extension:
        StartTls Auth Size Pipelining EightBitMime BinaryMime Chunking SmtpUtf8 EnhancedStatusCodes Dsn RequireTls
        Other);
    {
        use pop3::Command;
        assert_every_variant_is_generated!(singly(made::<Command>()) => Command:
            User Pass Apop Auth Stls Capa Utf8 Lang Stat List Uidl Retr Top Dele Noop Rset Quit);
    }
    use smtp::Command;
    assert_every_variant_is_generated!(singly(made::<Command>()) => Command:
        Ehlo Helo StartTls Auth Mail Rcpt Data Bdat Rset Noop Vrfy Quit);
}

#[test]
fn every_variant_is_made() {
    assert_every_variant_is_generated!(singly(made::<Response>()) => Response: Tagged Untagged Continue);
    assert_every_variant_is_generated!(singly(made::<Untagged>()) => Untagged:
        Status Capability Enabled Flags Exists Recent Expunge List Lsub MailboxStatus XList Namespace Search ESearch Sort
        Thread Vanished Quota QuotaRoot Acl ListRights MyRights Metadata UidBatches JmapAccess Fetch Id Unknown);
    assert_every_variant_is_generated!(singly(made::<SearchKey>()) => SearchKey:
        All Flag NotFlag New Sequence Uid Larger Smaller Text Body Header Before On Since SentBefore SentOn SentSince
        Older Younger ModSeq SavedBefore SavedOn SavedSince SaveDateSupported EmailId ThreadId Filter Fuzzy GmailRaw
        GmailMessageId GmailThreadId GmailLabel Or Not And InCharset);
    assert_every_variant_is_generated!(singly(made::<FetchItem>()) => FetchItem:
        Uid Flags InternalDate Size ModSeq Envelope BodyStructure BodyBasic EmailId ThreadId Preview SaveDate
        GmailMessageId GmailThreadId GmailLabels Binary BinarySize Rfc822 Body);
    assert_every_variant_is_generated!(singly(made::<ResponseCode>()) => ResponseCode:
        Alert AlreadyExists AuthenticationFailed AuthorizationFailed Cannot ClientBug Closed CompressionActive
        ContactAdmin Corruption Expired ExpungeIssued HasChildren InUse Limit NonExistent NoModSeq NoPerm
        NotificationOverflow NotSaved OverQuota Parse PrivacyRequired ReadOnly ReadWrite ServerBug Throttled TooBig
        TryCreate UidNotSticky UidRequired Unavailable UnknownCte UseAttr BadCharset BadEvent BadUrl Capability
        PermanentFlags UidNext UidValidity Unseen AppendUid CopyUid HighestModSeq Modified InProgress MailboxId
        MessageLimit Metadata NoUpdate UndefinedFilter Other);
}
