use std::fmt;

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json, to_value};

use crate::{
    frame::Segment,
    imap::{
        self, Date, DateTime, Flag, MailboxAttribute, MailboxName, PartialRange, ResponseCode, SequenceSet,
        StatusItem, ThreadAlgorithm, Threads,
        command::tests::{dates, sets},
        fetch::{
            Fetch,
            tests::{envelopes, structures},
        },
        response::{
            self, Response, Untagged,
            tests::{responses, statuses},
        },
    },
    pop3, smtp,
};

/// Through JSON as text, as a user would keep it.
fn kept<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

#[track_caller]
fn is_written<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: &T, written: Value) {
    assert_eq!(to_value(value).unwrap(), written);
    assert_eq!(from_value::<T>(written).unwrap(), *value);
}

#[track_caller]
fn is_refused<T: DeserializeOwned + fmt::Debug>(written: Value, message: &str) {
    let error = from_value::<T>(written).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

/// Keeps what a response holds, by its own type.
fn assert_data_comes_back(data: &Untagged) -> Result<(), TestCaseError> {
    macro_rules! all {
        ($($variant:ident)*) => {
            match data {
                $(Untagged::$variant(value) => prop_assert_eq!(&kept(value), value),)*
                Untagged::Fetch(fetch) => prop_assert_eq!(&kept(fetch), fetch),
                // Theirs are numbers and texts.
                Untagged::Exists(_)
                | Untagged::Recent(_)
                | Untagged::Expunge(_)
                | Untagged::JmapAccess(_)
                | Untagged::Id(_)
                | Untagged::Unknown { .. } => {}
            }
        };
    }
    all!(
        Status Capability Enabled Flags List Lsub MailboxStatus XList Namespace Search ESearch Sort Thread Vanished Quota
        QuotaRoot Acl ListRights MyRights Metadata UidBatches
    );
    Ok(())
}

proptest! {
    #[test]
    fn responses_and_what_they_hold_come_back(response in responses()) {
        prop_assert_eq!(&kept(&response), &response);
        if let Response::Untagged(data) = &response {
            assert_data_comes_back(data)?;
        }
    }

    #[test]
    fn statuses_and_their_codes_come_back(status in statuses()) {
        prop_assert_eq!(kept(&status), status);
    }

    #[test]
    fn envelopes_and_structures_come_back(envelope in envelopes(), structure in structures()) {
        prop_assert_eq!(kept(&envelope), envelope);
        prop_assert_eq!(kept(&structure), structure);
    }

    #[test]
    fn sets_and_dates_come_back(set in sets(), date in dates(), seconds in any::<i64>()) {
        prop_assert_eq!(kept(&set), set);
        prop_assert_eq!(kept(&date), date);
        let moment = DateTime::from_unix_seconds(seconds);
        prop_assert_eq!(kept(&moment), moment);
    }

    #[test]
    fn what_is_read_panics_for_no_text(text in "\\PC{0,40}") {
        let written = json!(text);
        drop(from_value::<Response>(written.clone()));
        drop(from_value::<ResponseCode>(written.clone()));
        drop(from_value::<SequenceSet>(written.clone()));
        drop(from_value::<DateTime>(written.clone()));
        drop(from_value::<smtp::EnhancedCode>(written));
    }
}

#[test]
fn what_has_a_text_on_the_wire_is_that_text() {
    is_written(&MailboxName::new("Entwürfe"), json!("Entw&APw-rfe"));
    is_written(&MailboxName::from_wire(&b"a\xff"[..]), json!([97, 255]));
    is_written(&vec![Flag::Seen, Flag::new("$Junk")], json!(["\\Seen", "$Junk"]));
    is_written(&MailboxAttribute::HasChildren, json!("\\HasChildren"));
    is_written(&"3,1:2,7:*".parse::<SequenceSet>().unwrap(), json!("3,1:2,7:*"));
    is_written(&SequenceSet::default(), json!(""));
    is_written(&SequenceSet::saved(), json!("$"));
    is_written(&Date::new(2024, 2, 9).unwrap(), json!("9-Feb-2024"));
    let moment = DateTime::parse(b"17-Jul-1996 02:44:25 -0700").unwrap();
    is_written(&moment, json!("17-Jul-1996 02:44:25 -0700"));
    is_written(&PartialRange::FromLast(1, 50), json!("-1:-50"));
    is_written(&ThreadAlgorithm::References, json!("REFERENCES"));
    is_written(&StatusItem::UidNext, json!("UIDNEXT"));
    is_written(&imap::Rights::new("lrs"), json!("lrs"));
    is_written(&imap::Capability::new("AUTH=PLAIN"), json!("AUTH=PLAIN"));
    is_written(&ResponseCode::UidNext(7), json!("UIDNEXT 7"));
    is_written(&ResponseCode::BadCharset(vec!["a ]".into()]), json!("BADCHARSET (\"a ]\")"));
}

#[test]
fn data_is_a_map_of_its_fields() {
    let mut list = imap::List::new("Trash", Some(b'/'));
    list.attributes.insert(MailboxAttribute::Trash);
    list.extended.push(imap::ListExtension::OldName("Bin".into()));
    is_written(
        &list,
        json!({
            "attributes": ["\\Trash"], "delimiter": 47, "mailbox": "Trash", "extended": [{"old_name": "Bin"}],
        }),
    );
    let status = imap::MailboxStatus {
        mailbox: "INBOX".into(),
        items: vec![
            (StatusItem::Messages, 3.into()),
            (StatusItem::MailboxId, imap::StatusValue::Id("F1".into())),
            (StatusItem::AppendLimit, imap::StatusValue::Nil),
        ],
        other: Vec::new(),
    };
    is_written(
        &status,
        json!({
            "mailbox": "INBOX",
            "items": [["MESSAGES", {"number": 3}], ["MAILBOXID", {"id": "F1"}], ["APPENDLIMIT", "nil"]],
            "other": [],
        }),
    );
    let mut threads = Threads::default();
    let first = threads.push(Some(3), None);
    threads.push(None, first);
    is_written(&threads, json!([{"number": 3, "parent": null}, {"number": null, "parent": 0}]));
    let no = imap::Status::new(imap::StatusKind::No, "later").with_code(ResponseCode::InUse);
    is_written(&no, json!({"kind": "NO", "code": "INUSE", "text": "later"}));
    // A field that may be missing may be left out.
    assert_eq!(from_value::<imap::AddressBuf>(json!({"mailbox": "kim", "host": "example.org"})).unwrap(), {
        imap::AddressBuf::new("kim", "example.org")
    });
}

#[test]
fn a_response_is_what_was_on_the_wire() {
    let wire = "* 12 FETCH (UID 5 FLAGS (\\Seen))\r\n";
    let response = response::parse(wire.as_bytes(), response::ParseOptions::default()).unwrap().value;
    is_written(&response, json!(wire));
    let Response::Untagged(Untagged::Fetch(fetch)) = response else { panic!("a FETCH") };
    is_written(&fetch, json!(wire));
    is_refused::<Fetch>(json!("* 3 EXISTS\r\n"), "not a FETCH");
    for wire in [
        "* 1 EXISTS\r\n* 2 EXISTS\r\n",
        "* OK a\r\n* OK b\r\n",
        "* 1 EXISTS",
        "",
        "* 1 FETCH (BODY[] {9}\r\n)\r\n",
    ] {
        is_refused::<Response>(json!(wire), "not one whole response");
    }
}

#[test]
fn a_piece_of_a_message_is_no_whole_one() {
    let mut reader = response::Reader::new(response::ParseOptions::default());
    for (bytes, continues, streamed) in
        [("* 12 FETCH (UID 5 BODY[] {70000}\r\n", false, Some(70_000)), (" FLAGS (\\Seen))\r\n", true, None)]
    {
        let piece = reader.segment(Segment { bytes: bytes.into(), continues, streamed }).unwrap().value;
        assert!(to_value(piece).unwrap_err().to_string().contains("a piece of a message"));
    }
}

#[test]
fn pop3_and_smtp() {
    let busy = pop3::Reply::new(pop3::ReplyKind::Err, "busy").with_code(pop3::Code::InUse);
    is_written(&busy, json!({"kind": "-ERR", "code": "IN-USE", "text": "busy"}));
    for kind in [pop3::ReplyKind::Ok, pop3::ReplyKind::Err, pop3::ReplyKind::Continue] {
        assert_eq!(kept(&kind), kind);
    }
    is_written(&pop3::DropListing { count: 2, octets: 320 }, json!({"count": 2, "octets": 320}));
    is_written(&pop3::ScanListing { number: 1, octets: 120 }, json!({"number": 1, "octets": 120}));
    is_written(
        &pop3::UniqueId { number: 1, uid: "whqtswO00WBw".into() },
        json!({"number": 1, "uid": "whqtswO00WBw"}),
    );
    let capabilities: pop3::Capabilities =
        ["UIDL", "SASL PLAIN", "X-ODD 1"].map(pop3::Capability::parse).into_iter().collect();
    is_written(&capabilities, json!(["UIDL", "SASL PLAIN", "X-ODD 1"]));

    let refused = smtp::Reply::new(smtp::ReplyCode::new(550).unwrap(), "no such user")
        .with_enhanced(smtp::EnhancedCode { class: 5, subject: 1, detail: 1 });
    is_written(&refused, json!({"code": 550, "enhanced": "5.1.1", "lines": ["no such user"]}));
    is_written(&smtp::Address::new("kim@example.org").unwrap(), json!("kim@example.org"));
}

#[test]
fn what_is_no_value_is_refused_with_the_reason() {
    is_refused::<SequenceSet>(json!("0"), "not a set of message numbers");
    is_refused::<DateTime>(json!("yesterday"), "not a date and time");
    is_refused::<smtp::ReplyCode>(json!(99), "not a reply code");
    is_refused::<smtp::EnhancedCode>(json!("5.1.1.1"), "not an enhanced code");
    is_refused::<smtp::Address>(json!("kim@example.org>\r\nRCPT TO:<x@example.org"), "address");
    is_refused::<Threads>(json!([{"number": 1, "parent": 0}]), "behind the one that it answers");
    is_refused::<StatusItem>(json!("X"), "not a status item");
    is_refused::<ResponseCode>(json!("INUSE] ["), "not a response code");
    let nowhere = DateTime { month: 13, ..DateTime::from_unix_seconds(0) };
    assert!(to_value(nowhere).is_err());
    assert!(to_value(Date { year: 2024, month: 0, day: 1 }).is_err());
}
